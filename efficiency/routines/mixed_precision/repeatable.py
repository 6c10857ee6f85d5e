"""Intervals that hold for the next process too: whoever repeats a run finds its ratio in them.

The bootstrap over the rounds of one process gives what those rounds are good for. In the next
process weights lie at other addresses and other networks are in the caches beside them: the same
comparison then comes out 1 or 2 % off, and no number of rounds helps against that. The band that is
allowed for it is the one that every verdict allows for (`measure/ratio.py`). Inside the interval it
is seen: a verdict of faster or slower is an interval without 1.
"""

from dataclasses import replace

from efficiency.core.values import EQUIVALENCE_BAND, Ratio


def repeatable(ratio: Ratio) -> Ratio:
    """The same ratio and verdict, with an interval that reaches further by the band."""
    return replace(ratio, low=ratio.low / EQUIVALENCE_BAND, high=ratio.high * EQUIVALENCE_BAND)
