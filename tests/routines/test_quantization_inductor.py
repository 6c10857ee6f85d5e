"""One small network through Inductor: here, and in fresh processes that load its file."""

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
import torch
from torch import Tensor

from efficiency.measure.fidelity import sqnr_db
from efficiency.measure.threads import fixed_threads
from efficiency.routines import takeaway
from efficiency.routines.quantization import compiled
from efficiency.routines.recipes import exported
from efficiency.routines.remeasure import Facts, Task, Times, remeasured
from efficiency.routines.subject import Subject
from efficiency.routines.variant import Variant, baseline, model_of
from efficiency.workloads import catalogue

pytestmark = pytest.mark.skipif(exported.no_compiler() is not None, reason="needs a C++ compiler")

LOAD = """
import json, sys, torch
sys.path.insert(0, sys.argv[1])
import load_model
torch.set_num_threads(1)
model = load_model.load()
inputs = torch.load(sys.argv[2])
torch.save(model(inputs), sys.argv[3])
print(json.dumps([model.uncompiled, "torchao" in sys.modules]))
"""


@pytest.fixture(scope="module")
def subject(home: Path) -> Subject:
    workload = replace(catalogue.get("lenet"), data=None)
    torch.manual_seed(0)
    return Subject(model=workload.build(), workload=workload, split=None, seed=0)


@pytest.fixture(scope="module")
def example() -> Tensor:
    return torch.randn(1, 1, 28, 28, generator=torch.Generator().manual_seed(1))


@pytest.fixture(scope="module")
def static(subject: Subject) -> Variant:
    return compiled.static_pt2e(subject, torch.randn(32, 1, 28, 28))


@pytest.fixture(scope="module")
def folder(subject: Subject, static: Variant, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compiled")
    takeaway.write(folder / "baseline", subject.workload, baseline(subject), "fp32")
    takeaway.write(folder / "static-pt2e", subject.workload, static, "static")
    return folder


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    with fixed_threads(1):
        yield


def test_same_bits_in_a_fresh_process(
    subject: Subject, static: Variant, example: Tensor, folder: Path, tmp_path: Path
) -> None:
    torch.save(example, tmp_path / "inputs")
    paths = [str(folder / "static-pt2e"), str(tmp_path / "inputs"), str(tmp_path / "outputs")]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", LOAD, *paths], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert json.loads(done.stdout) == [None, False]
    assert done.stderr == b""
    elsewhere = torch.load(tmp_path / "outputs")

    model = model_of(static, subject)
    with torch.inference_mode():
        assert torch.equal(model(example), elsewhere)
    assert model.uncompiled is None
    assert static.program is not None
    with torch.no_grad():
        noise = sqnr_db(static.program.module()(example), elsewhere)
    assert noise is None or noise > 40  # int8 arithmetic means what the graph says in float32

    transposed = example.transpose(2, 3).contiguous().transpose(2, 3)
    assert torch.equal(model(transposed), elsewhere)  # whatever the order in memory


def test_measured_where_the_home_cannot_be_written(
    folder: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/nonexistent")
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    before = set(psutil.Process().children(recursive=True))  # a browser of other tests, perhaps
    task = Task(
        folder=str(folder),
        names=("baseline", "static-pt2e"),
        batch_size=1,
        budget_seconds=2,
        seed=0,
        device="cpu",
    )
    facts: dict[str, Facts] = {}
    times: list[Times] = []
    for message in remeasured(task):
        if message.facts is not None:
            facts[message.facts.name] = message.facts
        if message.times is not None and message.times.final:
            times.append(message.times)
    assert facts["baseline"].peak is not None
    assert facts["baseline"].notes == ()
    assert facts["static-pt2e"].peak is None
    compiled_in, no_peak = facts["static-pt2e"].notes
    assert "Compiled for this batch size in" in compiled_in
    assert "Peak memory is not known" in no_peak
    assert facts["static-pt2e"].sqnr_db is not None
    # A larger batch would have to be compiled for; nothing asked for that.
    assert [each.batch_size for each in times] == [1]
    assert list((home / "compiled").rglob("*.so"))
    assert not list(tmp_path.rglob("*.so"))
    assert set(psutil.Process().children(recursive=True)) <= before
