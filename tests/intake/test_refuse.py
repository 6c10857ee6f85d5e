"""Bad files: each gets one sentence, nothing is executed, nothing is kept."""

import io
import pickle
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.intake import crafted
from tests.intake.conftest import Give, Refused

HONEST = crafted.zipped(crafted.weights())
LEGACY = crafted.legacy(crafted.weights())
TENSORS = crafted.safetensors(crafted.weights())
REMEDY = 'torch.save(model.state_dict(), "model.pt")'


def test_empty(refused: Refused) -> None:
    assert refused(b"") == "The file is empty; save or download it again."


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"<!DOCTYPE html><html><body>404</body></html>", "web page"),
        (b"\n  <html>", "web page"),
        (b"\x1f\x8b" + b"\0" * 50, "gzip"),
        (b"\x89HDF\r\n\x1a\n" + b"\0" * 50, "HDF5"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (b"learning_rate: 0.1\nepochs: 3\n", "text, not a model"),
        (bytes(range(100, 200)), "not known here"),
        (b"x", "not a model"),
        (crafted.onnx_model(), "ONNX"),
    ],
)
def test_files_of_other_kinds(refused: Refused, data: bytes, what: str) -> None:
    assert what in refused(data)


@pytest.mark.parametrize("data", [HONEST, LEGACY, TENSORS])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.99])
def test_truncated(refused: Refused, data: bytes, share: float) -> None:
    sentence = refused(data[: int(len(data) * share)])
    assert any(word in sentence for word in ("damaged", "claims", "safetensors", "bytes")), sentence


def test_zip_and_noise(refused: Refused) -> None:
    noise = bytes((7 * at) % 256 for at in range(5000))
    assert "damaged" in refused(b"PK" + noise)
    assert "damaged" in refused(b"PK\x03\x04" + noise)
    assert "before or behind" in refused(HONEST[:-2] + b"\x04\0more")


class Net(nn.Module):
    """A module of the user's own."""

    def __init__(self) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(2))


@pytest.mark.parametrize("save", [crafted.zipped, crafted.legacy])
@pytest.mark.parametrize("make", [lambda: nn.Linear(2, 2), Net, lambda: {"model": Net()}])
def test_a_whole_module(
    refused: Refused, save: Callable[[object], bytes], make: Callable[[], object]
) -> None:
    sentence = refused(save(make()))
    assert "whole pickled module" in sentence
    assert REMEDY in sentence


@pytest.mark.parametrize("way", range(11))
def test_commands_are_named_and_never_run(refused: Refused, tmp_path: Path, way: int) -> None:
    marker = tmp_path / "marker"
    evil = crafted.opcodes(marker)[way]
    for data in (evil, crafted.with_pickle(evil), LEGACY[:15] + evil):
        sentence = refused(data)
        assert "posix.system" in sentence
        assert "nothing was run" in sentence
    assert not marker.exists()
    pickle.loads(crafted.opcodes(marker)[way])  # noqa: S301
    assert marker.exists(), "the command would have worked"


@pytest.mark.parametrize("save", [crafted.zipped, crafted.legacy])
def test_commands_hidden_among_weights(
    refused: Refused, tmp_path: Path, save: Callable[[object], bytes]
) -> None:
    marker = tmp_path / "marker"
    for value in (
        {**crafted.weights(), "hook": crafted.touch(marker)},
        {"model": crafted.weights(), "optimizer": [crafted.touch(marker)]},
        [crafted.touch(marker), nn.Linear(1, 1)],
    ):
        assert "posix.system" in refused(save(value))
    assert not marker.exists()


@pytest.mark.parametrize(
    "call",
    [
        crafted.Pickled(bytearray, 10),
        crafted.Pickled(torch.storage.UntypedStorage, 2**44),
        crafted.Pickled(torch.Tensor, 3),
        crafted.Pickled(complex, 1.0, 2.0),
    ],
)
def test_calls_that_weights_do_not_need(refused: Refused, call: crafted.Pickled) -> None:
    assert "refused" in (sentence := refused(crafted.zipped({"w": call}))) or "Besides" in sentence


def test_other_objects_beside_the_weights(refused: Refused) -> None:
    import argparse

    sentence = refused(crafted.zipped({"model": crafted.weights(), "args": argparse.Namespace()}))
    assert sentence.startswith("Besides weights the file holds a argparse.Namespace")


@pytest.mark.parametrize("elements", [2**10, 2**30, 2**40])
def test_expanded_weights_claim_more_than_there_is(refused: Refused, elements: int) -> None:
    sentence = refused(crafted.expanded(elements))
    assert sentence.startswith(
        f"Tensor 'huge' claims {elements * 4:,} bytes and the file holds 4 for it"
    )


