"""What the claims of a paper are judged against: the contenders of one protocol, and the rules that all kinds share."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from bench.claims.contenders import Contender, best
from bench.claims.finding import NoContestError, Verdict
from bench.claims.statistics import Interval, Series, images_needed
from bench.methods.settings import DEFAULT
from bench.metrics.definitions import MetricDefinition
from bench.metrics.probed import PROBED, PROBES
from bench.paper import Paper
from bench.paper.arithmetic import and_list
from bench.paper.claims import BEST_FLOOR
from bench.protocol import DEFAULTS
from bench.runs.leakage import cap
from bench.runs.records import Run

FEWEST_GROUPS = 20
"""With fewer independent groups no interval is evidence: a percentile bootstrap over a handful is too narrow."""
FEWEST_SEEDS = 3
"""With fewer trainings nothing is said of a training, and two trained methods are not told apart: another seed alone
moves their numbers."""
OWN = "variant:default"
"""The side of a claim that is the paper's method as printed."""
DATA_WORDS = {"faces": "drawn faces", "photos": "photographs"}
"""What to call the embedded data sets in a sentence."""
SMOKE = "a smoke run tests the machinery and is never evidence. Run it at quick scale."


def command(
    paper: Paper, key: str, variants: Sequence[str] = (), run: Run | None = None, verb: str = "reproduce"
) -> str:
    """The command that makes the records of these variants, under the protocol of `run` where one is given."""
    words = ["python", "-m", "bench", verb, key]
    for variant in variants:
        words += ["--variant", variant]
    if run is not None:
        words += ["--scale", run.scale] if run.scale != "quick" else []
        known = paper.scales[run.scale].protocol.data or DEFAULTS[run.scale]["data"]
        words += ["--data", run.protocol.data] if run.protocol.data not in known else []
    return shlex.join(words)


@dataclass(frozen=True)
class Case:
    """The contenders of one protocol, and whose paper it is."""

    paper: Paper
    key: str
    field: list[Contender]
    floors: set[str]

    @property
    def run(self) -> Run | None:
        # A row from elsewhere comes last: its paths may be those of another machine.
        runs = [one.records[0].run for one in sorted(self.field, key=lambda one: one.elsewhere)]
        return runs[0] if runs else None

    def trained(self, contender: Contender) -> bool:
        """Whether another training seed could have given other numbers: a floor has nothing to train."""
        return contender.method not in self.floors

    def named(self, method: str, variant: str) -> list[Contender]:
        return [one for one in self.field if (one.method, one.variant) == (method, variant) and not one.elsewhere]

    def require(self, *sides: str) -> None:
        """Raise unless each side was run; the reason names every one that is missing, and one command."""
        pairs = [self._pair(side) for side in sides if side != BEST_FLOOR]
        missing = [(method, variant) for method, variant in pairs if not self.named(method, variant)]
        if missing:
            names = [method if variant == DEFAULT else f"variant {variant}" for method, variant in missing]
            other = [method for method, _ in missing if method != self.key]
            variants = [variant for method, variant in missing if method == self.key and variant != DEFAULT]
            if other:
                line = f"{command(self.paper, other[0], (), self.run, 'evaluate')} --paper {self.key}"
            else:
                line = command(self.paper, self.key, variants, self.run)
            why = f"There is no run of {and_list(names)} here. Run `{line}`."
            raise NoContestError(Verdict.NOT_ATTEMPTED, why)

    def require_clean(self) -> None:
        """Raise where the leakage audit of the paper's own runs caps every verdict."""
        own = [record for one in self.field if one.method == self.key for record in one.records]
        reasons = (cap(record.content.leakage) for record in own)
        if (why := next(filter(None, reasons), None)) is not None:
            raise NoContestError(Verdict.NOT_COMPARABLE, f"Test and training overlap: {why}")

    def side(self, side: str) -> Contender:
        """The contender that `variant:NAME` or `method:KEY` names; it was required before."""
        found = self.named(*self._pair(side))
        if len(found) > 1:
            folders = and_list([one.records[0].folder.name for one in found])
            why = f"{folders} bear one name but differ in code or settings. Delete the folders that are out of date."
            raise NoContestError(Verdict.INCONCLUSIVE, why)
        return found[0]

    def best_floor(self, mask_set: str, definition: MetricDefinition) -> Contender:
        """The floor with the best mean on this mask set."""
        floors = [one for one in self.field if one.method in self.floors and not one.elsewhere]
        floor = best(floors, mask_set, definition)
        if floor is None and floors:
            raise _not_measured(floors[0], mask_set, definition.id)
        if floor is None:
            why = f"No floor was measured on {mask_set} here. Run `{command(self.paper, self.key, (), self.run)}`."
            raise NoContestError(Verdict.NOT_ATTEMPTED, why)
        return floor

    def seeds_line(self, sides: Sequence[str], count: int = FEWEST_SEEDS) -> str:
        """The command that makes the runs of these sides with `count` seeds."""
        assert self.run is not None
        pairs = [self._pair(side) for side in sides if side != BEST_FLOOR]
        variants = [name for method, name in pairs if method == self.key and name != DEFAULT]
        line = command(self.paper, self.key, variants, self.run)
        by_itself = {self.key, *self.floors, *self.paper.scales[self.run.scale].baselines}
        line += " --with-baselines" if any(method not in by_itself for method, _ in pairs) else ""
        return line + "".join(f" --seed {seed}" for seed in range(count))

    def where(self, seeds: int) -> str:
        """`At quick scale on drawn faces, 1 seed: `."""
        assert self.run is not None
        data = DATA_WORDS.get(self.run.protocol.data_name, self.run.protocol.data_name)
        return f"At {self.run.scale} scale on {data}, {seeds} {'seed' if seeds == 1 else 'seeds'}: "

    def no_evidence(self, intervals: Iterable[Interval]) -> str | None:
        """Why these measurements over images are no evidence, however clear they look."""
        assert self.run is not None
        if self.run.scale == "smoke":
            return SMOKE
        least = min(intervals, key=lambda interval: interval.groups)
        if least.groups < FEWEST_GROUPS or least.low is None:
            one = "photographs" if self.run.protocol.data_name == "photos" else "independent groups of images"
            return f"{least.groups} {one} say nothing about others; at least {FEWEST_GROUPS} are needed."
        return None

    def enough_seeds(self, sides: Sequence[str], seeds: int, verdict: Verdict, why: str) -> tuple[Verdict, str]:
        """The verdict and its reason, taken back where it rests on fewer trainings than say anything."""
        if seeds >= FEWEST_SEEDS or verdict not in (Verdict.SUPPORTED, Verdict.CONTRADICTED):
            return verdict, why
        line = self.seeds_line(sides)
        why = f"on these images {why[:-1]}; but another seed alone can move such numbers. Run `{line}`."
        return Verdict.INCONCLUSIVE, why

    def _pair(self, side: str) -> tuple[str, str]:
        kind, _, name = side.partition(":")
        return (self.key, name) if kind == "variant" else (name, DEFAULT)


