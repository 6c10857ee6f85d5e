"""A process that carries out a lottery and is killed in the middle of a round, by no less than
SIGKILL: `python -m tests.routines.lottery_killed REQUEST ROUND`.
"""

import os
import signal
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import msgspec

from efficiency.core.requests import LotteryRequest
from efficiency.core.values import Progress, Study
from efficiency.routines import lottery


@dataclass(frozen=True, kw_only=True)
class Deadly:
    """A context that does not survive a round."""

    folder: Path
    words: str

    def progress(self, progress: Progress) -> None:
        if progress.step.startswith(self.words) and progress.seconds_left is not None:
            os.kill(os.getpid(), signal.SIGKILL)

    def partial(self, study: Study) -> None:
        pass


if __name__ == "__main__":
    request = msgspec.json.decode(sys.argv[1], type=LotteryRequest)
    folder = Path(tempfile.mkdtemp(dir=os.environ["EFFICIENCY_HOME"]))
    lottery.run(request, Deadly(folder=folder, words=sys.argv[2]))