def test_storages_that_claim_more_than_their_record(refused: Refused) -> None:
    lie = crafted.with_pickle(crafted.tensor_call(2**20, (2**20,), (1,)), {"0": b"\0" * 400})
    assert refused(lie).startswith(
        "Tensor 'lying.weight' claims 4,194,304 bytes and the file holds 400 for it"
    )


@pytest.mark.parametrize(
    ("size", "stride", "offset"),
    [((10,), (1,), 95), ((10, 10), (100, 1), 0), ((2,), (2**62,), 0), ((2**62, 4), (1, 1), 0)],
)
def test_views_outside_their_storage(
    refused: Refused, size: tuple[int, ...], stride: tuple[int, ...], offset: int
) -> None:
    lie = crafted.tensor_call(100, size, stride, offset=offset)
    assert "'lying.weight' claims" in refused(crafted.with_pickle(lie, {"0": b"\0" * 400}))


@pytest.mark.parametrize(
    ("size", "stride", "offset"), [((-1,), (1,), 0), ((5,), (-1,), 5), ((5,), (1, 1), 0)]
)
def test_views_that_make_no_sense(
    refused: Refused, size: tuple[int, ...], stride: tuple[int, ...], offset: int
) -> None:
    lie = crafted.tensor_call(100, size, stride, offset=offset)
    assert "torch.save does not write" in refused(crafted.with_pickle(lie, {"0": b"\0" * 400}))


def test_a_missing_record(refused: Refused) -> None:
    lie = crafted.with_pickle(crafted.tensor_call(4, (4,), (1,)), {"1": b"\0" * 16})
    assert "the data of tensor 'lying.weight' is missing" in refused(lie)


def test_nine_dimensions(refused: Refused) -> None:
    assert "has 9 dimensions" in refused(crafted.zipped({"w": torch.ones([1] * 9)}))
    entry = {"w": crafted.described([1] * 100, 0, 4)}
    assert "100 dimensions" in refused(crafted.header(entry, b"\0" * 4))


def test_legacy_that_claims_sixteen_terabytes(refused: Refused) -> None:
    sentence = refused(crafted.legacy_claiming(2**44))
    assert sentence.startswith("Tensor 'lying.weight' claims 70,368,744,177,664 bytes")


def test_deflated_records(refused: Refused) -> None:
    items = crafted.entries(crafted.zipped({"w": torch.zeros(10_000)}))
    sentence = refused(crafted.archive(items, zipfile.ZIP_DEFLATED))
    assert "is compressed" in sentence


def kinds() -> dict[str, object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            "sparse": torch.eye(3).to_sparse(),
            "sparse ": torch.eye(3).to_sparse_csr(),
            "quantized": torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
            "nested": torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]),
            "meta": torch.ones(2**40, device="meta"),
        }


@pytest.mark.parametrize("kind", ["sparse", "sparse ", "quantized", "nested", "meta"])
@pytest.mark.parametrize("save", [crafted.zipped, crafted.legacy])
def test_tensors_of_other_kinds(
    refused: Refused, kind: str, save: Callable[[object], bytes]
) -> None:
    sentence = refused(save({"honest": torch.ones(2), "layer.weight": kinds()[kind]}))
    assert sentence.startswith(f"Tensor 'layer.weight' is a {kind.strip()} tensor"), sentence


class Own(torch.Tensor):
    """A tensor subclass."""


@pytest.mark.parametrize("dtype", [torch.float8_e5m2, torch.uint16])
def test_types_that_torch_cannot_read_back_from_legacy(
    refused: Refused, dtype: torch.dtype
) -> None:
    assert "legacy format" in refused(crafted.legacy({"w": torch.ones(2).to(dtype)}))


def test_tensor_subclasses(refused: Refused) -> None:
    own = torch.ones(2).as_subclass(Own)
    assert refused(crafted.zipped({"layer": own})).startswith("Tensor 'layer' is a tensor subclass")


def test_a_sparse_tensor_that_lies(refused: Refused) -> None:
    layout = torch.serialization._get_layout
    inner = crafted.Pickled(layout, "torch.sparse_csr")
    lie = crafted.Pickled(
        torch._utils._rebuild_sparse_tensor, inner, (torch.tensor([0, 2**40]), None, None, (1, 1))
    )
    assert "is a sparse tensor" in refused(crafted.zipped({"w": lie}))


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (crafted.archive([*crafted.entries(HONEST), crafted.entries(HONEST)[0]]), "twice"),
        (crafted.with_entry_of(crafted.weights(), "other/data.pkl", b""), "second root"),
        (crafted.with_entry_of(crafted.weights(), "archive/../../x", b""), "outside"),
        (crafted.with_entry_of(crafted.weights(), "/etc/x", b""), "outside"),
        (crafted.symlinked(), "is a link"),
        (crafted.encrypted(), "is encrypted"),
        (crafted.bad_checksum(), "checksum"),
    ],
)
def test_archives_that_are_not_normal(refused: Refused, data: bytes, why: str) -> None:
    sentence = refused(data)
    assert sentence.startswith("The file is not a normal PyTorch archive: entry ")
    assert why in sentence


