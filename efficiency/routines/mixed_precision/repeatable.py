"""Intervals that hold for the next process too: whoever repeats a run finds its ratio in them.

The bootstrap over the rounds of one process gives what those rounds are good for. But weights lie
at other addresses in the next process, and use caches and pages differently there: the same
comparison, in processes one after the other, came out up to PROCESS apart (`measure/ratio.py` has
seen as much between two copies of a network). More rounds do not help against that.
"""

from efficiency.core.values import Ratio
from efficiency.measure.ratio import judge

PROCESS = 1.02


def repeatable(ratio: Ratio) -> Ratio:
    """The same ratio; its interval reaches further by PROCESS on both sides, and is judged anew."""
    low, high = ratio.low / PROCESS, ratio.high * PROCESS
    return Ratio(ratio=ratio.ratio, low=low, high=high, verdict=judge(low, high))
