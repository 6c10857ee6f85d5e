"""The program that does what a lottery ticket study did, with its numbers: to run on its own.

`rewinding.py` is that program; its network and its data are put in here, and constants are those of
the study. It trains one network after the other: the same experiment, with other random numbers.
"""

import re
from pathlib import Path

from efficiency.core.lottery import Lottery
from efficiency.core.values import Study
from efficiency.exports.programs.sources import (
    architecture,
    body_of,
    docstring,
    imports_of,
    joined,
)

FILE_NAME = "lottery.py"
HERE = Path(__file__).parent
NETWORK, EXPERIMENT = "# --- the network\n", "# --- the experiment\n"
NETWORKS = ("lenet", "lenet300")
DIGITS = "digits"


def lottery_program(study: Study) -> str:
    """The source of the program; empty for a study of a network that is not known here."""
    found, workload = study.lottery, str(study.request.get("workload"))
    if found is None or workload not in NETWORKS:
        return ""
    template = _read("rewinding")
    digits = study.request.get("data") == DIGITS
    data, network = _read("lottery_digits" if digits else "lottery_idx"), architecture(workload)
    constants, _, rest = body_of(template).partition(NETWORK)
    experiment = rest.partition(EXPERIMENT)[2]
    values = _constants(study, found)
    said = docstring(template) if digits else docstring(template).replace(" scikit-learn", "")
    return _filled(
        joined(
            [
                f'"""{said}\n"""\n\n{imports_of((template, data, network))}\n\n{constants}',
                body_of(data),
                body_of(network),
                experiment,
            ]
        ),
        values,
    )


def _constants(study: Study, found: Lottery) -> dict[str, str]:
    asked = found.settings
    training = f"{asked.iterations}, {asked.batch_size}, {asked.learning_rate}"
    return {
        "DEVICE": f'"{study.request.get("device", "cpu")}"',
        "THREADS": str(study.environment.threads),
        "SEED, SEEDS": f"{study.request.get('seed', 0)}, {asked.seeds}",
        "ROUNDS, RATE, OUTPUT_RATE": f"{asked.rounds}, {asked.rate}, {asked.output_rate}",
        "SCOPE": f'"{asked.scope}"',
        "ITERATIONS, BATCH_SIZE, LEARNING_RATE": training,
        "CHECK_EVERY": str(asked.check_every),
        "VALIDATION": f"{found.images[1]}  # images that are not trained on, to stop early by",
        "REWIND_ITERATION": str(asked.rewind_iteration),
    }


def _filled(text: str, constants: dict[str, str]) -> str:
    """The text with these values instead of its own, at the start of lines."""
    for name, value in constants.items():
        text = re.sub(rf"^{name} = .*$", f"{name} = {value}", text, flags=re.M)
    return text


def _read(name: str) -> str:
    return (HERE / f"{name}.py").read_text()
