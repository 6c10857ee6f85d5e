import pytest

from pages.shared.escape import escape


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("conv1.weight", r"conv1\.weight"),
        ("**bold**", r"\*\*bold\*\*"),
        ("[a](http://b)", r"\[a\]\(http\:\/\/b\)"),
        ("<b>", r"\<b\>"),
        ("two\nlines", "two lines"),
        ("\x1b[0m", "\N{REPLACEMENT CHARACTER}\\[0m"),
    ],
)
def test_signs_are_disarmed(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_shortcodes_are_parted() -> None:
    assert escape(":smile:") == "\\:\N{WORD JOINER}smile\\:"
