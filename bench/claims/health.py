"""Whether a contender is well: a lead over a training that went wrong, or of one, says nothing about the method.

What is looked at is the training alone, on images of the training side that it never drew; never a test image. All
trainings of a contender count: each image's PSNR is first averaged over them. A method that trains nothing is always
well.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import pandas as pd

from bench.claims.contenders import Contender
from bench.claims.curves import tail
from bench.claims.statistics import Interval, mean_interval, paired_interval
from bench.methods.settings import DEFAULT

TOLERANCE_DB = 0.5
"""A last stage may end this much below an earlier one. An adversarial stage pays for sharper fills with distortion
(Blau and Michaeli, CVPR 2018), so some loss of PSNR is its purpose; 0.5 dB is 12 % more squared error, and what goes
beyond that is damage."""
WON = 0.02
"""A discriminator whose loss ends under this share of a blind one's has won outright: nothing can be learnt from it."""
NEVER_SAW = 0.98
"""A discriminator whose loss never falls under this share of a blind one's has never told anything apart."""
FAIR_SHARE = 0.5
"""A training on fewer images than this share of its opponent's is no fair opponent; repeats count."""
END = 0.1
"""Share of a stage that counts as its end, and the window of a running median."""


@dataclass(frozen=True)
class Health:
    """What is known of a contender's training."""

    contender: Contender
    budget: int | None = None
    """Training images drawn, repeats counted; None without a training."""
    ends: dict[str, Interval] = field(default_factory=dict)
    """By stage: PSNR in the hole (dB) on the held-out images at the stage's end."""
    mean_fill: Interval | None = None
    """The same of the mean colour of each image's known pixels."""
    discriminators: tuple[str, ...] = ()
    """How each ended, in words."""
    ills: tuple[str, ...] = ()
    """What is wrong, each in words that follow the contender's name."""

    @property
    def well(self) -> bool | None:
        """None where a training left nothing to tell it by."""
        if self.ills:
            return False
        return None if self.budget is not None and not self.ends else True

    @property
    def why(self) -> str:
        """The reason where it is not well, or where that is not known; empty where it is well."""
        if self.well is None:
            return "its training was not measured on held-out images: too few to hold any out, or an older record"
        return "; ".join(self.ills)


def examined(contender: Contender) -> Health:
    """What the contender's records tell of its trainings."""
    training = contender.records[0].content.training
    if training is None:
        return Health(contender)
    ends, mean_fill, ills = _fills(held_out(contender))
    states = []
    for name, last, least in _discriminators(contender):
        states.append(f"{name} ends at {100 * last:.0f} % of a blind one's")
        if last < WON:
            ills.append(f"its discriminator has won outright ({states[-1]}): nothing can be learnt from it")
        elif least >= NEVER_SAW:
            lowest = f"never under {100 * NEVER_SAW:.0f} % of a blind one's loss"
            ills.append(f"its discriminator never told anything apart ({name}: {lowest})")
    return Health(contender, training.images, ends, mean_fill, tuple(states), tuple(ills))


def held_out(contender: Contender) -> pd.DataFrame:
    """heldout.csv, averaged over the contender's trainings; no rows where none was measured."""
    tables = [table for record in contender.records if (table := record.heldout) is not None]
    if not tables:
        return pd.DataFrame()
    return pd.concat(tables).groupby(["stage", "step", "image", "group"], sort=False).mean().reset_index()


def unfit(
    sides: Sequence[str], contenders: Sequence[Contender], winner: Contender | None = None
) -> tuple[list[str], list[str]]:
    """Why no verdict can rest on this side, or these two, and what else a reader of it must know.

    Who wins on fewer images than its opponent wins all the more; no `winner` is no difference.

    Of variants of the paper's own method a collapse may be the very statement, and a variant may be shorter: there only
    the method as printed must be well.
    """
    healths = [examined(one) for one in contenders]
    ablation = all(side.startswith("variant:") for side in sides)
    against, told = [], []
    for side, one in zip(sides, healths, strict=True):
        name = one.contender.name
        if one.well is None:
            told.append(f"Whether {name} is well is not known: {one.why}.")
        elif one.ills and ablation and side != f"variant:{DEFAULT}":
            told.append(f"{name} is not well: {one.why}; this ablation may be about just that.")
        elif one.ills:
            against.append(f"{name} is not well: {one.why}. Mend its training at this scale")
    return against + ([] if ablation else _unequal(healths, winner)), told


def _unequal(healths: Sequence[Health], winner: Contender | None) -> list[str]:
    """What is wrong with the budgets of the two sides; nothing where there is one."""
    ranked = sorted(healths, key=lambda one: one.budget or 0)
    less, more = ranked[0], ranked[-1]
    if less.contender is winner or not less.budget or not more.budget or less.budget >= FAIR_SHARE * more.budget:
        return []
    name, images = less.contender.name, f"{less.budget:,} images, {more.contender.name} on {more.budget:,}"
    share = f"less than {100 * FAIR_SHARE:.0f} % of that is no fair comparison"
    return [f"{name} was trained on {images}: {share}. Give {name} more steps at this scale"]


def _fills(table: pd.DataFrame) -> tuple[dict[str, Interval], Interval | None, list[str]]:
    """The end of each stage, the mean fill, and what is wrong."""
    if table.empty:
        return {}, None, []
    last_steps = table.groupby("stage", sort=False)["step"].transform("max")
    ends = {
        str(stage): rows.set_index("image")
        for stage, rows in table[table["step"] == last_steps].groupby("stage", sort=False)
    }
    means = {stage: mean_interval(rows["psnr_hole"], rows["group"]) for stage, rows in ends.items()}
    *earlier, final = ends
    last, ills = ends[final], []
    drops = {}
    for stage in earlier:
        before = ends[stage].loc[last.index]
        gain = paired_interval(last["psnr_hole"], before["psnr_hole"], last["group"])
        if gain.mean is not None and gain.high is not None and gain.high < 0 and gain.mean < -TOLERANCE_DB:
            drops[stage] = gain
    if drops:
        worst = min(drops, key=lambda stage: drops[stage].mean or 0.0)
        text = drops[worst].text(2, "dB", signed=True)
        ills.append(f"its last stage {final} ends {text} from the end of {worst} on held-out training images")
    lead = paired_interval(last["psnr_hole"], last["psnr_mean_fill"], last["group"])
    if lead.low is not None and lead.low <= 0:
        text = lead.text(2, "dB", signed=True)
        ills.append(f"it does not beat the mean colour on held-out training images (difference {text})")
    return means, mean_interval(last["psnr_mean_fill"], last["group"]), ills


def _discriminators(contender: Contender) -> Iterator[tuple[str, float, float]]:
    """Of each discriminator's loss in the last stage that has it: name, median of the end, least running median.

    Both as shares of the loss of a blind one, averaged over the trainings.
    """
    training = contender.records[0].content.training
    lasts = {scalar: one for one in (training.stages if training else ()) for scalar in one.blind}
    for scalar, stage in lasts.items():
        found = []
        for record in contender.records:
            curves = record.scalars
            if curves is None:
                continue
            rows = curves[(curves["stage"] == stage.name) & (curves["name"] == scalar)].sort_values("step")
            if len(rows) >= 2:
                window = max(1, round(END * len(rows)))
                found.append((tail(rows, END).median, rows["value"].rolling(window).median().min()))
        if found:
            last, least = (sum(values) / len(found) / stage.blind[scalar] for values in zip(*found, strict=True))
            yield f"{stage.name}/{scalar}", last, least
