import csv
import io
import json
import shlex
from dataclasses import replace

import pytest

from efficiency.core import serial
from efficiency.core.requests import PruneRequest, ReportRequest
from efficiency.exports.text import FORMULA_STARTS, command_line, csv_text, harmless, json_bytes
from tests import samples


def lines(study) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_text(study))))


def test_csv_has_one_line_per_candidate_with_si_numbers() -> None:
    study = samples.report()
    written = lines(study)
    assert [line["name"] for line in written] == [row.name for row in study.rows]
    for line, row in zip(written[:-1], study.rows, strict=False):
        assert float(line["median (s)"]) == row.timing.median_seconds
        assert int(line["bytes_on_disk (B)"]) == row.footprint.bytes_on_disk
        assert float(line["energy (J)"]) == row.energy.joules
    assert written[0]["speedup (times)"] == ""
    assert written[3]["verdict"] == "slower"
    assert written[-1]["unavailable"] == study.rows[-1].unavailable
    assert written[-1]["median (s)"] == ""


def test_the_csv_says_what_the_peak_is_held_for_and_what_was_not_counted() -> None:
    first = lines(samples.detailed())[0]
    assert (first["peak_parameters (B)"], first["peak_temporary (B)"]) == ("247000", "3000")
    assert first["flops_uncounted"] == "aten.gelu, aten.sort"
    assert lines(samples.report())[0]["flops_uncounted"] == ""


def test_a_measured_zero_is_written_as_zero() -> None:
    study = samples.report()
    zero = replace(study, rows=(study.rows[0], replace(study.rows[1], score=0.0)))
    assert lines(zero)[1]["accuracy (share)"] == "0.0"


@pytest.mark.parametrize("start", FORMULA_STARTS)
def test_no_cell_can_be_a_formula(start: str) -> None:
    assert str(harmless(f"{start}1+1")).startswith("'")
    assert str(harmless(f"  {start}1+1")).startswith("'")
    assert harmless(-1.5) == -1.5


def test_hostile_names_reach_the_csv_as_harmless_text() -> None:
    written = lines(samples.hostile())
    assert written[2]["label"] == f"'{samples.FORMULA}"
    assert written[1]["label"] == samples.HOSTILE


def test_json_is_the_study() -> None:
    study = samples.hostile()
    assert serial.decode(json_bytes(study)) == study
    assert json.loads(json_bytes(study))["rows"][0]["timing"]["median_seconds"] > 0


def test_the_command_line_asks_the_same_question() -> None:
    words = shlex.split(command_line(samples.report()))
    assert words[:6] == ["python", "-m", "efficiency", "report", "--workload", "lenet"]
    assert words[words.index("--batch-size") + 1] == "1"


def test_a_file_name_cannot_break_out_of_the_command_line() -> None:
    request = ReportRequest(model="ab" * 32, input_shape=(1, 3, 32, 32))
    study = replace(samples.weights(), request=request.document())
    line = command_line(study, "../../x; rm -rf $HOME.pt")
    assert shlex.split(line)[4] == "../../x; rm -rf $HOME.pt"
    assert "'../../x; rm -rf $HOME.pt'" in line
    assert shlex.split(command_line(study, "--seed=3"))[4] == "./--seed=3"


def test_the_shape_of_the_command_line_brings_the_batch_size_with_it() -> None:
    request = ReportRequest(model="ab" * 32, input_shape=(4, 3, 32, 32), batch_size=4)
    study = replace(samples.weights(), request=request.document())
    line = command_line(study, "folder/x.pt")
    assert " folder/x.pt " in line
    assert " --input-shape 4,3,32,32 " in line
    assert "--batch-size" not in line


def test_names_stand_with_commas_and_an_empty_list_is_not_said() -> None:
    study = samples.weights()
    for names, words in (
        (("fc1.weight", "fc1.bias"), " --parameters fc1.weight,fc1.bias "),
        ((), ""),
    ):
        request = PruneRequest(workload="lenet", parameters=names)
        line = command_line(replace(study, kind="prune", request=request.document()))
        assert words in line
        assert ("--parameters" in line) == bool(names)
