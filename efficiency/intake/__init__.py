"""From a file that nobody vouches for to weights that everything else may read.

`accept` checks the bytes, lets a confined process convert them, and keeps only the result: a
canonical safetensors file under the hash of its content. Importing this imports no torch.
"""

from efficiency.intake.accepted import Accepted, TensorInfo
from efficiency.intake.front import accept, forget, load, unattended, weights_path
from efficiency.intake.limits import max_file_bytes
from efficiency.intake.reader import isolation

__all__ = [
    "Accepted",
    "TensorInfo",
    "accept",
    "forget",
    "isolation",
    "load",
    "max_file_bytes",
    "unattended",
    "weights_path",
]
