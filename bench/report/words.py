"""How numbers and verdicts are written, on every page alike."""

from collections.abc import Sequence

from bench.claims import Finding, Verdict
from bench.claims.looks import ERROR
from bench.claims.statistics import Interval, number
from bench.metrics.definitions import DEFINITIONS
from bench.metrics.probed import PROBED
from bench.report.boards import PRETRAINED, Board, Line
from bench.runs.records import Record

MARKS = {
    Verdict.SUPPORTED: "✓",
    Verdict.CONTRADICTED: "✗",
    Verdict.NO_DIFFERENCE: "=",
    Verdict.INCONCLUSIVE: "~",
    Verdict.NOT_COMPARABLE: "≠",
    Verdict.NOT_ATTEMPTED: "–",
}
"""So that colour is never the only sign."""
READ = ("as stated", "under our reading")
"""Which claims a count is of: those whose sentence says what is compared, and those that had to be read."""
ARROWS = {"higher": "↑", "lower": "↓", "truth": "→"}
NO_WEIGHTS = "no weights"
METHOD_NOTE = (
    "Each mean has its 95 % interval, found by resampling groups of images (studentised bootstrap)."
    " A lead is the mean difference from the best floor of the mask set on the same images; + is better."
    " A note under each table says whether the intervals of leads also cover training seeds; those of means never do."
    " The training budget is steps x batch size over all stages: how many images were drawn, repeats included."
)


def mark(finding: Finding) -> str:
    """The verdict's sign; in brackets where it is one under our reading."""
    sign = MARKS[finding.verdict]
    return f"({sign})" if finding.decisive and finding.under_reading else sign


def counted(findings: Sequence[Finding]) -> list[tuple[str, dict[Verdict, int]]]:
    """How many findings have each verdict: `as stated`, then `under our reading`; a part without any is left out."""
    parts = [(words, [one for one in findings if one.under_reading == place]) for place, words in enumerate(READ)]
    return [(words, {v: sum(one.verdict == v for one in part) for v in Verdict}) for words, part in parts if part]


def sure(finding: Finding) -> str:
    """How sure a decision on measurements is, alone and together with all others; empty where there is none."""
    if not finding.decisive or finding.p is None or finding.p_together is None:
        return ""
    kept = "" if finding.p_together <= ERROR else ", not decided by that"
    return f"p {p_text(finding.p)}; with all claims that were weighed (Holm) {p_text(finding.p_together)}{kept}"


def p_text(p: float) -> str:
    """Two digits; what resampling cannot tell from 0 is under 0.001."""
    return "< 0.001" if p < 0.001 else f"{p:.2g}"


def by_chance(findings: Sequence[Finding]) -> str:
    """How many decisions chance alone may make; empty where nothing was weighed."""
    weighed = [one for one in findings if one.p is not None]
    decided = [one for one in weighed if one.decisive]
    if not weighed:
        return ""
    claims = "1 claim was" if len(weighed) == 1 else f"{len(weighed)} claims were"
    least = sum(one.p_together is not None and one.p_together <= ERROR for one in decided)
    return (
        f"{claims} weighed and {len(decided)} decided. If every truth lay on its margin, chance would decide"
        f" {ERROR * len(weighed):.2g} of them falsely, or fewer. With Holm's correction for all {len(weighed)},"
        f" {least} of the {len(decided)} decisions remain."
    )


def heading(metric: str) -> str:
    """`PSNR (dB) ↑`; the arrow → means: the closer to the truth's own, the better."""
    definition = DEFINITIONS.get(metric) or PROBED[metric]
    unit = f" ({definition.unit})" if definition.unit else ""
    return f"{definition.title}{unit} {ARROWS[definition.better]}"


def mean_text(line: Line, metric: str) -> str:
    """The mean alone, or why there is none."""
    interval = line.scores.get(metric)
    if interval is None:
        if line.contender.records[0].run.protocol.resolution < DEFINITIONS[metric].smallest_side:
            return "too small"
        return NO_WEIGHTS if metric == "lpips" else "not measured"
    return "infinite" if interval.mean is None else number(interval.mean, DEFINITIONS[metric].digits)


def range_text(interval: Interval | None, digits: int, signed: bool = False) -> str:
    """`[24.02, 24.60]`, or nothing where there is no interval."""
    if interval is None or interval.low is None or interval.high is None:
        return ""
    return f"[{number(interval.low, digits, signed)}, {number(interval.high, digits, signed)}]"


def lead_text(line: Line, metric: str) -> str:
    """The lead over the best floor with its interval."""
    if metric not in line.leads:
        return "best floor" if line.floor else ""
    return line.leads[metric].text(DEFINITIONS[metric].digits, signed=True)


def count_text(line: Line) -> str:
    """`200 images, 1 seed`, with the groups where they are fewer than the images."""
    interval = next(iter(line.scores.values()), None)
    if interval is None:
        return ""
    images = interval.n + interval.infinite
    groups = f" of {interval.groups} groups" if interval.groups < interval.n else ""
    return f"{images} images{groups}, {line.seeds} {'seed' if line.seeds == 1 else 'seeds'}"


def budget_text(line: Line) -> str:
    """`19,200 images`: what a training drew, all in all; empty for what needs none."""
    return f"{line.budget:,} images" if line.budget else "unknown" if line.kind == PRETRAINED else ""


def truth_text(board: Board) -> str:
    """The truth's own TV."""
    return board.tv_truth.text(DEFINITIONS["tv"].digits, DEFINITIONS["tv"].unit) if board.tv_truth else "not measured"


def lpips_text(records: Sequence[Record]) -> str:
    """Which LPIPS was measured, or how to get it; one sentence for each answer among the records."""
    return "; ".join(sorted({record.content.lpips.text for record in records}))


def mean_of(interval: Interval, metric: str) -> str:
    """The mean in the metric's digits."""
    return "infinite" if interval.mean is None else number(interval.mean, DEFINITIONS[metric].digits)


def lead_mean(interval: Interval, metric: str) -> str:
    """The mean of a lead, with its sign."""
    return "" if interval.mean is None else number(interval.mean, DEFINITIONS[metric].digits, signed=True)
