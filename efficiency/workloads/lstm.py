"""A character-level language model: two LSTM layers (Hochreiter and Schmidhuber, 1997)."""

from torch import Tensor, nn

from efficiency.workloads.characters import CHARACTERS

WIDTH = 256


class CharacterLSTM(nn.Module):
    """(N, T) character ids to (N, T, 97) logits of the character after each."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(CHARACTERS, WIDTH)
        self.lstm = nn.LSTM(WIDTH, WIDTH, num_layers=2, batch_first=True)
        self.head = nn.Linear(WIDTH, CHARACTERS)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the next character at every step, (N, T, 97)."""
        states = self.lstm(self.embedding(x))[0]
        logits: Tensor = self.head(states)
        return logits


def build() -> nn.Module:
    """The network with fresh random weights."""
    return CharacterLSTM()
