"""The lottery ticket experiment in plain PyTorch, one network after the other.

    pip install torch scikit-learn && python lottery.py

Train, prune the smallest weights, rewind the rest to their first values, train again. Beside every
ticket two controls: its mask with new weights, and its first weights with the mask shuffled.
Frankle and Carbin, ICLR 2019 (arXiv 1803.03635).
"""

import copy
import statistics
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils import prune

from efficiency.exports.programs.lottery_digits import load

DEVICE = "cpu"
THREADS = 1
SEED, SEEDS = 0, 3
ROUNDS, RATE, OUTPUT_RATE = 5, 0.4, 0.2
SCOPE = "layer"
ITERATIONS, BATCH_SIZE, LEARNING_RATE = 400, 60, 0.0012
CHECK_EVERY = 10
REWIND_ITERATION = 0
VALIDATION = 237  # images that are not trained on, to find the early stop with
# --- the network


def build() -> nn.Module:
    """A network with fresh random weights."""
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))


# --- the experiment
Weights = dict[str, Tensor]
(train_images, train_labels), (validation_images, validation_labels), (test_images, test_labels) = (
    (images.to(DEVICE), labels.to(DEVICE)) for images, labels in load(VALIDATION)
)


def prunable(model: nn.Module) -> list[nn.Module]:
    """The layers whose weights are pruned, the output layer last; biases are not."""
    return [each for each in model.modules() if isinstance(each, nn.Conv2d | nn.Linear)]


def prune_smallest(model: nn.Module) -> list[Tensor]:
    """Prune the smallest of the weights that are left; the masks of all layers."""
    layers = prunable(model)
    if SCOPE == "global":
        every = [(layer, "weight") for layer in layers]
        prune.global_unstructured(every, pruning_method=prune.L1Unstructured, amount=RATE)
    else:
        for layer in layers:
            rate = OUTPUT_RATE if layer is layers[-1] else RATE
            prune.l1_unstructured(layer, "weight", amount=rate)
    return [layer.get_buffer("weight_mask").clone() for layer in layers]


def start_from(weights: Weights, masks: list[Tensor]) -> nn.Module:
    """A network with these weights, and with zeros that stay zero where a mask has them."""
    model: nn.Module = build().to(DEVICE)
    model.load_state_dict(weights)
    for layer, mask in zip(prunable(model), masks, strict=True):
        prune.custom_from_mask(layer, "weight", mask)
    return model


def batches(count: int, seed: int) -> Iterator[Tensor]:
    """Indices of batch after batch, in a new order for every pass over the data."""
    order = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(count, generator=order).split(BATCH_SIZE)


def train(model: nn.Module, seed: int, rewound: Weights | None = None) -> tuple[int, float]:
    """Iteration of the smallest validation loss, and accuracy on the test images at the end.

    `rewound` gets the weights to rewind to, once they are reached.
    """
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    order = batches(len(train_labels), seed)
    least, stop = float("inf"), 0
    for iteration in range(ITERATIONS + 1):
        if iteration > 0:
            batch = next(order)
            optimizer.zero_grad()
            F.cross_entropy(model(train_images[batch]), train_labels[batch]).backward()
            optimizer.step()
        if rewound is not None and iteration == REWIND_ITERATION:
            rewound.update(copy.deepcopy(model.state_dict()))
        if iteration % CHECK_EVERY == 0 or iteration == ITERATIONS:
            with torch.no_grad():
                loss = float(F.cross_entropy(model(validation_images), validation_labels))
            if loss < least:
                least, stop = loss, iteration
    with torch.no_grad():
        right = model(test_images).argmax(1) == test_labels
    return stop, float(right.float().mean())


def new_weights() -> Weights:
    """Fresh random weights."""
    return dict(build().to(DEVICE).state_dict())


def shuffled(mask: Tensor) -> Tensor:
    """As many weights left, anywhere in the layer."""
    return mask.flatten()[torch.randperm(mask.numel())].reshape(mask.shape)


def main() -> None:
    """All rounds for every seed, then the means over the seeds."""
    torch.set_num_threads(THREADS)
    found: dict[tuple[int, str], list[tuple[int, float]]] = {}
    left: dict[int, float] = {}
    for seed in range(SEED, SEED + SEEDS):
        torch.manual_seed(seed)
        model = build().to(DEVICE)
        rewound = copy.deepcopy(model.state_dict())
        found.setdefault((0, "dense"), []).append(train(model, seed, rewound))
        left[0] = 1.0
        for level in range(1, ROUNDS + 1):
            masks = prune_smallest(model)
            left[level] = sum(float(mask.sum()) for mask in masks) / sum(map(torch.numel, masks))
            model = start_from(rewound, masks)
            networks = {
                "ticket": model,
                "re-initialised": start_from(new_weights(), masks),
                "random mask": start_from(rewound, [shuffled(mask) for mask in masks]),
            }
            for name, network in networks.items():
                found.setdefault((level, name), []).append(train(network, seed))
            print(f"seed {seed}: {100 * left[level]:.1f} % left", flush=True)
    print(f"{'left':>7}  {'start':15}{'early stop':>10}{'accuracy':>10}   over {SEEDS} seeds")
    for (level, name), networks_of in sorted(found.items(), key=lambda item: item[0][0]):
        stops, ends = zip(*networks_of, strict=True)
        stop, end = statistics.fmean(stops), 100 * statistics.fmean(ends)
        print(f"{100 * left[level]:5.1f} %  {name:15}{stop:10.0f}{end:8.1f} %")


if __name__ == "__main__":
    main()
