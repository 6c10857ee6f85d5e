"""The standard library's source as characters: which one comes next?

The modules at the library's top, no file both in the training and in the held-out part. The ids of
characters are fixed, so that weights fit the text of any Python version.
"""

import torch
from torch import Tensor

from efficiency.workloads.split import Split
from efficiency.workloads.stdlib import read

LENGTH = 64
FIRST, LAST = 32, 126  # printable ASCII is 1 to 95, a new line 96, all else 0
NEW_LINE = LAST - FIRST + 2
CHARACTERS = NEW_LINE + 1
TRAIN_SEQUENCES, HELD_OUT_SEQUENCES = 64, 12  # of one file, spread over it


def load_split() -> Split:
    """Character ids and the ids one further on, both (N, 64), and the file of each held-out."""
    sources = read("[a-z]*.py")
    inputs, labels, _ = _sequences(sources.train, TRAIN_SEQUENCES)
    return Split(inputs, labels, *_sequences(sources.held_out, HELD_OUT_SEQUENCES))


def encode(text: str) -> Tensor:
    """Ids of the characters of a text."""
    codes = torch.frombuffer(bytearray(text, "utf-32-le"), dtype=torch.int32).long()
    ids = torch.where((codes >= FIRST) & (codes <= LAST), codes - FIRST + 1, 0)
    return torch.where(codes == ord("\n"), NEW_LINE, ids)


def _sequences(texts: list[str], most: int) -> tuple[Tensor, Tensor, Tensor]:
    """Sequences that do not overlap, the same shifted by one, and their file."""
    inputs, labels, files = [], [], []
    for file, text in enumerate(texts):
        ids = encode(text)
        starts = range(0, len(ids) - LENGTH, LENGTH)
        for start in starts[:: max(1, -(-len(starts) // most))]:
            inputs.append(ids[start : start + LENGTH])
            labels.append(ids[start + 1 : start + LENGTH + 1])
            files.append(file)
    return torch.stack(inputs), torch.stack(labels), torch.tensor(files)