def required(series: Series | None, contender: Contender, mask_set: str, metric: str) -> Series:
    """Raise, with the reason, where `metric` was not measured."""
    if series is None:
        raise _not_measured(contender, mask_set, metric)
    return series


def _not_measured(contender: Contender, mask_set: str, metric: str) -> NoContestError:
    record = contender.records[0]
    protocol = record.run.protocol
    if metric in PROBED:
        name = next(name for name, metrics in PROBES.items() if PROBED[metric] in metrics)
        why = f"Probes run under the mask set center only, so {contender.name} has no {metric} on {mask_set}."
        if name not in protocol.probes:
            why = f"This scale has no probe '{name}', which measures {metric}; add it to `probes` in its protocol."
    elif mask_set not in protocol.mask_set_names:
        known = ", ".join(protocol.mask_set_names)
        why = f"The mask set {mask_set} is not part of this protocol ({known}); name it too, with --masks."
    elif metric == "lpips":
        why = f"LPIPS was not measured: {record.content.lpips.reason}."
    else:
        why = f"{contender.name} has no complete column {metric} on {mask_set}."
    return NoContestError(Verdict.NOT_ATTEMPTED, why)


def more(needed: int | None, interval: Interval, what: str) -> str:
    """`about 380 images would settle it if the spread stays (now 200)`."""
    if needed is None:
        return f"no number of images {what} at this mean"
    unit = "images" if interval.groups == interval.n else "groups of images"
    return f"about {needed} {unit} {what} if the spread stays (now {interval.groups})"


def lies(interval: Interval, below: float | None, above: float | None) -> bool | None:
    """True where the whole interval lies `below` (or `above`) the limit, False where it lies beyond, None between."""
    if interval.low is None or interval.high is None:
        return None
    limit = below if below is not None else above
    assert limit is not None
    under, over = interval.high < limit, interval.low > limit
    if not under and not over:
        return None
    return under if below is not None else over


def settled(answers: Iterable[bool | None]) -> Verdict:
    """One No contradicts; all Yes support."""
    given = list(answers)
    if False in given:
        return Verdict.CONTRADICTED
    return Verdict.INCONCLUSIVE if None in given else Verdict.SUPPORTED


def would_settle(interval: Interval, limit: float) -> str:
    return more(images_needed(interval, limit), interval, "would settle it")
