"""Leaderboards as data: one for each mask set of a protocol. Markdown, HTML, figures and terminal all show these."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.claims import FEWEST_GROUPS, FEWEST_SEEDS
from bench.claims.contenders import Contender, advantage, best, contenders, goodness
from bench.claims.seed_spread import lead_spread
from bench.claims.statistics import Interval
from bench.methods.settings import DEFAULT
from bench.metrics.definitions import DEFINITIONS, HEADLINE
from bench.paper.arithmetic import and_list
from bench.runs.records import Record

EXTERNAL = "scored from pictures"
PRETRAINED = "pretrained elsewhere"


@dataclass(frozen=True)
class Line:
    """One contender on one mask set."""

    contender: Contender
    floor: bool
    own: bool
    """True for the paper's method as printed."""
    scores: dict[str, Interval]
    """By metric; a metric that was not measured is left out."""
    leads: dict[str, Interval]
    """By metric: how far ahead of the mask set's best floor, paired by image; positive is better. Empty for that floor.
    The intervals are widened by what the training seeds move, unless `images_only`."""
    images_only: bool
    """True for a training with too few seeds to tell what another seed moves."""
    seeds: int

    @property
    def name(self) -> str:
        return self.contender.name

    @property
    def budget(self) -> int | None:
        """Training images seen, repeats counted: the sum of steps x batch over the stages. None without a training."""
        training = self.contender.records[0].content.training
        return training.images or None if training else None

    @property
    def kind(self) -> str:
        if self.contender.external:
            return EXTERNAL
        if self.contender.elsewhere:
            return PRETRAINED
        return "floor" if self.floor else "this paper" if self.own else ""


@dataclass(frozen=True)
class Board:
    """One mask set's leaderboard, best PSNR first."""

    mask_set: str
    lines: list[Line]
    best: dict[str, str]
    """By metric: the name of the contender with the best mean."""
    best_floors: dict[str, str]
    """By metric: the name of the best floor."""
    tv_truth: Interval | None
    """The truth's own TV, for comparison."""
    in_part: tuple[str, ...] = ()
    """What was scored only in part or failed its spot check, and so has no line."""
    about: str = ""
    """What the mask set's manifest has the reader know."""

    @property
    def notes(self) -> list[str]:
        """What the reader of the numbers must know."""
        notes = [*([self.about] if self.about else []), *self.in_part]
        groups = max((interval.groups for line in self.lines for interval in line.scores.values()), default=0)
        if 0 < groups < FEWEST_GROUPS:
            notes.append(
                f"The intervals rest on {groups} groups; fewer than {FEWEST_GROUPS} never count as evidence here."
            )
        notes += self._about_leads()
        for line in self.lines:
            for metric, interval in line.scores.items():
                if interval.infinite:
                    where = f"{DEFINITIONS[metric].title} of {line.name}"
                    images = "1 image" if interval.infinite == 1 else f"{interval.infinite} images"
                    notes.append(f"{where}: infinite for {images}, left out of the mean.")
        return notes

    def _about_leads(self) -> list[str]:
        trained = [line for line in self.lines if line.leads and not line.floor]
        only = [line.name for line in trained if line.images_only]
        both = [line.name for line in trained if not line.images_only]
        if both and only:
            few = f"and images only for {and_list(only)}, with fewer than {FEWEST_SEEDS} seeds"
            return [f"Intervals of leads cover images and training seeds for {and_list(both)}, {few}."]
        if both:
            return ["Intervals of leads cover images and training seeds."]
        return [f"Intervals of leads cover images only: no training has {FEWEST_SEEDS} seeds."] if only else []


def leaderboards(records: Sequence[Record], key: str, floors: set[str]) -> list[Board]:
    """The boards of one protocol's records; `key` is the paper's own method."""
    if not records:
        return []
    field = contenders(records)
    return [
        _board(mask_set, field, key, floors, _in_part(records, mask_set))
        for mask_set in records[0].run.protocol.mask_set_names
    ]


def _in_part(records: Sequence[Record], mask_set: str) -> tuple[str, ...]:
    runs = [record.run for record in records if record.run.partial]
    caught = [record for record in records if record.unranked and not record.run.partial]
    return tuple(f"{record.run.name} is not ranked: {record.unranked}." for record in caught) + tuple(
        f"{run.method}: only {run.partial[mask_set]} images were returned, so it is not ranked"
        if mask_set in run.partial
        else f"{run.method}: not ranked, because other mask sets came back incomplete"
        for run in runs
    )


def _board(mask_set: str, field: list[Contender], key: str, floors: set[str], in_part: tuple[str, ...]) -> Board:
    training_free = [contender for contender in field if contender.method in floors and not contender.elsewhere]
    bests, best_floors = _bests(field, mask_set), _bests(training_free, mask_set)
    lines = []
    for contender in field:
        own = contender.method == key and contender.variant == DEFAULT and not contender.elsewhere
        series = {metric: contender.series(mask_set, metric) for metric in HEADLINE}
        scores = {metric: one.interval() for metric, one in series.items() if one is not None}
        leads, images_only = _leads(contender, best_floors, mask_set, floors)
        floor = contender in training_free
        lines.append(Line(contender, floor, own, scores, leads, images_only, contender.seeds))
    truth = field[0].series(mask_set, "tv_truth") if field else None
    return Board(
        mask_set,
        sorted(lines, key=lambda line: (-_rank(line, mask_set), line.name)),
        {metric: contender.name for metric, contender in bests.items()},
        {metric: contender.name for metric, contender in best_floors.items()},
        truth.interval() if truth is not None else None,
        in_part,
        field[0].records[0].content.mask_sets[mask_set].note if field else "",
    )


def _bests(candidates: list[Contender], mask_set: str) -> dict[str, Contender]:
    found = {metric: best(candidates, mask_set, DEFINITIONS[metric]) for metric in HEADLINE}
    return {metric: contender for metric, contender in found.items() if contender is not None}


def _rank(line: Line, mask_set: str) -> float:
    series = line.contender.series(mask_set, "psnr")
    return float("-inf") if series is None else series.rank


def _leads(
    contender: Contender, best_floors: dict[str, Contender], mask_set: str, floors: set[str]
) -> tuple[dict[str, Interval], bool]:
    """The leads by metric, and whether their intervals leave the training seeds out."""
    leads, images_only = {}, False
    for metric, floor in best_floors.items():
        definition = DEFINITIONS[metric]
        ours, theirs = (goodness(one, mask_set, definition) for one in (contender, floor))
        if ours is not None and theirs is not None and contender is not floor:
            spread = lead_spread(contender, floor, mask_set, definition, floors)
            images_only = images_only or not spread.known
            leads[metric] = advantage(ours, theirs).widened(spread.half_width())
    return leads, images_only
