"""Which network a request is about. Imports no torch."""

from efficiency import intake
from efficiency.core.requests import ModelRequest
from efficiency.workloads import recognise


def architecture_of(request: ModelRequest) -> str | None:
    """The catalogue's name of the network, told by names and shapes if a file is all there is.

    None for a file that fits no network. Raises UnknownName if the file is not kept any more.
    """
    name = request.workload or request.architecture
    if name is None and request.model is not None:
        name = recognise.recognise(intake.load(request.model).shapes)
    return name
