"""The lottery ticket experiment: do pruned networks learn as well, and better than their controls?

Train dense networks, one for each seed. Then, round by round: prune the smallest weights of the
ticket, rewind the others to their first values, and train that again, beside the two controls of
`efficiency.core.lottery.Start`. Frankle and Carbin, ICLR 2019 (arXiv 1803.03635).

Everything random comes from seeds that are derived from (seed, level, control), and what is needed
to go on is kept after each level. So a run that was stopped ends with the numbers that it would
have had anyway.
"""

import time
from collections.abc import Sequence
from dataclasses import replace

from torch import Tensor

from efficiency.core.context import Context
from efficiency.core.lottery import CONTROLS, Level, LevelMask, Lottery, Measure, Start
from efficiency.core.requests import LotteryRequest
from efficiency.core.units import share_text
from efficiency.core.values import Environment, Progress, Study
from efficiency.measure.threads import usable_cores
from efficiency.routines.pruning.mask_images import mask_image
from efficiency.routines.stopwatch import Stopwatch
from efficiency.routines.subject import environment_of
from efficiency.routines.tickets import checkpoint, masks, records
from efficiency.routines.tickets.checkpoint import Finished, Kept, Origin
from efficiency.routines.tickets.contestants import Contestant, Images, Learned
from efficiency.routines.tickets.contests import contests, outcomes
from efficiency.routines.tickets.images import load
from efficiency.routines.tickets.learning import first_weights, prunable, train
from efficiency.routines.tickets.settings import checkpoints_of, networks, settings_of
from efficiency.routines.tickets.verdict import verdict
from efficiency.workloads import catalogue
from efficiency.workloads.split import fingerprint

NEWS_SECONDS = 3.0  # between two partial studies, and not more than a hundredth of the time so far
NEWS_SHARE = 0.01
CELLS = 600_000  # in all pictures of masks together, four bytes each


def run(request: LotteryRequest, context: Context) -> Study:
    """The study of the request. Raises BadInput for data or settings that cannot be used."""
    settings_of(request)  # what is wrong with them is said before anything is read
    environment = replace(environment_of(request), threads=usable_cores())
    return _Lottery(request, context, environment).carry_out()


