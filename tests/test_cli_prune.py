"""The prune command as people and scripts use it."""

import json

import pytest

from tests.test_cli import run

FEW = ("--workload", "lenet", "--quick", "--budget-seconds", "1")


def test_json_is_one_study_of_what_was_asked(home: object) -> None:
    asked = ("--technique", "l1_unstructured", "--amount", "3", "--parameters", "conv1.bias")
    said = run("prune", *FEW, *asked, "--json")
    assert said.returncode == 0, said.stderr
    study = json.loads(said.stdout)
    assert study["kind"] == "prune"
    assert [row["name"] for row in study["rows"]] == ["baseline", "pruned", "pruned-tuned"]
    assert study["pruned"]["parameters"] == ["conv1.bias"]
    masks = {each["parameter"]: each for each in study["pruned"]["masks"]}
    assert (masks["conv1.bias"]["parameters"], masks["conv1.bias"]["nonzero"]) == (6, 3)
    assert masks["fc1.weight"]["nonzero"] == masks["fc1.weight"]["parameters"]
    for row in study["rows"][1:]:
        assert {"ratio", "low", "high", "verdict"} <= set(row["speedup"])
    text = run("prune", *FEW, *asked)
    assert "Measured earlier" in text.stderr
    assert "--parameters conv1.bias" in text.stdout  # how to do it again


@pytest.mark.parametrize(
    ("arguments", "word"),
    [(["--amount", "-0.1"], "0 or more"), (["--technique", "l2_unstructured"], "l1_unstructured")],
)
def test_bad_input_gets_one_sentence(home: object, arguments: list[str], word: str) -> None:
    done = run("prune", "--workload", "lenet", *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert word in done.stderr.splitlines()[-1]
