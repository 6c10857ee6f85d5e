"""A small transformer encoder that classifies text, after Vaswani et al. (2017).

Normalization comes before each part (Xiong et al., 2020), which trains without warming up. Query,
key and value are linear layers of their own: quantization finds them, unlike the fused ones of
`nn.MultiheadAttention`.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from efficiency.workloads.packages import LENGTH, PACKAGES, WORDS

WIDTH, HEADS, LAYERS = 128, 4, 2


class Attention(nn.Module):
    """Multi-head self-attention over (N, T, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """Every step as a mixture of all steps, (N, T, WIDTH)."""
        q, k, v = (
            each.unflatten(-1, (HEADS, WIDTH // HEADS)).transpose(1, 2)
            for each in (self.query(x), self.key(x), self.value(x))
        )
        mixed = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
        out: Tensor = self.out(mixed)
        return out


class Layer(nn.Module):
    """Attention, then two linear layers at each step, both added to what came in."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.linear1, self.linear2 = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        """The steps after this layer, (N, T, WIDTH)."""
        x = x + self.attention(self.norm1(x))
        added: Tensor = self.linear2(F.relu(self.linear1(self.norm2(x))))
        return x + added


class Positions(nn.Module):
    """Adds what was learned for each position to (N, LENGTH, WIDTH)."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(LENGTH, WIDTH) * 0.02)

    def forward(self, x: Tensor) -> Tensor:
        """The same shape."""
        return x + self.weight


class TransformerClassifier(nn.Module):
    """(N, 64) token ids to (N, 6) logits."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens = nn.Embedding(WORDS, WIDTH)
        self.positions = Positions()
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, len(PACKAGES))
        nn.init.normal_(self.tokens.weight, std=0.02)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the classes, (N, 6), from the mean over all steps."""
        steps = self.norm(self.layers(self.positions(self.tokens(x))))
        logits: Tensor = self.head(steps.mean(1))
        return logits


def build() -> nn.Module:
    """The network with fresh random weights."""
    return TransformerClassifier()
