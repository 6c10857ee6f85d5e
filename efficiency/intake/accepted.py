"""What is known of an accepted file: plain values, kept beside its weights as JSON."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorInfo:
    """One stored tensor. `dtype` is torch's name without the prefix, for example float32."""

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A file that was read, checked and written again in canonical form.

    `model` is the SHA-256 of the canonical file: the same weights have the same id whatever format
    they came in. `format` is what the upload was, `file_bytes` its size. `parameters` counts the
    elements of all floating and complex tensors (buffers such as running means included, as a file
    does not tell them apart), tied ones once. `notes` are sentences; names in them come from the
    file and must be escaped where they are shown.
    """

    model: str
    format: str
    file_bytes: int
    parameters: int
    tensors: tuple[TensorInfo, ...]
    notes: tuple[str, ...] = ()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Tensor name -> shape: what an architecture is recognised by."""
        return {tensor.name: tensor.shape for tensor in self.tensors}
