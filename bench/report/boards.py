"""Leaderboards as data: one for each mask set of a protocol. Markdown, HTML, figures and terminal all show these."""

from collections.abc import Sequence
from dataclasses import dataclass

from bench.claims import FEWEST_GROUPS, FEWEST_SEEDS
from bench.claims.contenders import Contender, advantage, best, contenders, goodness
from bench.claims.ranking import Ranking, ranking, unbeaten
from bench.claims.seed_spread import SeedSpread, lead_spread, mean_spread
from bench.claims.statistics import Interval
from bench.methods.settings import DEFAULT
from bench.metrics.definitions import DEFINITIONS, HEADLINE
from bench.paper.arithmetic import and_list
from bench.runs.records import Record

EXTERNAL = "scored from pictures"
PRETRAINED = "pretrained elsewhere"
PSNR = DEFINITIONS["psnr"]
ONLY = "†"
"""Marks a rank that leaves the training seeds out."""


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
    spread: SeedSpread
    """Of its mean PSNR over training seeds: its own, borrowed or unknown."""
    seeds: int
    rank: tuple[int, int] | None
    """By PSNR, the best and the worst rank that the comparisons with all others leave open. None without a PSNR."""

    @property
    def name(self) -> str:
        return self.contender.name

    @property
    def images_only(self) -> bool:
        """True for a training with too few seeds to tell what another seed moves, to which nobody lends a spread."""
        return not self.spread.known

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
    best: dict[str, set[str]]
    """By metric: the names of those that stand out as best, since none is shown to be better; none where that is true
    of all. A metric that was not measured is left out."""
    best_floors: dict[str, str]
    """By metric: the name of the best floor."""
    tv_truth: Interval | None
    """The truth's own TV, for comparison."""
    ranking: Ranking
    """By PSNR."""
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
        notes += self._about_seeds()
        for line in self.lines:
            for metric, interval in line.scores.items():
                if interval.infinite:
                    where = f"{DEFINITIONS[metric].title} of {line.name}"
                    images = "1 image" if interval.infinite == 1 else f"{interval.infinite} images"
                    notes.append(f"{where}: infinite for {images}, left out of the mean.")
        return notes

    def _about_seeds(self) -> list[str]:
        """Whose intervals and ranks count the seeds, whose spread is borrowed, and who was not told apart and why."""
        trained = [line for line in self.lines if line.spread.trainings and not line.floor]
        only = [line.name for line in trained if line.images_only]
        both = [line.name for line in trained if not line.images_only]
        few = f"fewer than {FEWEST_SEEDS} seeds"
        notes = []
        if both:
            rest = f", and images only for {and_list(only)}, with {few}" if only else ""
            whose = f" for {and_list(both)}" if only else ""
            notes.append(f"Intervals of leads cover images and training seeds{whose}{rest}.")
        elif only:
            notes.append(f"Intervals of leads cover images only: no training has {FEWEST_SEEDS} seeds.")
        for line in trained:
            if line.spread.lenders:
                lenders = and_list([f"{one.name} ({one.seeds} seeds)" for one in line.spread.lenders])
                notes.append(f"{line.name} has {few}: their spread is borrowed from {lenders}.")
        if only:
            notes.append(f"{ONLY} {and_list(only)}: ranked by images only, and so told apart from floors alone.")
        if self.ranking.processors:
            listed = and_list(list(self.ranking.processors))
            notes.append(f"Different processors trained {listed}; those that share none are not told apart.")
        return notes


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
    best_floors = _bests(training_free, mask_set)
    ranked = ranking(field, mask_set, PSNR, floors)
    lines = []
    for contender in field:
        own = contender.method == key and contender.variant == DEFAULT and not contender.elsewhere
        series = {metric: contender.series(mask_set, metric) for metric in HEADLINE}
        scores = {metric: one.interval() for metric, one in series.items() if one is not None}
        leads = _leads(contender, best_floors, mask_set, floors, field)
        floor, spread = contender in training_free, mean_spread(contender, mask_set, PSNR, floors, field)
        rank = ranked.ranks.get(contender.name)
        lines.append(Line(contender, floor, own, scores, leads, spread, contender.seeds, rank))
    truth = field[0].series(mask_set, "tv_truth") if field else None
    return Board(
        mask_set,
        sorted(lines, key=lambda line: (-_rank(line, mask_set), line.name)),
        _stand_out(field, ranked, mask_set, floors),
        {metric: contender.name for metric, contender in best_floors.items()},
        truth.interval() if truth is not None else None,
        ranked,
        in_part,
        field[0].records[0].content.mask_sets[mask_set].note if field else "",
    )


def _stand_out(field: list[Contender], ranked: Ranking, mask_set: str, floors: set[str]) -> dict[str, set[str]]:
    found = {}
    for metric in HEADLINE:
        measured = [one.name for one in field if one.series(mask_set, metric) is not None]
        if measured:
            names = ranked.unbeaten if metric == "psnr" else unbeaten(field, mask_set, DEFINITIONS[metric], floors)
            found[metric] = names if len(names) < len(measured) or len(measured) == 1 else set()
    return found


def _bests(candidates: list[Contender], mask_set: str) -> dict[str, Contender]:
    found = {metric: best(candidates, mask_set, DEFINITIONS[metric]) for metric in HEADLINE}
    return {metric: contender for metric, contender in found.items() if contender is not None}


def _rank(line: Line, mask_set: str) -> float:
    series = line.contender.series(mask_set, "psnr")
    return float("-inf") if series is None else series.rank


def _leads(
    contender: Contender, best_floors: dict[str, Contender], mask_set: str, floors: set[str], field: list[Contender]
) -> dict[str, Interval]:
    leads = {}
    for metric, floor in best_floors.items():
        definition = DEFINITIONS[metric]
        ours, theirs = (goodness(one, mask_set, definition) for one in (contender, floor))
        if ours is not None and theirs is not None and contender is not floor:
            spread = lead_spread(contender, floor, mask_set, definition, floors, field)
            leads[metric] = advantage(ours, theirs).widened(spread.half_width())
    return leads
