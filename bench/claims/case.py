"""What the claims of a paper are judged against: the contenders of one protocol, and the rules that all kinds share."""

import shlex
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import bench.claims.looks as looks
from bench.claims.answers import p_value
from bench.claims.contenders import Contender, best
from bench.claims.estimate import Estimate
from bench.claims.finding import DECISIVE, Decision, NoContestError, Verdict
from bench.claims.health import unfit
from bench.claims.looks import FEWEST_SEEDS
from bench.claims.seed_spread import Measure, SeedSpread, seed_spread
from bench.claims.statistics import Interval, Series
from bench.data.protocol import DEFAULTS
from bench.methods.settings import DEFAULT
from bench.metrics.definitions import MetricDefinition
from bench.metrics.probed import PROBED, PROBES
from bench.paper import Order, Paper, Wins
from bench.paper.arithmetic import and_list
from bench.paper.claims import BEST_FLOOR, contender_of, key_and_variant
from bench.runs.leakage import cap
from bench.runs.records import Run

FEWEST_GROUPS = 50
"""With fewer independent groups no interval is evidence: where values are skewed it is too narrow (`calibrate`)."""
OWN = "variant:default"
"""The side of a claim that is the paper's method as printed."""
DATA_WORDS = {"faces": "drawn faces", "photos": "photographs"}
"""What to call the embedded data sets in a sentence."""
SMOKE = "a smoke run tests the machinery and is never evidence. Run it at quick scale."


def command(
    paper: Paper,
    key: str,
    variants: Sequence[str] = (),
    run: Run | None = None,
    verb: str = "reproduce",
    include: Sequence[Path] = (),
) -> str:
    """The command that makes the records of these variants, under the protocol of `run` where one is given.

    `include` is where methods were found that are not among the installed ones.
    """
    words = ["python", "-m", "bench", verb, key]
    for variant in variants:
        words += ["--variant", variant]
    if run is not None:
        words += ["--scale", run.scale] if run.scale != "quick" else []
        known = paper.scales[run.scale].protocol.data or DEFAULTS[run.scale]["data"]
        words += ["--data", run.protocol.data] if run.protocol.data not in known else []
    for path in include:
        words += ["--include", str(path)]
    return shlex.join(words)


