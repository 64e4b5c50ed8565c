"""How a claim about runs is checked, as one sentence: for the card and for the pages. Nothing here imports torch."""

from bench.metrics.probed import definition_of
from bench.paper.claims import Bound, Trace, Trend, Wins

OUR_READING = "under our reading"
"""What is added to a decisive verdict on a sentence that had to be read."""


def plain(side: str) -> str:
    """`default` of `variant:default`, `telea` of `method:telea`; `best floor` as it stands."""
    return side.removeprefix("variant:").removeprefix("method:")


def title(metric: str) -> str:
    """`PSNR`; `the hole's share` for what is no metric."""
    about = definition_of(metric)
    return about.title if about is not None else "the hole's share"


def end(claim: Trace) -> str:
    """`the last 10 % of the steps`."""
    return f"the last {_percent(claim.tail)} of the steps"


def rule(claim: Bound | Trace | Trend | Wins) -> str:
    """What must hold, without a full stop."""
    if isinstance(claim, Wins):
        where = f"on more than {_percent(claim.share)} of the images of {_listed(claim.mask_sets)}"
        return f"{title(claim.metric)} of {plain(claim.better)} better than that of {plain(claim.worse)} {where}"
    of = plain(claim.of)
    if isinstance(claim, Bound):
        about = definition_of(claim.metric)
        unit = about.unit if about is not None else ""
        side, limit = ("below", claim.below) if claim.below is not None else ("above", claim.above)
        return (
            f"mean {title(claim.metric)} of {of} {side} {limit:g} {unit}".rstrip() + f" on {_listed(claim.mask_sets)}"
        )
    if isinstance(claim, Trend):
        goes = f"{'falls' if claim.falls else 'rises'} with {title(claim.along)}"
        return f"{title(claim.metric)} of {of} {goes}, image by image, on {_listed(claim.mask_sets)}"
    what = f"size of {claim.scalar} of {of} in stage {claim.stage}, median over {end(claim)}"
    if claim.check == "settles":
        drift = f"drifting by less than {_percent(claim.flat)} of itself"
        return f"{what}: under {_percent(claim.share)} of its largest, and {drift}"
    if claim.check == "steadier":
        scatter = f"scatter of {claim.scalar} in stage {claim.stage} around its trend, over {end(claim)}"
        times = "less than" if claim.share == 1 else f"under {_percent(claim.share)} of"
        return f"{scatter}: {of} {times} {plain(claim.against or '')}"
    limits = [f"under {claim.below:g}"] if claim.below is not None else []
    limits += [f"under {_percent(claim.share)} of that of {plain(claim.against)}"] if claim.against else []
    return f"{what}: {', and '.join(limits)}"


def _percent(share: float | None) -> str:
    return f"{100 * (share or 0):g} %"


def _listed(mask_sets: list[str]) -> str:
    return ", ".join(mask_sets)
