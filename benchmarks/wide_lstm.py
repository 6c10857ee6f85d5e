"""An LSTM of the size where weights, not calls, take the time: two layers, 512 wide, 64 steps.

The trained one of the catalogue is 256 wide: its weights stay in the caches, and int8 gains little
in any runtime.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from efficiency.workloads.catalogue import Workload

IDS, WIDTH = 1000, 512


class WideLSTM(nn.Module):
    """(N, T) ids to (N, T, 1000) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(IDS, WIDTH)
        self.lstm = nn.LSTM(WIDTH, WIDTH, num_layers=2, batch_first=True)
        self.head = nn.Linear(WIDTH, IDS)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of every step."""
        logits: Tensor = self.head(self.lstm(self.embedding(x))[0])
        return logits


@dataclass(frozen=True, slots=True, kw_only=True)
class WideWorkload(Workload):
    """Not in the catalogue, as it is trained on nothing."""

    def build(self) -> nn.Module:
        """The network with fresh random weights."""
        return WideLSTM().eval()


WIDE_LSTM = WideWorkload(
    name="lstm-wide",
    label="LSTM, 512 wide",
    description="Two layers with random weights.",
    input_shape=(1, 64),
    vocabulary=IDS,
)
