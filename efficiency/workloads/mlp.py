"""The tutorial's multilayer perceptron: equally wide linear layers with ReLU between them."""

from torch import nn


def make_model(in_size: int, out_size: int, num_layers: int) -> nn.Sequential:
    """(N, in_size) to (N, out_size); every layer but the last is in_size wide."""
    layers: list[nn.Module] = []
    for _ in range(num_layers - 1):
        layers += [nn.Linear(in_size, in_size), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(in_size, out_size))


def build() -> nn.Module:
    """Three layers for flattened 28x28 digits, with fresh random weights."""
    return make_model(28 * 28, 10, 3)
