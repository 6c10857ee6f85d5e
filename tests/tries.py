"""For tests of what this machine measures of itself, while other tests keep it busy."""

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

TRIES = 5
Given = ParamSpec("Given")


def measured(test: Callable[Given, None]) -> Callable[Given, None]:
    """A test that is carried out again, up to five times, until it passes.

    Others at work spoil one measurement; what is wrong in the code is wrong in all of them.
    """

    @wraps(test)
    def tried(*args: Given.args, **kwargs: Given.kwargs) -> None:
        for number in range(1, TRIES):
            try:
                return test(*args, **kwargs)
            except AssertionError as error:
                print(f"try {number} of {TRIES} failed: {error}")  # shown if the last one fails too
        return test(*args, **kwargs)

    return tried
