"""The quantize command as people and scripts use it."""

import json

import pytest

from tests.test_cli import run

FEW = ("--workload", "lenet", "--back-end", "classic", "--budget-seconds", "1")


def test_json_is_one_study_of_the_method_asked_for(home: object) -> None:
    said = run("quantize", *FEW, "--method", "dynamic", "--engine", "onednn", "--json")
    assert said.returncode == 0, said.stderr
    study = json.loads(said.stdout)
    assert study["kind"] == "quantize"
    names = [row["name"] for row in study["rows"]]
    assert names == ["baseline", "dynamic-eager"]
    assert study["quantized"]["engine"] == "onednn"
    for row in study["rows"][1:]:
        assert {"ratio", "low", "high", "verdict"} <= set(row["speedup"])
        assert row["footprint"]["bytes_on_disk"] > 0
        assert {"changed", "skipped"} <= set(row["coverage"])
    text = run("quantize", *FEW, "--method", "dynamic", "--engine", "onednn")
    assert "Measured earlier" in text.stderr
    assert "dynamic (eager)" in text.stdout


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--workload", "lenet", "--method", "statik"], "static"),
        (["--workload", "lenet", "--engine", "x68"], "x86"),
        (["--workload", "lenet", "--back-end", "pt2"], "pt2e"),
        (["--workload", "lenet", "--calibration-samples", "0"], "at least 1"),
        (["--workload", "lenet", "--calibration-samples", "5000"], "1,437"),
        (["--workload", "lenet", "--qat-epochs", "0"], "more than 0"),
        (["--workload", "lenet", "--seeds", "50"], "20"),
        ([], "Give a file"),
    ],
)
def test_bad_input_gets_one_sentence(home: object, arguments: list[str], word: str) -> None:
    done = run("quantize", *arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert word in done.stderr.splitlines()[-1]
