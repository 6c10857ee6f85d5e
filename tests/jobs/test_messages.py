"""The lines between runner and supervisor."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from efficiency.core import serial
from efficiency.core.values import Progress
from efficiency.jobs import messages
from efficiency.jobs.messages import Done, Failed, Lines, Said, TooLarge, encode, text
from tests.samples import hostile


def test_a_study_arrives_as_the_text_that_was_sent():
    study = hostile()
    (said,) = Lines().feed(encode(Said(study=msgspec.Raw(serial.encode(study)))))
    assert serial.decode(text(said.study)) == study


@given(cuts=st.lists(st.integers(min_value=1, max_value=60)))
def test_messages_arrive_however_the_stream_is_cut(cuts):
    sent = [
        Said(progress=Progress(step="a\nb", done=1, total=2)),
        Done(study=msgspec.Raw(b'{"title": "x"}')),
        Failed(error="A sentence.", bad_input=True),
    ]
    stream = b"".join(map(encode, sent))
    lines, received = Lines(), []
    for cut in (*cuts, len(stream)):
        received += lines.feed(stream[:cut])
        stream = stream[cut:]
    said, done, failed = received
    assert said.progress == sent[0].progress
    assert text(said.study) is None
    assert bytes(done.study) == b'{"title": "x"}'
    assert failed == sent[2]


def test_lines_have_a_largest_size_at_both_ends(monkeypatch):
    monkeypatch.setattr(messages, "LARGEST", 100)
    with pytest.raises(TooLarge):
        encode(Failed(error="x" * 100))
    lines = Lines()
    assert lines.feed(b"x" * 90) == []
    with pytest.raises(TooLarge):
        lines.feed(b"x" * 20)
