"""The standard library as data: whole files are held out, words come from the others."""

import os
from pathlib import Path

import pytest
import torch

from efficiency.core.errors import Unavailable
from efficiency.workloads import catalogue, characters, packages, stdlib
from efficiency.workloads.split import Split

NAMES = [f"{letter}mod" for letter in "abcdefghij"]


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library in which every file has a word of its own, written 300 times."""
    for package in packages.PACKAGES:
        for name in NAMES:
            write(tmp_path / package / f"{name}.py", f"own{package}{name} shared ")
        write(tmp_path / package / "test" / "atest.py", "onlyintests ")
    for name in NAMES:
        write(tmp_path / f"{name}.py", f"{name[0]} = 1\n")
    write(tmp_path / "_private.py", "hidden")
    monkeypatch.setattr(os, "__file__", str(tmp_path / "os.py"))
    return tmp_path


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(300 * text)


def split_of(name: str) -> Split:
    split = catalogue.get(name).load_split()
    assert split is not None
    return split


def test_every_fourth_file_is_held_out_whole(library: Path) -> None:
    sources = stdlib.read("[a-z]*.py")
    assert [text[0] for text in sources.train] == list("abcefgij")
    assert [text[0] for text in sources.held_out] == list("dh")
    assert not any("hidden" in text for text in (*sources.train, *sources.held_out))


def test_tests_are_left_out(library: Path) -> None:
    sources = stdlib.read("xml/**/*.py")
    assert len(sources.train) + len(sources.held_out) == len(NAMES)
    assert not any("onlyintests" in text for text in (*sources.train, *sources.held_out))


def test_words_of_held_out_files_have_no_ids(library: Path) -> None:
    split = packages.load_split()
    # Every training snippet is its file's own word and the shared one, in turn; so are the held-out
    # ones, but nobody knows their own words.
    shared = split.train_inputs.flatten().mode().values
    own_in_training = split.train_inputs[split.train_inputs != shared]
    own_held_out = split.held_out_inputs[split.held_out_inputs != shared]
    assert (own_in_training != packages.UNKNOWN).all()
    assert (own_held_out == packages.UNKNOWN).all()
    assert len(own_in_training.unique()) == 8 * len(packages.PACKAGES)
    assert (split.held_out_inputs == shared).float().mean() == 0.5


def test_the_most_frequent_words_get_ids_and_ties_are_settled() -> None:
    ids = packages.vocabulary([["b", "a", "c"], ["c"]])
    assert ids == {"c": 1, "a": 2, "b": 3}
    many = packages.vocabulary([[str(number) for number in range(5000)]])
    assert max(many.values()) == packages.WORDS - 1


def test_real_snippets_are_whole_and_no_file_decides() -> None:
    split = split_of("transformer")
    assert split.train_inputs.shape[1:] == split.held_out_inputs.shape[1:] == (64,)
    assert len(split.train_inputs) > 2000
    assert int(split.train_inputs.max()) == packages.WORDS - 1
    assert set(split.held_out_labels.tolist()) == set(range(len(packages.PACKAGES)))
    assert split.held_out_files is not None
    files, counts = split.held_out_files.unique(return_counts=True)
    assert len(files) >= 20
    assert int(counts.max()) <= packages.LARGEST_FILE
    for file in files:  # a file is in one package
        assert len(split.held_out_labels[split.held_out_files == file].unique()) == 1


def test_labels_are_the_characters_one_further_on() -> None:
    split = split_of("lstm")
    for inputs, labels in (
        (split.train_inputs, split.train_labels),
        (split.held_out_inputs, split.held_out_labels),
    ):
        assert torch.equal(inputs[:, 1:], labels[:, :-1])
        assert int(inputs.max()) < characters.CHARACTERS
    assert split.held_out_files is not None
    assert len(split.held_out_files) == len(split.held_out_inputs)
    assert len(split.held_out_files.unique()) >= 20


def test_characters_have_fixed_ids() -> None:
    found = characters.encode(" ~\nä\t€😀a").tolist()
    assert found == [1, 95, 96, 0, 0, 0, 0, ord("a") - 31]


def test_a_python_without_its_source_says_so(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "__file__", str(library / "nowhere" / "os.py"))
    catalogue._loaded.cache_clear()
    with pytest.raises(Unavailable, match="no source of its standard library"):
        catalogue.get("lstm").load_split()
    catalogue._loaded.cache_clear()
