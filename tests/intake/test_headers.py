"""safetensors headers that break a rule of the format."""

import pytest

from tests.intake import crafted
from tests.intake.conftest import Refused

W = crafted.described([2], 0, 8)


@pytest.mark.parametrize(
    ("data", "rule"),
    [
        (crafted.header({"a": W, "b": crafted.described([2], 4, 12)}, b"\0" * 12), "overlaps"),
        (crafted.header({"a": W, "b": crafted.described([2], 12, 20)}, b"\0" * 20), "hole of 4"),
        (crafted.header({"a": W}, b"\0" * 9), "1 bytes follow"),
        (crafted.header({"a": W}, b"\0" * 7), "ends at byte 8"),
        (
            crafted.header({"a": crafted.described([3], 0, 8)}, b"\0" * 8),
            "needs 12 bytes by its shape",
        ),
        (crafted.header({"a": crafted.described([2**40], 0, 8)}, b"\0" * 8), "by its shape"),
        (crafted.header({"a": crafted.described([-2], 0, 8)}, b"\0" * 8), "entry of 'a'"),
        (crafted.header({"a": {**W, "extra": 1}}, b"\0" * 8), "entry of 'a'"),
        (crafted.header({"a": crafted.described([2], 0, 8, "F99")}, b"\0" * 8), "type 'F99'"),
        (crafted.header({"__metadata__": {"a": 1}, "a": W}, b"\0" * 8), "table of texts"),
        (
            crafted.header(None, b"\0" * 8, text=b'{"a":%s,"a":%s}' % ((b"[]",) * 2)),
            "key 'a' twice",
        ),
        (crafted.header(None, text=b"{" * 100_000), "not valid JSON"),
        (crafted.header(None, text=b'{"a":' * 100_000), "not valid JSON"),
        (b"\xff" * 7 + b"\x7f{" + b"\0" * 50, "claims 9,"),
        (b"\0\0\0\x01\0\0\0\0{" + b"\0" * 50, "claims 16,777,216 bytes and only 51"),
        (crafted.header(None, text=b'{"\xff": 1}'), "not valid JSON"),
    ],
)
def test_safetensors_by_the_letter(refused: Refused, data: bytes, rule: str) -> None:
    assert rule in refused(data, "model.safetensors")
