"""Static quantization and quantization-aware training on several networks of the same kind.

One network tells little: a digit more or less is within chance. Each seed has a network of its own,
trained from other weights in another order.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from torch import nn

from efficiency.core.quantization import QatSeed
from efficiency.routines.subject import Subject, filled
from efficiency.workloads.training import evaluate, trained

SEEDS = 5


def qat_seeds(
    subject: Subject,
    static: Callable[[Subject], nn.Module],
    qat: Callable[[Subject], nn.Module],
    *,
    seeds: Sequence[int] = range(SEEDS),
    on_step: Callable[[str, float], None] = lambda step, share: None,
) -> tuple[QatSeed, ...]:
    """Scores on held-out data: float32, quantized afterwards, and with QAT; nothing without data.

    static, qat: the subject's model in int8 by that method. The subject's own model is not used:
    networks are trained from scratch, or taken from disk. `on_step` is told what is being done, and
    the share of it all that is done.
    """
    split, workload = subject.split, subject.workload
    if split is None or workload.recipe is None:
        return ()
    found = []
    for place, seed in enumerate(seeds):
        share = place / len(seeds)
        on_step(f"training the network of seed {seed}", share)
        model = filled(workload, trained(workload, seed))
        one = replace(subject, model=model, seed=seed)
        on_step(f"quantizing the network of seed {seed}", share + 0.5 / len(seeds))
        found.append(
            QatSeed(
                seed=seed,
                float_score=evaluate(model, split),
                static_score=evaluate(static(one), split),
                qat_score=evaluate(qat(one), split),
            )
        )
    return tuple(found)
