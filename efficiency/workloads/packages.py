"""Snippets of the standard library's source: which package does each come from?

A snippet is 64 words (letters in a row, single digits and signs). No file is both in the training
part and in the held-out part, and only words of the training part have an id of their own.
"""

import re
from collections import Counter

import torch
from torch import Tensor

from efficiency.workloads.split import Split
from efficiency.workloads.stdlib import read

PACKAGES = ("asyncio", "email", "importlib", "multiprocessing", "unittest", "xml")
LENGTH = 64
WORDS = 4096
UNKNOWN = 0
LARGEST_FILE = 24  # snippets held out of one file, so that no file decides the score

WORD = re.compile(r"[A-Za-z]+|\d|[^\w\s]")


def load_split() -> Split:
    """Token ids (N, 64), package numbers (N,), and the file of each held-out snippet."""
    sources = [read(f"{package}/**/*.py") for package in PACKAGES]
    train = [[WORD.findall(text) for text in each.train] for each in sources]
    held_out = [[WORD.findall(text) for text in each.held_out] for each in sources]
    ids = vocabulary([words for files in train for words in files])
    train_inputs, train_labels, _ = _snippets(train, ids, most=None)
    return Split(train_inputs, train_labels, *_snippets(held_out, ids, most=LARGEST_FILE))


def vocabulary(texts: list[list[str]]) -> dict[str, int]:
    """The most frequent words with their ids, from 1; what is not in it is UNKNOWN."""
    counts = Counter(word for words in texts for word in words)
    frequent = sorted(counts, key=lambda word: (-counts[word], word))[: WORDS - 1]
    return {word: number for number, word in enumerate(frequent, start=1)}


def _snippets(
    packages: list[list[list[str]]], ids: dict[str, int], most: int | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Ids, packages and files of the whole snippets; at most so many a file, spread over it."""
    found: list[list[int]] = []
    labels: list[int] = []
    files: list[int] = []
    texts = [(package, words) for package, each in enumerate(packages) for words in each]
    for file, (package, words) in enumerate(texts):
        numbers = [ids.get(word, UNKNOWN) for word in words]
        starts = range(0, len(numbers) - LENGTH + 1, LENGTH)
        if most is not None:
            starts = starts[:: max(1, -(-len(starts) // most))]
        found += [numbers[start : start + LENGTH] for start in starts]
        labels += [package] * len(starts)
        files += [file] * len(starts)
    return torch.tensor(found), torch.tensor(labels), torch.tensor(files)
