"""Everything that can go wrong for a user, as one small tree.

    EfficiencyError          our base; str(error) is one sentence with the remedy
    ├── BadInput             what the user gave cannot be used            (exit 2)
    │   ├── BadFile          an uploaded file was refused or is damaged
    │   └── UnknownName      a workload, architecture or run that does not exist
    ├── Unavailable          this machine cannot do it; the sentence says why
    └── RunFailed            a run ended without a result: deadline, killed, lost

Anything else that escapes is our own bug and may show a traceback in the log, never to the user.
"""

from difflib import get_close_matches


class EfficiencyError(Exception):
    """Base of all errors meant for the user."""


class BadInput(EfficiencyError):
    """The request cannot be carried out as given."""


class BadFile(BadInput):
    """The file is empty, damaged, of another kind, or not safe to read."""


class UnknownName(BadInput):
    """A name that is not in a list of names; says which are: all of a few, of many the nearest."""

    FEW = 4

    def __init__(self, what: str, name: str, known: tuple[str, ...]) -> None:
        close = get_close_matches(name, known, n=3) if len(known) > self.FEW else ()
        near = close or known
        super().__init__(f"There is no {what} called {name!r}; try {', '.join(near)}.")


class Unavailable(EfficiencyError):
    """The machine or a library here cannot do what was asked."""


class RunFailed(EfficiencyError):
    """A run ended without a result."""
