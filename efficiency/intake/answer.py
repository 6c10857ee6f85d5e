"""What the reading process says, as JSON on its standard output; parsed strictly by the parent."""

from typing import Annotated

import msgspec

WEIGHTS = "weights.safetensors"
DESCRIPTION = "model.json"
MAX_ANSWER_BYTES = 2**20

Sentence = Annotated[str, msgspec.Meta(max_length=10_000)]
Sentences = Annotated[tuple[Sentence, ...], msgspec.Meta(max_length=100)]


class Answer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Either a format with notes, or the reason for a refusal, or what ran out."""

    format: Sentence | None = None
    notes: Sentences = ()
    refused: Sentence | None = None
    disk_full: bool = False
    out_of_memory: bool = False
    isolation: Sentences = ()