@dataclass(frozen=True)
class Case:
    """The contenders of one protocol, and whose paper it is."""

    paper: Paper
    key: str
    field: list[Contender]
    floors: set[str]
    include: Sequence[Path] = ()
    """Where methods were found that are not among the installed ones: for the commands in verdicts."""

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
            names = [self._words(*pair) for pair in missing]
            other = [
                (method, [variant] if variant != DEFAULT else []) for method, variant in missing if method != self.key
            ]
            variants = [variant for method, variant in missing if method == self.key and variant != DEFAULT]
            if other:
                line = f"{self._command(*other[0], 'evaluate')} --paper {self.key}"
            else:
                line = self._command(self.key, variants)
            why = f"Not run here: {and_list(names)}. Run `{line}`."
            raise NoContestError(Verdict.NOT_ATTEMPTED, why, FEWEST_SEEDS)

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
            why = f"{folders} have the same name but differ in code or settings. Delete the outdated folders."
            raise NoContestError(Verdict.INCONCLUSIVE, why)
        return found[0]

    def at_look(self, *names: str) -> tuple[Contender, ...]:
        """The contenders of these sides, with as many trainings as the last look that all of them have reached.

        Trainings that both sides have come first. So what is judged depends on no seed that was added between looks.
        """
        return self._trimmed(*(self.side(name) for name in names))

    def _trimmed(self, *sides: Contender) -> tuple[Contender, ...]:
        trained = [one for one in sides if self.trained(one)]
        if not trained:
            return sides
        count = looks.look(min(len(one.by_training) for one in trained))
        shared = set.intersection(*(set(one.by_training) for one in trained))
        return tuple(one.first(count, shared) if self.trained(one) else one for one in sides)

    def pair(self, claim: Order | Wins, mask_set: str, definition: MetricDefinition) -> tuple[Contender, Contender]:
        """The better and the worse side, as the claim has them; the best floor is that of this mask set."""
        better, worse = (
            self.best_floor(mask_set, definition) if side == BEST_FLOOR else self.side(side) for side in claim.sides
        )
        better, worse = self._trimmed(better, worse)
        return better, worse

    def best_floor(self, mask_set: str, definition: MetricDefinition) -> Contender:
        """The floor with the best mean on this mask set."""
        floors = [one for one in self.field if one.method in self.floors and not one.elsewhere]
        floor = best(floors, mask_set, definition)
        if floor is None and floors:
            raise _not_measured(floors[0], mask_set, definition.id)
        if floor is None:
            why = f"No floor was measured on {mask_set} here. Run `{self._command(self.key)}`."
            raise NoContestError(Verdict.NOT_ATTEMPTED, why, FEWEST_SEEDS)
        return floor

    def _command(self, key: str, variants: Sequence[str] = (), verb: str = "reproduce") -> str:
        return command(self.paper, key, variants, self.run, verb, self.include)

    def seeds_line(self, sides: Sequence[str], count: int = FEWEST_SEEDS) -> str:
        """The command that makes the runs of these sides with `count` seeds."""
        return self.line(sides) + "".join(f" --seed {seed}" for seed in range(count))

    def line(self, sides: Sequence[str]) -> str:
        """The command that makes the runs of these sides."""
        assert self.run is not None
        pairs = [self._pair(side) for side in sides if side != BEST_FLOOR]
        variants = [name for method, name in pairs if method == self.key and name != DEFAULT]
        line = self._command(self.key, variants)
        by_itself = {(key, DEFAULT) for key in self.floors}
        by_itself |= {key_and_variant(name) for name in self.paper.baselines_at(self.run.scale)}
        others = any(pair[0] != self.key and pair not in by_itself for pair in pairs)
        return f"{line} --with-baselines" if others else line

    def spread(self, measure: Measure, *sides: Contender) -> SeedSpread:
        """What the training seeds add to the interval of `measure`; every contender here may lend its spread."""
        return seed_spread(sides, measure, self.floors, self.field)

    def mean(self, one: Contender, mask_set: str, metric: str) -> Estimate:
        """The mean of a metric over the images where it is finite, which bounds and cells are judged by."""
        series = required(one.series(mask_set, metric), one, mask_set, metric)

        def measure(alone: Contender) -> float | None:
            known = alone.series(mask_set, metric)
            return None if known is None else known.mean_over(series.finite)

        return Estimate(series.interval(), self.spread(measure, one))

    def where(self, sides: Iterable[Contender], estimates: Iterable[Estimate] = (), seeds: int | None = None) -> str:
        """`At quick scale on drawn faces, 1 seed; seed spread borrowed from p (other) (3 seeds): `.

        `seeds` is that of the trained side with the fewest, where it is not given.
        """
        assert self.run is not None
        data = DATA_WORDS.get(self.run.protocol.data_name, self.run.protocol.data_name)
        trained = [side for side in sides if self.trained(side)]
        text = _seeds(min((side.seeds for side in trained), default=1) if seeds is None else seeds)
        processors = sorted({name for side in trained for name in side.processors})
        if len(processors) > 1:
            text += f" on {len(processors)} processors ({and_list(_names(processors))})"
        lenders = {one.name: one for estimate in estimates for one in estimate.seeds.lenders}
        if lenders:
            listed = and_list([f"{name} ({_seeds(one.seeds)})" for name, one in sorted(lenders.items())])
            text += f"; seed spread borrowed from {listed}"
        return f"At {self.run.scale} scale on {data}, {text}: "

    def no_evidence(self, intervals: Iterable[Interval]) -> str | None:
        """Why these measurements over images are no evidence, however clear they look."""
        assert self.run is not None
        if self.run.scale == "smoke":
            return SMOKE
        least = min(intervals, key=lambda interval: interval.groups)
        if least.groups < FEWEST_GROUPS or least.low is None:
            one = "photographs" if self.run.protocol.data_name == "photos" else "independent groups of images"
            return f"{least.groups} {one} are too few to generalise from; at least {FEWEST_GROUPS} are needed."
        return None

    def decided(
        self,
        sides: Sequence[str],
        contenders: Sequence[Contender],
        estimates: Collection[Estimate],
        answer: Callable[[float], Verdict],
        weigh: Callable[[], Decision],
        nothing: str | None = None,
    ) -> Decision:
        """The verdict on one side or two and its reason: what `weigh` says, unless seeds or health forbid it.

        `contenders` are those of `sides`; `answer` is the verdict that a one-sided error would allow, and `weigh` the
        one of this look in words, with how many seeds would settle what it leaves open. Neither is asked where the
        measurements are no evidence; `nothing` is a reason for that which only the caller knows.
        """
        why = nothing or self.no_evidence(estimate.images for estimate in estimates)
        if why is not None:
            return Decision(Verdict.INCONCLUSIVE, why)
        made = self._concluded(sides, estimates, weigh())
        if all(estimate.seeds.known for estimate in estimates):
            made = made._replace(p=p_value(made.verdict, answer, min(one.seeds.trainings for one in estimates)))
        made = self._one_processor(sides, contenders, made)
        return self._taken_back(sides, contenders, made)

    def _concluded(self, sides: Sequence[str], estimates: Iterable[Estimate], made: Decision) -> Decision:
        """The decision, taken back where a trained side has fewer seeds than say anything; with the command that runs
        those that would settle it."""
        if not all(estimate.seeds.known for estimate in estimates):
            line, moved = self.seeds_line(sides), "but another seed alone can move such numbers"
            why = f"judged by the images alone, {made.why[:-1]}; {moved}. Run `{line}`."
            return Decision(Verdict.INCONCLUSIVE, why, FEWEST_SEEDS)
        line = f" Run `{self.seeds_line(sides, made.seeds)}`." if made.seeds else ""
        return made._replace(why=made.why + line)

    def _one_processor(self, sides: Sequence[str], contenders: Sequence[Contender], made: Decision) -> Decision:
        """The verdict on two methods, taken back where both are trained and no processor trained both."""
        trained = [one for one in contenders if self.trained(one)]
        together = len(trained) < 2 or set.intersection(*(set(one.processors) for one in trained))
        if made.verdict not in DECISIVE or together:
            return made
        places = [f"{one.name} on {and_list(_names(one.processors))}" for one in trained]
        line = self.seeds_line(sides, max(FEWEST_SEEDS, min(one.seeds for one in trained)))
        moved = f"different processors trained them ({and_list(places)}), and the processor alone can move such numbers"
        return Decision(Verdict.INCONCLUSIVE, f"{made.why[:-1]}; but {moved}. Run `{line} --force` on one machine.")

    def _taken_back(self, sides: Sequence[str], contenders: Sequence[Contender], made: Decision) -> Decision:
        """The verdict on one side or two, taken back where one of them is not well (bench/claims/health.py)."""
        if made.verdict not in DECISIVE:
            return made
        winner = {Verdict.SUPPORTED: contenders[0], Verdict.CONTRADICTED: contenders[-1]}.get(made.verdict)
        against, told = unfit(sides, contenders, winner)
        if against:
            made = Decision(Verdict.INCONCLUSIVE, f"{made.why[:-1]}; but {'. And '.join(against)}.")
        return made._replace(why=" ".join([made.why, *told]))

    def _words(self, method: str, variant: str) -> str:
        if variant == DEFAULT:
            return method
        return f"variant {variant}" if method == self.key else f"{method} (variant {variant})"

    def _pair(self, side: str) -> tuple[str, str]:
        return contender_of(side, self.key)


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
        why = f"The mask set {mask_set} is not part of this protocol ({known}); add it with --masks."
    elif metric == "lpips":
        why = f"LPIPS was not measured: {record.content.lpips.reason}."
    else:
        why = f"{contender.name} has no complete column {metric} on {mask_set}."
    return NoContestError(Verdict.NOT_ATTEMPTED, why)


def _names(processors: Sequence[str]) -> list[str]:
    return [name or "an unknown one" for name in processors]


def _seeds(count: int) -> str:
    return f"{count} {'seed' if count == 1 else 'seeds'}"
