"""The rows of the table: each a situation that is drawn again and again, and what must not come out of it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

from numpy.random import Generator

from bench.calibration import situations as here
from bench.calibration.planted import FLOOR_KEYS, KEY, planted_paper
from bench.calibration.shapes import SHAPE_WORDS, groups_of, over_groups
from bench.calibration.situations import IMAGES, MARGIN, Claim, Plant, Seeds
from bench.claims import DECISIVE, Verdict, judge
from bench.claims.looks import ERROR, FEWEST_SEEDS, LOOKS
from bench.claims.statistics import mean_interval
from bench.paper import Paper

SUPPORTED, CONTRADICTED, NO_DIFFERENCE = (str(verdict) for verdict in DECISIVE)
ALL_WRONG = (SUPPORTED, CONTRADICTED, NO_DIFFERENCE)
COVERED, BELOW, ABOVE = "covered", "interval below the truth", "interval above the truth"
CAMPAIGN = tuple(count for count in LOOKS if count >= FEWEST_SEEDS)
"""Trainings of each side at which a campaign looks whether its claim is decided."""
SPREADS = (0.0, 0.05, 0.1, 0.2, 0.3)
"""Between seeds, in dB."""
LEADS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0)
"""Of power curves, in dB."""

Kind = Literal["errors", "coverage", "power"]


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    """What `--rows` calls it; it begins with the name of its section."""
    what: str
    trial: Callable[[Generator], str]
    """What came out of one draw: a verdict, or whether an interval covers the truth."""
    wrong: tuple[str, ...] = ()
    """The outcomes that are false here; each must stay at or under 5 %."""
    kind: Kind = "errors"
    share: float = 1.0
    """Of the trials: less where one takes long, or where nothing is judged."""
    assumption: str = ""
    """What the rule takes for granted and this row breaks on purpose: it is shown, and no rate of it is a fault."""

    @property
    def section(self) -> str:
        return self.name.partition("-")[0]

    def trials(self, count: int) -> int:
        return max(1, round(count * self.share))


SECTIONS: Mapping[str, str] = {
    "floor": "A trained method against a floor",
    "pair": "Two trained methods",
    "cell": "Cells, bounds, trends, shares and curves",
    "images": "Images that are no normal sample, in groups or not: two floors, truth on the margin",
    "looks": "Trainings added until the claim is decided",
    "sets": "Several mask sets in one claim, whose images have nothing to do with each other",
    "page": "Pages with at least one false verdict",
    "beyond": "What the rule takes for granted, broken on purpose",
    "coverage": "Coverage of the 95 % interval of a mean",
    "power": "How often a claim is decided",
}


def judged(claim: Claim, plant: Plant, looks: Sequence[int]) -> Callable[[Generator], str]:
    """The verdict by the real judging code, at the first of these numbers of trainings that decides."""

    @lru_cache(maxsize=1)
    def paper() -> Paper:
        return planted_paper(claim, images=IMAGES)

    def trial(rng: Generator) -> str:
        field = plant(rng, max(looks))
        verdict = Verdict.INCONCLUSIVE
        for trainings in looks:
            (finding,) = judge(paper(), KEY, field.at(trainings), set(FLOOR_KEYS))
            verdict = finding.verdict
            if finding.decisive:
                break
        if verdict not in (*DECISIVE, Verdict.INCONCLUSIVE):
            raise AssertionError(f"a situation that cannot be judged: {finding.why}")
        return str(verdict)

    return trial


def _page() -> Iterator[Row]:
    plant = here.page(Seeds(0.1))

    @lru_cache(maxsize=1)
    def paper() -> Paper:
        return planted_paper(*here.PAGE_CLAIMS)

    def told(together: bool) -> Callable[[Generator], str]:
        def trial(rng: Generator) -> str:
            """The first verdict of a page whose p-value, alone or with all the others, is within the error."""
            found = judge(paper(), KEY, plant(rng, FEWEST_SEEDS).at(FEWEST_SEEDS), set(FLOOR_KEYS))
            values = [(one.verdict, one.p_together if together else one.p) for one in found if one.decisive]
            return str(next((verdict for verdict, p in values if p is not None and p <= ERROR), Verdict.INCONCLUSIVE))

        return trial

    what = f"{len(here.PAGE)} claims, each on its margin, 3 seeds, seed SD 0.1 dB"
    yield Row("page-holm", f"{what}, corrected for all of them", told(True), ALL_WRONG, share=0.5)
    broken = "claims that are read one at a time"
    yield Row("page-alone", f"{what}, each by itself", told(False), ALL_WRONG, share=0.5, assumption=broken)


def _errors(
    name: str, what: str, claim: Claim, plant: Plant, looks: Sequence[int] = (3,), wrong: Sequence[str] = ALL_WRONG,
    assumption: str = "",
) -> Row:  # fmt: skip
    possible = ALL_WRONG if claim["kind"] == "order" else (SUPPORTED, CONTRADICTED)
    told = tuple(one for one in wrong if one in possible)
    return Row(name, what, judged(claim, plant, looks), told, assumption=assumption)


def _floor() -> Iterator[Row]:
    over, not_equal = here.OVER_FLOOR, (SUPPORTED, CONTRADICTED)
    for one in SPREADS:
        at, against = f"seed SD {one:g} dB", here.against_floor
        yield _errors(f"floor-alone-{one:g}", f"1 seed, nobody to borrow from, {at}", over, against(Seeds(one)), (1,))
        lent = Seeds(one, lender=1.0)
        yield _errors(f"floor-borrowed-{one:g}", f"1 seed, spread borrowed, {at}", over, against(lent), (1,))
        yield _errors(f"floor-three-{one:g}", f"3 seeds, {at}", over, against(Seeds(one)))
    for where, lead, what, wrong in (
        ("minus", -MARGIN, "truth on the margin's other side", ALL_WRONG),
        ("equal", 0.0, "both equally good", not_equal),
        ("within", MARGIN / 2, "truth at half the margin", not_equal),
    ):
        for one in (0.05, 0.2):
            name, words = f"{where}-{one:g}", f"seed SD {one:g} dB, {what}"
            plant = here.against_floor(Seeds(one, lender=1.0), lead)
            yield _errors(f"floor-borrowed-{name}", f"1 seed, spread borrowed, {words}", over, plant, (1,), wrong)
            plant = here.against_floor(Seeds(one), lead)
            yield _errors(f"floor-three-{name}", f"3 seeds, {words}", over, plant, (3,), wrong)
    for one in (0.1, 0.3):
        what = f"the floor claimed better, 3 seeds, seed SD {one:g} dB"
        yield _errors(f"floor-first-{one:g}", what, here.FLOOR_OVER, here.against_floor(Seeds(one), -MARGIN))
    heavy = here.against_floor(Seeds(0.3, "t3"))
    yield _errors("floor-three-t3", "3 seeds, seed SD 0.3 dB, Student t with 3 degrees of freedom", over, heavy)
    best = here.against_floors(Seeds(0.05), -MARGIN)
    what = "the best of 3 equal floors, 3 seeds, seed SD 0.05 dB, truth on the margin's other side"
    yield _errors("floor-best", what, here.OVER_BEST_FLOOR, best)


def _pair() -> Iterator[Row]:
    over = here.OVER_OTHER
    for one in (0.1, 0.3):
        at, seeds = f"seed SD {one:g} dB", Seeds(one)
        yield _errors(f"pair-same-{one:g}", f"the same 3 seeds, {at}", over, here.two_trained(seeds))
        apart = here.two_trained(seeds, disjoint=True)
        yield _errors(f"pair-disjoint-{one:g}", f"seeds 0–2 against 3–5, {at}", over, apart)
        yield _errors(f"pair-borrowed-{one:g}", f"1 seed each, both borrow, {at}", over, here.both_borrow(seeds), (1,))
        uneven = here.two_trained(seeds, own=1)
        yield _errors(f"pair-uneven-{one:g}", f"1 seed against 3, from which it borrows, {at}", over, uneven)


def _cell() -> Iterator[Row]:
    for one in (0.1, 0.3):
        at, lent = f"seed SD {one:g} dB", Seeds(one, lender=1.0)
        edge = "a cell, truth on the edge of its tolerance"
        yield _errors(f"cell-edge-alone-{one:g}", f"{edge}, 1 seed, {at}", here.CELL, here.cell(Seeds(one)), (1,))
        yield _errors(f"cell-edge-borrowed-{one:g}", f"{edge}, spread borrowed, {at}", here.CELL, here.cell(lent), (1,))
        yield _errors(f"cell-edge-three-{one:g}", f"{edge}, 3 seeds, {at}", here.CELL, here.cell(Seeds(one)))
    for looks, seeds, words in (((1,), Seeds(0.3, lender=1.0), "spread borrowed"), ((3,), Seeds(0.3), "3 seeds")):
        what = f"a cell exactly true, {words}, seed SD 0.3 dB"
        yield _errors(f"cell-true-{max(looks)}", what, here.CELL, here.cell(seeds, 0.0), looks, (CONTRADICTED,))
    for count in (1, 3, 5):
        seeds = Seeds(0.3, lender=1.0 if count == 1 else None)
        what = f"a bound, truth on the limit, seed SD 0.3 dB, {'spread borrowed' if count == 1 else f'{count} seeds'}"
        yield _errors(f"cell-bound-{count}", what, here.BOUND, here.bound(seeds), (count,))
    for groups in (20, 40, 60):
        for slope, words in ((None, "a floor"), (0.2, "3 seeds")):
            what = f"a trend that is none, {groups} groups of 5 images, {words}"
            claim = here.FLOOR_TREND if slope is None else here.TREND
            name = f"cell-trend-{groups}-{words.split()[-1]}"
            yield replace(_errors(name, what, claim, here.trend(groups, 5, slope)), share=0.5)
    for one in (0.1, 0.3):
        what = f"better on one image in two, 3 seeds, seed SD {one:g} dB"
        yield _errors(f"cell-wins-{one:g}", what, here.WINS, here.wins(Seeds(one)))
    for shape, words in (("normal", ""), ("t3", ", Student t with 3 degrees of freedom")):
        what = f"a curve that ends on the limit, 3 seeds{words}"
        yield _errors(f"cell-trace-{shape}", what, here.TRACE, here.trace(0.2, shape))


def _images() -> Iterator[Row]:
    for shape, words in SHAPE_WORDS.items():
        for groups in (20, 50, 200):
            plant = here.shaped(shape, groups)
            yield _errors(f"images-{shape}-{groups}", f"{groups} images, {words}", here.FLOORS, plant)
    for groups in (20, 50):
        for each, words in ((5, "of 5 images"), (None, "of 1 to 15 images")):
            for shape in ("normal", "measured"):
                plant = here.shaped(shape, groups, each)
                what = f"{groups} groups {words}, {SHAPE_WORDS[shape]}"
                yield _errors(f"images-groups-{groups}-{each or 'uneven'}-{shape}", what, here.FLOORS, plant)
    plant = here.shaped("skewneg", 20, seeds=Seeds(0.0))
    what = f"20 images, {SHAPE_WORDS['skewneg']}, two trained methods with 3 seeds"
    yield _errors("images-skewneg-20-trained", what, here.OVER_OTHER, plant)


def _looks() -> Iterator[Row]:
    at, wide = f"{', '.join(map(str, CAMPAIGN))} seeds", Seeds(0.3)
    for one in (0.05, 0.1, 0.3):
        what = f"against a floor, {at}, seed SD {one:g} dB"
        yield _errors(f"looks-floor-{one:g}", what, here.OVER_FLOOR, here.against_floor(Seeds(one)), CAMPAIGN)
    for name, what, claim, plant, looks in (
        ("borrowed", "against a floor, from 1 seed on, spread borrowed there", here.OVER_FLOOR,
         here.against_floor(Seeds(0.3, lender=1.0)), tuple(LOOKS)),
        ("every", "against a floor, looked at after every single seed from 3 to 12", here.OVER_FLOOR,
         here.against_floor(wide), range(FEWEST_SEEDS, max(LOOKS) + 1)),
        ("same", f"two trained methods, the same {at}", here.OVER_OTHER, here.two_trained(wide), CAMPAIGN),
        ("disjoint", f"two trained methods, {at} apart", here.OVER_OTHER,
         here.two_trained(wide, disjoint=True), CAMPAIGN),
        ("cell", f"a cell, truth on the edge of its tolerance, {at}", here.CELL, here.cell(wide), CAMPAIGN),
        ("bound", f"a bound, truth on the limit, {at}", here.BOUND, here.bound(wide), CAMPAIGN),
        ("wins", f"better on one image in two, {at}", here.WINS, here.wins(wide), CAMPAIGN),
    ):  # fmt: skip
        yield _errors(f"looks-{name}", f"{what}, seed SD 0.3 dB", claim, plant, looks)
    equal = here.two_trained(Seeds(0.1), 0.0)
    what = f"two trained methods equally good, the same {at}, seed SD 0.1 dB"
    yield _errors("looks-equal", what, here.OVER_OTHER, equal, CAMPAIGN, (SUPPORTED, CONTRADICTED))
    trend = _errors("looks-trend", f"a trend that is none, {at}", here.TREND, here.trend(IMAGES, 1, 0.2), CAMPAIGN)
    yield replace(trend, share=0.5)
    curve = "a curve that ends on the limit"
    yield _errors("looks-trace", f"{curve}, {at}", here.TRACE, here.trace(0.2), CAMPAIGN)
    every = range(FEWEST_SEEDS, max(LOOKS) + 1)
    what = f"{curve}, looked at after every single seed from {every[0]} to {every[-1]}"
    yield _errors("looks-trace-every", what, here.TRACE, here.trace(0.2), every)


def _sets() -> Iterator[Row]:
    claim = here.FLOORS_ON_THREE
    for where, lead in (("plus", MARGIN), ("minus", -MARGIN)):
        side = "truth on the margin" if lead > 0 else "truth on the margin's other side"
        yield _errors(f"sets-floors-{where}", f"two floors on 3 mask sets, {side}", claim, here.three_sets(None, lead))
    trained = here.order("variant:default", "method:smooth", here.THREE_SETS)
    what = "a trained method on 3 mask sets, 3 seeds, seed SD 0.1 dB, truth on the margin's other side"
    yield _errors("sets-trained-minus", what, trained, here.three_sets(Seeds(0.1), -MARGIN))


def _beyond() -> Iterator[Row]:
    over = here.OVER_FLOOR
    for share, words in ((0.5, "half"), (1 / 3, "a third")):
        lent = here.against_floor(Seeds(0.3, lender=share))
        what = f"1 seed, the lender's spread is {words} of the borrower's, seed SD 0.3 dB"
        yield _errors(f"beyond-lender-{words.split()[-1]}", what, over, lent, (1,), assumption="lenders that are alike")
    for shape in ("skew", "skewneg"):
        plant = here.against_floor(Seeds(0.3, shape))
        what = f"3 seeds, seed SD 0.3 dB, {SHAPE_WORDS[shape]}"
        yield _errors(f"beyond-seeds-{shape}", what, over, plant, assumption="seeds without a long tail")


def _coverage() -> Iterator[Row]:
    def row(name: str, what: str, shape: str, groups: int, each: int | None) -> Row:
        def trial(rng: Generator) -> str:
            members = groups_of(rng, groups, each)
            found = mean_interval(over_groups(rng, shape, members), [str(member) for member in members])
            assert found.low is not None and found.high is not None  # noqa: PT018
            return BELOW if found.high < 0 else ABOVE if found.low > 0 else COVERED

        return Row(name, what, trial, kind="coverage")

    for shape in ("normal", "t3", "skew", "measured", "outliers"):
        for groups in (20, 50, 200):
            yield row(f"coverage-{shape}-{groups}", f"{groups} images, {SHAPE_WORDS[shape]}", shape, groups, 1)
    for groups in (20, 50, 200):
        yield row(f"coverage-uneven-{groups}", f"{groups} groups of 1 to 15 images, normal", "normal", groups, None)


def _power() -> Iterator[Row]:
    for trainings in (1, 3, 5, 8):
        for lead in LEADS:
            seeds = Seeds(0.1, lender=1.0 if trainings == 1 else None)
            trial = judged(here.OVER_FLOOR, here.against_floor(seeds, lead), (trainings,))
            yield Row(f"power-{trainings}-{lead:g}", f"{trainings}", trial, kind="power", share=0.25)


ROWS: Mapping[str, Row] = {
    row.name: row
    for rows in (_floor, _pair, _cell, _images, _looks, _sets, _page, _beyond, _coverage, _power)
    for row in rows()
}
"""By name, in the order of the table."""
