"""Text that came from a file or a request, made safe for Streamlit's markdown."""

import re
from string import punctuation

from efficiency.exports.columns import THIN

PUNCTUATION = re.compile(f"([{re.escape(punctuation)}])")
SHORTCODE = re.compile(r":(?=[a-zA-Z+\-_])")
SPACES = re.compile(f"[^\\S{THIN}]+")  # numbers have thin spaces, and stay on one line
JOINER = "\N{WORD JOINER}"


def escape(text: object) -> str:
    """The text as markdown that shows it literally, on one line.

    A backslash disarms every sign that markdown knows. Streamlit replaces :emoji: and
    :material/icons: after that, so an invisible joiner parts the colon from the word.
    """
    line = SPACES.sub(" ", str(text)).strip()
    shown = "".join(
        each if each.isprintable() or each == THIN else "\N{REPLACEMENT CHARACTER}" for each in line
    )
    return PUNCTUATION.sub(r"\\\1", SHORTCODE.sub(f":{JOINER}", shown))
