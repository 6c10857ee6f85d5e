"""What people type for a field that is not one word or one number."""

from efficiency.core.errors import BadInput


def parse_names(text: str) -> tuple[str, ...]:
    """The names that somebody typed, with commas between; () for nothing."""
    return tuple(name for name in (part.strip() for part in text.split(",")) if name)


def parse_shape(text: str) -> tuple[int, ...] | None:
    """The shape that somebody typed, like 1,3,224,224; None for nothing. Raises BadInput."""
    if not text.strip():
        return None
    try:
        return tuple(int(size) for size in text.split(","))
    except ValueError:
        raise BadInput(
            f"{text!r} is not an input shape; write whole numbers with commas, like 1,3,224,224."
        ) from None
