"""How much a score is worth whose single predictions are not independent of each other.

Characters of one text resemble each other, and so do the snippets of one file: if the model knows
its style, it gets most of them right. An interval that takes each prediction for a trial of its own
would be far too narrow, one that takes each file for a single trial far too wide.
"""

import torch
from torch import Tensor


def independent_trials(right: Tensor, files: Tensor | None) -> int:
    """The number of independent trials whose share would be as uncertain as that of `right`.

    right: (N,) or (N, T), True where a prediction is right; files: (N,), the file of each input,
    or None if every prediction stands for itself.

    This is the effective sample size p (1 - p) / v of Kish (Survey Sampling, 1965), with the
    variance v of the share p over files as clusters: m / (m - 1) times the sum over the m files
    of (sum over its inputs of (share right - p) / N)^2. Between 1 and the number of predictions; of
    scores without any variance it is the number of files.
    """
    if files is None:
        return right.numel()
    shares = right.double().flatten(1).mean(1) if right.dim() > 1 else right.double()
    p = shares.mean()
    clusters, file = files.unique(return_inverse=True)
    m = len(clusters)
    sums = torch.zeros(m, dtype=torch.float64).index_add(0, file, (shares - p) / len(shares))
    variance = float(sums.square().sum()) * m / max(1, m - 1)
    if variance == 0:
        return m
    return max(1, min(right.numel(), round(float(p * (1 - p)) / variance)))
