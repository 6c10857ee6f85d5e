"""What is said of a pruning study: headline, why, size truth, the module, the HTML file."""

import base64
import io
import re
from dataclasses import replace
from html import unescape

import pytest
from PIL import Image

from efficiency.core.pruning import Pruning, Role
from efficiency.core.values import Study
from efficiency.exports import pruning_tables as tables
from efficiency.exports.html import html_text, method_text
from efficiency.exports.pruning import (
    METHOD,
    in_short,
    lede,
    measured_facts,
    named,
    pruning_cards,
    removed,
    zeros_row,
    zeros_share,
)
from efficiency.exports.pruning_anatomy import anatomy_step, whole_anatomy
from efficiency.exports.pruning_masks import mask_pictures
from efficiency.exports.pruning_sections import pruning_sections
from efficiency.exports.pruning_why import why
from tests import samples
from tests import samples_pruning as pruning
from tests.exports.test_html import Elements

SMALL = pruning.small()
STUDIES = (SMALL, pruning.untrained(), pruning.quick(), pruning.bare(), pruning.hostile())


def found(study: Study = SMALL) -> Pruning:
    assert study.pruned is not None
    return study.pruned


def plain(html: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", html)))


def reasons(study: Study = SMALL) -> dict[str, str]:
    return {about: sentence.replace("\N{NARROW NO-BREAK SPACE}", " ") for about, sentence in
            why(study)}  # fmt: skip


def test_what_zeros_do_is_told_by_nine_tenths_of_them_or_else_by_the_most_there_are() -> None:
    assert zeros_row(SMALL) is named(SMALL, "zeros-90")
    rows = tuple(row for row in SMALL.rows if row.name != "zeros-90")
    assert zeros_row(replace(SMALL, rows=rows)) is named(SMALL, "zeros-99")
    assert zeros_row(pruning.quick()) is named(pruning.quick(), "pruned")
    assert zeros_row(pruning.bare()) is None


def test_a_row_that_could_not_be_measured_is_no_row() -> None:
    assert named(SMALL, "semi-structured") is None
    assert removed(pruning.untrained()) is None


def test_the_share_of_zeros_is_that_of_what_is_pruned() -> None:
    sparse, tuned = named(SMALL, "csr-90"), named(SMALL, "pruned-tuned")
    assert sparse is not None
    assert tuned is not None
    assert zeros_share(SMALL, sparse) == 0.9  # as the row with as many zeros
    assert zeros_share(SMALL, tuned) == 0.5
    fewer = removed(SMALL)
    assert fewer is not None
    assert zeros_share(SMALL, fewer) == 0


def test_cards_have_the_score_the_file_the_speed_of_zeros_and_of_fewer_channels() -> None:
    said = plain(pruning_cards(SMALL, (("faster", 10.0),)))
    assert "Accuracy, l1_unstructured 0.5 +0.3 points" in said
    assert "97.2 % before, 96.9 % pruned, 97.5 % fine-tuned" in said
    assert "no smaller 243 kB → 243 kB, zipped 226 kB → 139 kB" in said
    assert "One call, 90 % zeros 0.99× as fast" in said
    assert "no measurable difference" in said
    assert "1.42× as fast" in said
    assert "3.0 times fewer multiplications" in said
    assert "You predicted: faster 10×" in said
    assert pruning_cards(pruning.bare()) == ""


def test_the_lede_counts_zeros_and_names_what_was_pruned() -> None:
    assert lede(SMALL).replace("\N{NARROW NO-BREAK SPACE}", " ") == (
        "l1_unstructured 0.5, on the weights of 5 layers: 29 919 of 60 074 parameters are zero now."
    )
    one = replace(SMALL, pruned=replace(found(), parameters=("conv1.weight",)))
    assert "on conv1.weight: " in lede(one)
    assert "No pruned network" in lede(pruning.bare())


def test_in_short_is_zeros_and_channels() -> None:
    assert in_short(SMALL) == (
        "90 % zeros: 0.99× [0.96, 1.02] no measurable difference; half of the channels removed, "
        "fine-tuned: 1.42× [1.38, 1.46] faster, accuracy 96.1 %"
    )


def test_why_has_the_numbers_of_the_study_in_it() -> None:
    said = reasons()
    assert list(said) == ["Speed of zeros", "Size of the file", "Channels taken out"]
    assert "416 520 multiply-accumulates before and 416 520 after" in said["Speed of zeros"]
    assert "the same products are computed" in said["Speed of zeros"]
    assert "226 kB become 42 kB" in said["Size of the file"]
    assert "416 520 multiply-accumulates become 141 000" in said["Channels taken out"]


def test_what_csr_costs_is_computed_from_the_measured_file() -> None:
    row = named(SMALL, "zeros-90")
    assert row is not None
    assert row.footprint is not None
    each = 54_000 / row.footprint.nonzero
    assert f"{each:.1f} bytes each" in reasons()["Size of the file"]
    assert f"about {100 * (1 - 4 / each):.0f} % zeros on" in reasons()["Size of the file"]


def test_why_leaves_out_what_was_not_measured() -> None:
    assert "Channels taken out" not in reasons(pruning.untrained())
    assert reasons(pruning.bare()) == {}


def test_facts_of_a_row_are_for_people_and_leave_out_what_there_is_not() -> None:
    row = named(SMALL, "zeros-90")
    assert row is not None
    facts = {name: (value, small) for name, value, small in measured_facts(SMALL, row, 0.9639)}
    assert facts["Accuracy"] == ("46.1 %", "41.0 to 51.3 %")
    assert facts["Accuracy, fine-tuned"][0] == "96.4 %"
    assert facts["File in CSR"] == ("54 kB", "")
    assert facts["Speed of a call"] == ("0.99×", "[0.96, 1.02] no measurable difference")
    unscored = named(pruning.untrained(), "zeros-90")
    assert unscored is not None
    assert "Accuracy" not in {name for name, _, _ in measured_facts(SMALL, unscored)}


def test_the_size_table_tells_the_smallest_form_of_every_candidate() -> None:
    text = plain(tables.size_table(SMALL))
    assert "90 % zeros 90.0 % 60 074 6 220 243 kB 42 kB 54 kB zipped 5.8× less" in text
    assert "(smaller tensors)" in text
    assert "semi-structured" not in text  # it has no file
    assert "not measured" not in plain(tables.curve_table(pruning.untrained()))


def test_tables_hold_every_point() -> None:
    text = plain(tables.curve_table(SMALL))
    for share, (score, tuned, _, _) in pruning.CURVE.items():
        assert f"{100 * share:.1f} % {100 * score:.1f} % {100 * tuned:.1f} %" in text
    text = plain(tables.sensitivity_table(found()))
    assert all(name in text for name in pruning.LAYERS)
    removal, suggestion = found().removal, found().suggestion
    assert removal is not None
    assert suggestion is not None
    assert "conv2, fc1 16 8" in plain(tables.removal_table(removal))
    assert "as many as the plan promised" in tables.removal_text(SMALL, removal)
    other = replace(removal, promised_macs=140_000)
    assert "where the plan promised 140" in tables.removal_text(SMALL, other)
    assert "95.3 % 97.2 %" in plain(tables.suggestion_table(suggestion))


def test_a_step_marks_what_is_new_and_strikes_out_what_is_gone() -> None:
    anatomy = pruning.anatomy()
    before, pruned, _, final = (anatomy_step(anatomy, place) for place in range(4))
    assert "class=changed" not in before
    assert "class=gone" not in before
    assert re.findall(r"<b>(\w+)</b> <em>new</em>", pruned) == [
        "weight_orig", "weight_mask", "weight",
    ]  # fmt: skip
    assert "<del>weight</del> <em>gone, an attribute now</em>" in pruned
    assert "<b>0: RandomUnstructured</b> <em>new</em>" in pruned
    assert "weight = weight_orig × weight_mask" in pruned
    gone = re.findall(r"<del>([\w ]+)</del>", final)
    assert gone == ["weight_orig", "weight_mask", "weight", "a hook"]
    assert "<b>weight</b> <em>new</em>" in final


def test_small_tensors_show_every_number_and_large_ones_their_shape() -> None:
    step = anatomy_step(pruning.anatomy(), 1)
    zeros = sum(value == 0 for each in pruning.anatomy().steps[1].tensors for value in each.values)
    assert step.count("<i class=zero>0</i>") == zeros > 0
    assert step.count("<i") == 54 * 3 + 6
    large = anatomy_step(pruning.own_anatomy(), 1)
    assert "<i" not in large
    assert "120 × 400, 24" in large
    assert "with L1Unstructured, then L1Unstructured inside" in large


def test_every_role_has_a_column() -> None:
    step = anatomy_step(pruning.anatomy(), 0)
    assert step.count("<section") == len(Role) + 1
    assert plain(step).count("none") == 3


@pytest.mark.parametrize("study", STUDIES, ids=lambda study: study.title[:12])
def test_the_file_has_every_part_once(study: Study) -> None:
    titles = [title for title, _ in pruning_sections(study)]
    assert len(titles) == len(set(titles))
    assert method_text(study).startswith(METHOD)


def test_the_file_holds_the_steps_the_numbers_and_the_program() -> None:
    document = html_text(SMALL)
    for text in (
        "The truth about size", "Channels taken out", "Every layer pruned alone",
        "prune.random_unstructured(module", "weight_orig", "l1_unstructured 0.5 in PyTorch",
        "What to do",
    ):  # fmt: skip
        assert text in unescape(document), text
    assert whole_anatomy(pruning.anatomy()).count("<h3>") == 4


def test_the_file_shows_every_layer_as_a_picture_that_is_part_of_it() -> None:
    document = mask_pictures(found())
    addresses = re.findall(r'<img src="([^"]+)"', document)
    assert len(addresses) == len(pruning.images())
    sizes = []
    for address in addresses:
        head, _, data = address.partition(",")
        assert head == "data:image/png;base64"
        sizes.append(Image.open(io.BytesIO(base64.b64decode(data))).size)
    # 16 x 6 kernels of 3 x 3 with gaps are turned, so that they are wide and not tall
    assert sizes[1:3] == [(16 * 3 + 15, 6 * 3 + 5), (400, 120)]
    captions = re.findall(r"<figcaption>([^<]+)", document)
    assert "Columns are outputs, rows inputs." in captions[1]
    assert "Rows are outputs, columns inputs." in captions[2]
    assert document in html_text(SMALL)
    blocks = mask_pictures(found(pruning.untrained()))
    assert "A cell stands for 2×2 weights" in blocks
    assert mask_pictures(Pruning(technique="none")) == ""


def test_names_from_a_file_are_text() -> None:
    document = Elements(html_text(pruning.hostile()))
    honest = Elements(html_text(SMALL))
    assert document.tags.count("script") <= honest.tags.count("script")
    assert samples.HOSTILE in document.text
    for title, body in pruning_sections(pruning.hostile()):
        assert "<script" not in body, title
    assert "<script" not in pruning_cards(pruning.hostile())