def test_a_directory_that_differs_from_the_data(refused: Refused) -> None:
    data = bytearray(crafted.archive(crafted.entries(HONEST)))
    at = data.find(b"data/0", data.find(b"PK\x01\x02"))
    data[at : at + 6] = b"data/9"
    assert "differs between" in refused(bytes(data))


def test_a_zip_without_weights(refused: Refused) -> None:
    assert "no data.pkl" in refused(crafted.archive([("photos/1.txt", b"x")]))


def test_programs(refused: Refused) -> None:
    script, export = refused(crafted.scripted()), refused(crafted.exported(), "model.pt2")
    assert "TorchScript program" in script
    assert "torch.export (.pt2), which is not accepted yet" in export
    assert REMEDY in script
    assert REMEDY in export


@pytest.mark.parametrize("depth", [20_000, 200_000])
def test_deep_nesting(refused: Refused, depth: int) -> None:
    for data in (crafted.nested_lists(depth), crafted.with_pickle(crafted.nested_lists(depth))):
        assert "nests" in refused(data)


def test_nesting_by_memo_stays_in_the_reader(refused: Refused) -> None:
    # Tuples inside each other without a deep stack: torch's unpickler builds all 200,000.
    nested = b"\x80\x02)" + b"\x85" * 200_000 + b"."
    assert "state_dict" in refused(crafted.with_pickle(nested))
    # As the key of a dictionary they overflow the stack of C when they are hashed.
    key = b"\x80\x02})" + b"\x85" * 300_000 + b"K\x01s."
    assert "crash" in refused(crafted.with_pickle(key))


def test_more_tensors_than_the_limit(refused: Refused) -> None:
    shared = torch.ones(1)
    many = {str(at): shared.view(1) for at in range(20_001)}
    assert "more than 20,000 tensors" in refused(crafted.zipped(many))
    header = {str(at): crafted.described([0], 0, 0) for at in range(20_001)}
    assert "at most 20,000" in refused(crafted.header(header))


def test_shared_memory_that_would_fill_the_disk(refused: Refused) -> None:
    weight = torch.rand(10_000)
    assert "share the same memory" in refused(
        crafted.zipped({f"copy{at}": weight for at in range(1000)})
    )


@pytest.mark.usefixtures("read_here")
@pytest.mark.parametrize(
    ("value", "why"),
    [
        (torch.ones(2), "one tensor without a name"),
        ([torch.ones(2)], "holds a list"),
        ("text", "holds a str"),
        ({("a", "b"): torch.ones(2)}, "names must be text"),
        ({"__metadata__": torch.ones(2)}, "is reserved"),
        ({"x" * 1001: torch.ones(2)}, "1,001 characters"),
        ({0: torch.ones(2), "0": torch.ones(2)}, "as a number and as text"),
        ({"w": torch.ones(2, dtype=torch.complex128)}, "has the type complex128"),
    ],
)
def test_things_that_are_not_a_state_dict(refused: Refused, value: object, why: str) -> None:
    assert why in refused(crafted.zipped(value))


def test_names_that_are_not_unicode(refused: Refused) -> None:
    lie = crafted.tensor_call(1, (1,), (1,), layer="\ud800")
    assert "not valid Unicode" in refused(crafted.with_pickle(lie, {"0": b"\0" * 4}))


@pytest.mark.parametrize("protocol", [3, 4, 5])
def test_other_pickle_protocols(refused: Refused, protocol: int) -> None:
    buffer = io.BytesIO()
    torch.save(crafted.weights(), buffer, pickle_protocol=protocol)
    assert f"pickle protocol {protocol}" in refused(buffer.getvalue())


def test_a_plain_pickle(refused: Refused) -> None:
    for protocol in range(3):
        sentence = refused(pickle.dumps({"a": 1}, protocol=protocol))
        assert "pickle" in sentence


def test_bytes_missing_inside_legacy_data(refused: Refused) -> None:
    # Another element count in the data than in the description.
    at = LEGACY.rindex(b"\x05\0\0\0\0\0\0\0")
    assert "another size" in refused(LEGACY[:at] + b"\x04" + LEGACY[at + 1 :])


def test_bytes_behind_legacy_data_are_noted(give: Give) -> None:
    assert give(LEGACY + b"more").notes == ("Ignored 4 bytes after the last tensor.",)


def test_names_in_refusals_stay_on_one_line(refused: Refused) -> None:
    sentence = refused(crafted.zipped({"a\n\x1b[31m" + "x" * 5000: torch.eye(2).to_sparse()}))
    assert "\x1b" not in sentence
    assert len(sentence) < 300
