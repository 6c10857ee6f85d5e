"""From a run about a file to the other pages, with the same file."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import numpy as np
import pytest
from safetensors.numpy import save_file
from streamlit.testing.v1 import AppTest

from efficiency import intake, jobs
from efficiency.core.requests import EnergyRequest, PruneRequest, QuantizeRequest, Request
from efficiency.core.values import Study
from efficiency.workloads import recognise
from pages.shared.model import THE_FILE
from tests import samples

Open = Callable[..., AppTest]
Finish = Callable[[Study], str]
TAKEN = "the run's file, LeNet"


def accepted(folder: Path, shapes: dict[str, tuple[int, ...]]) -> str:
    """Id of a file with tensors of these shapes."""
    path = folder / "own.safetensors"
    save_file({name: np.ones(shape, np.float32) for name, shape in shapes.items()}, path)
    return intake.accept(path, path.name).model


@pytest.fixture
def lenet(home: Path, tmp_path: Path) -> str:
    return accepted(tmp_path, recognise.signatures()["lenet"])


def about(model: str, **fields: object) -> Study:
    """A finished report about a file."""
    asked = samples.report().request | {"workload": None, "model": model}
    return replace(samples.report(), request=asked | fields)


def links(app: AppTest) -> dict[str, dict[str, list[str]]]:
    """Label of each link to another page with something behind its question mark -> that."""
    found = (each.proto for each in app.get("page_link"))
    return {each.label: parse_qs(each.query_string) for each in found if each.query_string}


def press_run(app: AppTest, page: str) -> Request:
    """What the run asks for that the page's button starts."""
    app.button(key=f"{page}_run").click().run()
    assert not app.exception
    assert not app.error
    return jobs.get(str(app.query_params["run"])).request


def test_a_report_on_a_file_leads_to_the_same_file_on_every_page(
    open_page: Open, finished: Finish, lenet: str, nothing_starts: None
) -> None:
    run = finished(about(lenet))
    closer = links(open_page("report", run=run))
    assert closer == {
        "Energy, layer by layer": {"of": [run]},
        "Quantization, every method": {"of": [run]},
        "Pruning, every technique": {"of": [run]},
    }
    for page, expected in {
        "energy": EnergyRequest(model=lenet),
        "quantization": QuantizeRequest(model=lenet),
        "pruning": PruneRequest(model=lenet),
    }.items():
        app = open_page(page, of=run)
        box = app.selectbox(key=f"{page}_model")
        assert box.options[0] == TAKEN
        assert box.value == THE_FILE
        assert press_run(app, page) == expected
        assert "of" not in app.query_params
    app = open_page("pruning", of=run)
    app.selectbox(key="pruning_model").set_value("mlp").run()
    assert press_run(app, "pruning") == PruneRequest(workload="mlp")


def test_a_shape_that_was_asked_for_goes_along_with_the_batch_that_is(
    open_page: Open, finished: Finish, home: Path, tmp_path: Path, nothing_starts: None
) -> None:
    model = accepted(tmp_path, recognise.signatures()["resnet50"])
    run = finished(about(model, architecture="resnet50", input_shape=[1, 3, 64, 64]))
    app = open_page("energy", of=run)
    app.number_input(key="energy_batch_size").set_value(4).run()
    assert press_run(app, "energy") == EnergyRequest(
        model=model, architecture="resnet50", input_shape=(4, 3, 64, 64), batch_size=4
    )


def test_an_example_leads_to_the_same_example(open_page: Open, finished: Finish) -> None:
    closer = links(open_page("report", run=finished(samples.report())))
    assert closer["Pruning, every technique"] == {"pruning_workload": ["LeNet"]}
    app = open_page("pruning", pruning_workload="CNN, residual")
    assert app.selectbox(key="pruning_workload").value == "cnn"


def test_what_cannot_be_run_or_is_gone_leads_nowhere_and_is_said(
    open_page: Open, finished: Finish, home: Path, tmp_path: Path
) -> None:
    unknown = finished(about(accepted(tmp_path, {"layer.weight": (3, 4)})))
    assert links(open_page("report", run=unknown)) == {}
    model = accepted(tmp_path, {"layer.weight": (5, 4)})
    gone = finished(about(model, seed=5))
    intake.forget(model)
    assert links(open_page("report", run=gone)) == {}
    for run, said in {
        unknown: "Nobody knows the architecture",
        gone: "is gone",
        "no": "is gone",
    }.items():
        app = open_page("pruning", of=run)
        assert said in app.warning[0].value
        assert app.selectbox(key="pruning_workload").value == "lenet"
