"""Honest files: what is accepted, under which id, and what is said about it."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import pytest
import torch
from safetensors.torch import load_file

from efficiency import intake
from efficiency.core import paths
from efficiency.core.errors import BadFile, BadInput, UnknownName
from efficiency.intake import reader
from efficiency.intake.answer import Answer
from efficiency.intake.headers import DTYPES
from tests.intake import crafted
from tests.intake.conftest import Give

ROOT = Path(intake.__file__).resolve().parents[2]
here = pytest.mark.usefixtures("read_here")


def stored(accepted: intake.Accepted) -> dict[str, torch.Tensor]:
    return load_file(intake.weights_path(accepted.model))


def same(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return left.keys() == right.keys() and all(
        left[name].dtype == right[name].dtype
        and left[name].shape == right[name].shape
        and torch.equal(left[name], right[name])
        for name in left
    )


def test_three_formats_of_the_same_weights_are_one_model(give: Give) -> None:
    state = crafted.weights()
    answers = [
        give(crafted.zipped(state), "model.pt"),
        give(crafted.legacy(state), "model.pth"),
        give(crafted.safetensors(state), "model.safetensors"),
    ]
    assert len({each.model for each in answers}) == 1
    assert [each.format for each in answers] == [
        "PyTorch state_dict (zip)",
        "PyTorch state_dict (legacy)",
        "safetensors",
    ]
    for each in answers:
        assert each.notes == ()
        assert same(stored(each), state)
        assert each.parameters == 6 * 5 + 5 + 4 * 5 + 5 * 2 + 2
        assert {info.name: (info.shape, info.dtype) for info in each.tensors} == {
            name: (tuple(t.shape), str(t.dtype).removeprefix("torch.")) for name, t in state.items()
        }
    path = intake.weights_path(answers[0].model)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == answers[0].model
    assert intake.load(answers[0].model) == answers[0]


@here
def test_different_weights_are_different_models(give: Give) -> None:
    first, second = (give(crafted.zipped(crafted.weights(seed))) for seed in (0, 1))
    assert first.model != second.model


def test_only_the_canonical_file_is_kept(give: Give, tmp_path: Path) -> None:
    accepted = give(crafted.zipped(crafted.weights()))
    folder = paths.model_folder(accepted.model)
    assert sorted(each.name for each in folder.iterdir()) == ["model.json", "weights.safetensors"]
    assert [each.name for each in folder.parent.iterdir()] == [accepted.model]
    assert (tmp_path / "upload").exists(), "the caller's file is the caller's"


def test_wrong_extension_is_only_mentioned(give: Give) -> None:
    accepted = give(crafted.safetensors(crafted.weights()), "model.pt")
    assert accepted.notes == (
        "The name ends in '.pt' but the content is safetensors; the content counts.",
    )
    assert give(crafted.zipped(crafted.weights()), "model").notes == ()


def test_the_name_of_the_file_is_never_a_path(give: Give, home: Path) -> None:
    for name in ("../../x.pt", "/etc/passwd.pt", "a" * 300 + ".pt", "\x1b[31m.pt"):
        accepted = give(crafted.zipped(crafted.weights()), name)
        assert [each.name for each in (home / "models").iterdir()] == [accepted.model]


@here
@pytest.mark.parametrize(
    "wrapper", ["state_dict", "model", "model_state", "model_state_dict", "net"]
)
def test_wrappers_are_opened_and_named(give: Give, wrapper: str) -> None:
    optimizer = {"state": {0: {"exp_avg": torch.ones(3)}}, "param_groups": [{"lr": 0.1}]}
    state = crafted.weights()
    accepted = give(crafted.legacy({"step": 7, wrapper: state, "optimizer_state": optimizer}))
    assert same(stored(accepted), state)
    assert accepted.notes == (
        f"The weights were taken from the entry '{wrapper}'; ignored 'step', 'optimizer_state'.",
    )


@here
def test_prefixes_of_wrapping_modules_are_removed(give: Give) -> None:
    state = crafted.weights()
    wrapped = {f"_orig_mod.module.{name}": tensor for name, tensor in state.items()}
    accepted = give(crafted.zipped({"model": wrapped}))
    assert same(stored(accepted), state)
    assert sum("Removed" in note for note in accepted.notes) == 2


@here
def test_a_prefix_that_only_some_names_have_stays(give: Give) -> None:
    accepted = give(crafted.zipped({"module.a": torch.ones(1), "b": torch.ones(1)}))
    assert set(stored(accepted)) == {"module.a", "b"}


@here
def test_entries_that_are_not_tensors_are_named(give: Give) -> None:
    accepted = give(crafted.zipped({"w": torch.ones(2), "epoch": 3, "lr": 0.5, "tags": ["a"]}))
    assert set(stored(accepted)) == {"w"}
    assert accepted.notes == ("Ignored entries that are not tensors: 'epoch', 'lr', 'tags'.",)


@here
def test_an_unknown_wrapper_is_left_to_the_user(give: Give) -> None:
    with pytest.raises(BadFile, match=r"some in 'ema'.*torch\.save\(checkpoint\['ema'\]"):
        give(crafted.zipped({"ema": {"w": torch.ones(2)}, "step": 1}))


@here
def test_parameters_and_ordered_dicts_are_plain_weights(give: Give) -> None:
    model = torch.nn.Linear(3, 2)
    direct = give(crafted.zipped(dict(model.named_parameters())))
    assert direct.model == give(crafted.zipped(model.state_dict())).model


def test_every_type_that_safetensors_knows_comes_back_bit_by_bit(give: Give) -> None:
    state = {}
    for name, size in DTYPES.values():
        raw = torch.randint(0, 2 if name == "bool" else 100, (3, size), dtype=torch.uint8)
        state[name] = raw[:, :1].bool() if name == "bool" else raw.view(getattr(torch, name))
    old = {name: each for name, each in state.items() if not name.startswith(("float8", "uint"))}
    for wanted, data in (
        (state, crafted.zipped(state)),
        (state, crafted.safetensors(state)),
        (old, crafted.legacy(old)),
    ):
        back = stored(give(data))
        assert back.keys() == wanted.keys()
        for name, tensor in wanted.items():
            assert back[name].dtype == tensor.dtype
            assert torch.equal(back[name].view(torch.uint8), tensor.view(torch.uint8))


@here
def test_shapes_from_nothing_to_seven_dimensions(give: Give) -> None:
    state = {
        "scalar": torch.tensor(2.5),
        "none": torch.zeros(0),
        "flat": torch.zeros(3, 0, 5),
        "seven": torch.rand(1, 2, 1, 2, 1, 2, 3),
    }
    for data in (crafted.zipped(state), crafted.legacy(state), crafted.safetensors(state)):
        accepted = give(data)
        assert same(stored(accepted), state)
        assert accepted.parameters == 1 + 24


@here
def test_strided_views_become_contiguous(give: Give) -> None:
    base = torch.rand(6, 8)
    state = {"t": base.t(), "step": base[::2, 1::3], "conj": torch.rand(3, dtype=torch.complex64)}
    state["conj"] = state["conj"].conj()
    for data in (crafted.zipped(state), crafted.legacy(state)):
        assert same(stored(give(data)), {name: each.clone() for name, each in state.items()})


@here
def test_tied_weights_count_once(give: Give) -> None:
    weight = torch.rand(10, 4)
    accepted = give(crafted.zipped({"head": weight, "embedding": weight, "own": torch.ones(2)}))
    assert accepted.parameters == 42
    assert set(stored(accepted)) == {"head", "embedding", "own"}
    assert accepted.notes == (
        "1 tied tensors are counted once, for example 'head', which shares its memory with "
        "'embedding'.",
    )


@here
def test_values_that_are_not_finite_are_noted(give: Give) -> None:
    state = {"a": torch.ones(2), "b": torch.tensor([1.0, float("nan")]), "c": -torch.ones(1) / 0}
    assert give(crafted.zipped(state)).notes == (
        "NaN or infinite values in 2 tensors, first in 'b'.",
    )
    assert give(crafted.zipped({"a": torch.zeros(9)})).notes == ("All weights are zero.",)


@here
def test_no_weights_at_all(give: Give) -> None:
    accepted = give(crafted.zipped(torch.nn.ReLU().state_dict()))
    assert (accepted.parameters, accepted.tensors) == (0, ())
    assert accepted.notes == ("The file holds no weights.",)
    integers = give(crafted.zipped({"steps": torch.tensor(3)}))
    assert integers.parameters == 0
    assert "nothing to compress" in integers.notes[0]


NAMES = ["<b>x</b>", "a\nb", "=SUM(1)", "**bold**", "nul\0", "\u202eabc", "é" * 300, "", " "]


@here
def test_strange_names_are_kept_as_they_are(give: Give) -> None:
    state = {name: torch.full((2,), float(at)) for at, name in enumerate(NAMES)}
    for data in (crafted.zipped(state), crafted.legacy(state), crafted.safetensors(state)):
        assert same(stored(give(data)), state)


def test_five_megabytes_of_metadata_are_dropped(give: Give) -> None:
    state = crafted.weights()
    accepted = give(crafted.safetensors(state, {"<script>": "x" * 5_000_000}), "m.safetensors")
    assert accepted.model == give(crafted.safetensors(state)).model


@here
def test_numbers_as_names_become_text(give: Give) -> None:
    accepted = give(crafted.zipped({0: torch.ones(1), 1: torch.ones(2)}))
    assert set(stored(accepted)) == {"0", "1"}
    assert accepted.notes == ("Names that were numbers became texts: '0', '1'.",)


def test_equal_uploads_at_the_same_time(tmp_path: Path, home: Path) -> None:
    paths_given = []
    for at, data in enumerate([crafted.zipped(crafted.weights())] * 4):
        paths_given.append(tmp_path / f"{at}.pt")
        paths_given[-1].write_bytes(data)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda path: intake.accept(path, path.name), paths_given))
    assert len({each.model for each in answers}) == 1
    assert [each.name for each in (home / "models").iterdir()] == [answers[0].model]


def test_the_same_upload_is_read_once(give: Give, monkeypatch: pytest.MonkeyPatch) -> None:
    read = reader.read
    reads: list[int] = []

    def counted(file: BinaryIO, folder: Path, size: int) -> Answer:
        reads.append(size)
        return read(file, folder, size)

    monkeypatch.setattr(reader, "read", counted)
    data = crafted.zipped(crafted.weights(7))
    first, second = give(data, "a.pt"), give(data, "b.safetensors")
    assert len(reads) == 1
    assert second.model == first.model
    assert "The name ends in '.safetensors'" in second.notes[0]
    shutil.rmtree(intake.weights_path(first.model).parent)
    assert give(data).model == first.model, "a deleted model is made again"
    assert len(reads) == 2


def test_the_limit_on_files_is_a_setting(give: Give, monkeypatch: pytest.MonkeyPatch) -> None:
    data = crafted.zipped({"w": torch.zeros(300_000)})
    monkeypatch.setenv("EFFICIENCY_MAX_UPLOAD_MB", "1")
    with pytest.raises(BadFile, match=r"has 1,2\d\d,\d{3} bytes and at most 1,000,000"):
        give(data)
    monkeypatch.setenv("EFFICIENCY_MAX_UPLOAD_MB", "2")
    assert give(data).parameters == 300_000
    monkeypatch.setenv("EFFICIENCY_MAX_UPLOAD_MB", "much")
    with pytest.raises(BadInput, match="whole number of megabytes"):
        give(data)


@pytest.mark.parametrize("model", ["", "x", "0" * 64, "../" * 20 + "etc", "0" * 63 + "\n"])
def test_unknown_models(model: str) -> None:
    with pytest.raises(UnknownName, match="giving the file again"):
        intake.load(model)


def test_paths_that_are_not_files(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="cannot be opened"):
        intake.accept(tmp_path / "missing.pt", "missing.pt")
    with pytest.raises(BadFile, match=r"cannot be opened|not a regular file"):
        intake.accept(tmp_path, "folder")
    with pytest.raises(BadFile, match="not a regular file"):
        intake.accept(Path(os.devnull), "null")


def test_what_a_killed_process_left_is_removed(give: Give, home: Path) -> None:
    old, new = (paths.model_folder(f".incoming-{name}") for name in ("old", "new"))
    for folder in (old, new):
        folder.mkdir()
        (folder / "upload").write_bytes(b"x")
    os.utime(old, (time.time() - 7200,) * 2)
    give(crafted.zipped(crafted.weights()))
    assert not old.exists()
    assert new.exists()


def test_the_front_imports_no_torch(tmp_path: Path, home: Path) -> None:
    upload = tmp_path / "model.pt"
    upload.write_bytes(crafted.zipped(crafted.weights()))
    script = (
        "import sys; from pathlib import Path; from efficiency import intake\n"
        "accepted = intake.accept(Path(sys.argv[1]), 'model.pt'); intake.load(accepted.model)\n"
        "print(accepted.parameters, [m for m in ('torch', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(upload)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"EFFICIENCY_HOME": str(home)},
        check=True,
    )
    assert done.stdout == "67 []\n"
