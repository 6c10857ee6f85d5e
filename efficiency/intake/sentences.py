"""Words that several refusals share."""

from efficiency.core.errors import BadFile

SAVE_WEIGHTS = 'torch.save(model.state_dict(), "model.pt")'
"""The line that makes an acceptable file of any model."""


def quoted(name: object) -> str:
    """A name from a file for a one-line sentence: control characters escaped, long ones cut."""
    text = name if isinstance(name, str) else str(name)
    return repr(text if len(text) <= 80 else f"{text[:77]}...")


def damaged(what: str) -> BadFile:
    """The refusal of a file whose parts contradict each other or end too early."""
    return BadFile(
        f"The file is damaged or was cut off: {what}; copy it again, or save it again with "
        f"{SAVE_WEIGHTS}."
    )