class _Lottery:
    """The experiment while it grows."""

    def __init__(self, request: LotteryRequest, context: Context, environment: Environment) -> None:
        self.request, self.context, self.environment = request, context, environment
        self.watch = Stopwatch()
        self.settings = settings_of(request)
        self.checkpoints = checkpoints_of(self.settings)
        self.workload = catalogue.get(request.workload)
        self.model = self.workload.build()
        self.names = prunable(request.workload)
        self.sizes = {name: self.model.get_parameter(name).numel() for name in self.names}
        masks.left_at(self.settings.rounds, self.sizes, self.settings)
        self.seeds = tuple(range(request.seed, request.seed + self.settings.seeds))
        self._step("reading the images", 0)
        with self.watch.phase("reading the images"):
            self.images = load(request.data, request.device)
        self.notes = records.notes(request, self.settings)
        self.finished = Finished()
        self.rewound: dict[int, dict[str, Tensor]] = {}
        self.masks: dict[int, masks.Mask] = {}
        self.learning: Finished = self.finished  # with the level that is being trained
        self.news = 0.0

    def carry_out(self) -> Study:
        """All levels that are not finished yet."""
        origin = Origin(
            key=self.request.key(), settings=self.settings, data=_fingerprint(self.images)
        )
        kept, note = checkpoint.found(origin)
        if kept is not None:
            self.finished, self.rewound, self.masks = kept.finished, kept.rewound, kept.masks
            self.learning = kept.finished
        if note:
            self.notes = (*self.notes, note)
        for level in range(len(self.finished.levels), self.settings.rounds + 1):
            self._level(level)
            checkpoint.keep(
                origin, Kept(finished=self.finished, rewound=self.rewound, masks=self.masks)
            )
            self.context.partial(self.study(complete=False))
        checkpoint.forget(origin.key)
        return self.study(complete=True)

    def _level(self, level: int) -> None:
        """Train all networks of a level at once, and prune the tickets for the next."""
        if level == 0:
            self._begin()
        entries = self._entries(level)
        before = self.learning = self._with_level(level)
        began = time.perf_counter()

        def on_check(iteration: int, learned: Sequence[Learned]) -> None:
            self._tell(before, entries, learned, iteration, time.perf_counter() - began)

        self._step(self._name(before), self.finished.steps)
        # Only the dense networks are asked for weights to rewind to.
        rewind = self.settings.rewind_iteration if level == 0 else 0
        with self.watch.phase("training"):
            learned = train(
                self.request.workload,
                [self._contestant(level, start, seed) for start, seed in entries],
                self.images,
                replace(self.settings, rewind_iteration=rewind),
                checkpoints=self.checkpoints,
                on_check=on_check,
            )
        self.finished = self.learning = replace(
            self._trained(before, entries, learned),
            steps=self.finished.steps + len(entries) * self.settings.iterations,
            seconds=self.finished.seconds + time.perf_counter() - began,
        )
        tickets = {
            seed: each
            for (start, seed), each in zip(entries, learned, strict=True)
            if start is Start.TICKET
        }
        for seed, ticket in tickets.items():
            if ticket.early is not None:
                self.rewound[seed] = _on_cpu(ticket.early)
            if level < self.settings.rounds:
                self.masks[seed] = masks.pruned(
                    ticket.weights, self.masks[seed], self.settings, level + 1
                )

    def _begin(self) -> None:
        for seed in self.seeds:
            first = first_weights(self.request.workload, masks.derived_seed("first", seed))
            self.rewound[seed] = first
            self.masks[seed] = masks.nothing_pruned(first, self.names)

    def _entries(self, level: int) -> list[tuple[Start, int]]:
        starts = (Start.TICKET, *CONTROLS) if level else (Start.TICKET,)
        return [(start, seed) for start in starts for seed in self.seeds]

    def _contestant(self, level: int, start: Start, seed: int) -> Contestant:
        weights, mask = self.rewound[seed], self.masks[seed]
        own = masks.derived_seed(start.value, seed, level)
        if start is Start.REINITIALISED:
            weights = first_weights(self.request.workload, own)
        if start is Start.RANDOM_MASK:
            mask = masks.shuffled(mask, own)
        device = self.request.device
        return Contestant(
            weights={name: each.to(device) for name, each in weights.items()},
            mask={name: each.to(device) for name, each in mask.items()},
            seed=masks.derived_seed("batches", seed),
        )

    def _with_level(self, level: int) -> Finished:
        """What is known when the level begins: how much is left, and of the first seed, where."""
        mask, weights = self.masks[self.seeds[0]], self.rewound[self.seeds[0]]
        left = {name: int(each.sum()) for name, each in mask.items()}
        cells = CELLS // (len(self.names) * (self.settings.rounds + 1))
        pictures = tuple(
            LevelMask(
                level=level,
                image=mask_image(name, self._module_type(name), weights[name], each, cells),
            )
            for name, each in mask.items()
        )
        found = Level(
            level=level,
            kept=sum(left.values()) / sum(self.sizes.values()),
            left=sum(left.values()),
            by_layer=tuple((name, left[name], size) for name, size in self.sizes.items()),
        )
        return replace(
            self.finished,
            levels=(*self.finished.levels, found),
            pictures=(*self.finished.pictures, *pictures),
        )

    def _module_type(self, name: str) -> str:
        return type(self.model.get_submodule(name.rpartition(".")[0])).__name__

    def _trained(
        self, before: Finished, entries: list[tuple[Start, int]], learned: Sequence[Learned]
    ) -> Finished:
        level = before.levels[-1].level
        trained = (
            records.training(each, self.checkpoints, start=start, level=level, seed=seed)
            for (start, seed), each in zip(entries, learned, strict=True)
        )
        return replace(before, trainings=(*before.trainings, *trained))

    def _tell(
        self,
        before: Finished,
        entries: list[tuple[Start, int]],
        learned: Sequence[Learned],
        iteration: int,
        seconds: float,
    ) -> None:
        """How far it is, and now and then how the networks learn."""
        steps = iteration * len(entries)
        done = self.finished.steps + steps
        total = networks(self.settings) * self.settings.iterations
        self._step(self._name(before), done, seconds * (total - done) / steps if steps else None)
        now, so_far = time.perf_counter(), self.finished.seconds + seconds
        if now - self.news >= max(NEWS_SECONDS, NEWS_SHARE * so_far):
            self.news = now
            self.learning = self._trained(before, entries, learned)
            self.context.partial(self.study(complete=False))

    def _name(self, before: Finished) -> str:
        level = before.levels[-1]
        if level.level == 0:
            return "training the dense networks"
        return f"round {level.level} of {self.settings.rounds}, {share_text(level.kept)} left"

    def _step(self, step: str, done: int, left: float | None = None) -> None:
        total = networks(self.settings) * self.settings.iterations
        self.context.progress(Progress(step=step, done=done, total=total, seconds_left=left))

    def study(self, *, complete: bool) -> Study:
        """Everything known so far; outcomes are of levels that have been trained to the end."""
        finished, learning = self.finished, self.learning
        steps = {
            Measure.STOP_ITERATION: float(self.settings.check_every),
            Measure.STOP_SCORE: 1 / len(self.images.test_labels),
            Measure.END_SCORE: 1 / len(self.images.test_labels),
        }
        compared = contests(finished.trainings, self.settings.rounds, steps)
        parameters = sum(each.numel() for each in self.model.parameters())
        known = finished.levels or learning.levels[:1]
        return Study(
            kind=self.request.kind,
            title=f"{self.workload.label} on {self.images.label}, lottery tickets",
            request=self.request.document(),
            environment=self.environment,
            rows=records.rows(known, finished.trainings, parameters),
            caveats=records.caveats(self.settings, finished.trainings),
            notes=self.notes,
            phases=self.watch.phases(),
            score_name="accuracy",
            score_over=f"{len(self.images.test_labels):,} test images",
            batch_size=self.settings.batch_size,
            lottery=Lottery(
                network=self.workload.label,
                data=records.data_text(self.images),
                images=(
                    len(self.images.train_labels),
                    len(self.images.validation_labels),
                    len(self.images.test_labels),
                ),
                settings=self.settings,
                checkpoints=self.checkpoints,
                levels=learning.levels,
                trainings=learning.trainings,
                outcomes=outcomes(finished.trainings),
                contests=compared,
                masks=learning.pictures,
                verdict=verdict(compared, finished.levels, finished.trainings, steps),
                steps_per_second=finished.steps / finished.seconds if finished.seconds else None,
            ),
            complete=complete,
        )


def _fingerprint(images: Images) -> str:
    parts = (images.train, images.validation, images.test)
    labels = (images.train_labels, images.validation_labels, images.test_labels)
    return fingerprint(*(each.cpu() for each in (*parts, *labels)))


def _on_cpu(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: each.detach().cpu() for name, each in weights.items()}
