"""The contract that every paper.toml keeps, as code: run by `python -m bench check`, by `reproduce` and by pytest.

Each check takes a PaperSubject and yields a Mistake for each thing that is wrong, with place and remedy. Those of
`BEFORE_WORK` need no training and no network of full size: `show`, `reproduce` and `plan` refuse what they find.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from bench.contract.building import builds
from bench.contract.subject import PaperSubject, Tried
from bench.data.protocol import DEFAULTS
from bench.methods.base import Settings
from bench.methods.catalog import Catalog, Entry
from bench.methods.settings import DEFAULT, build, overrides
from bench.methods.supplied import supplied
from bench.metrics.probed import TOLD
from bench.paper import Arithmetic, Bound, Trace, Trend
from bench.paper.arithmetic import check as settle
from bench.paper.base import Keys, Mistake, misfit
from bench.paper.claims import key_and_variant
from bench.util.errors import UserError, nearest

PaperCheck = Callable[[PaperSubject], Iterator[Mistake]]


def names_are_known(subject: PaperSubject) -> Iterator[Mistake]:
    """paper.toml is complete; its variants, tables, rows, columns, metrics, mask sets and data sets are known."""
    yield from subject.reading.mistakes


def methods_are_found(subject: PaperSubject) -> Iterator[Mistake]:
    """Every method that paper.toml names is found, and has the variant that is named."""
    known = list(subject.catalog.entries)
    for name, at in subject.paper.named_methods():
        key, variant = key_and_variant(name)
        if key not in known:
            yield Mistake(at, f"there is no method '{key}'.{nearest(key, known)}")
        elif variant != DEFAULT:
            about = subject.catalog[key].description()
            variants = list(about.variants) if about else []
            if variant not in variants:
                yield misfit(at, variant, f"variant of {key}", variants)


def settings_are_known(subject: PaperSubject) -> Iterator[Mistake]:
    """Scales and variants change settings that the method has, to values that it takes."""
    paper, known = subject.paper, subject.settings_class.model_fields
    parts: list[tuple[Keys, dict[str, Any]]] = [(("scales", key), part.settings) for key, part in paper.scales.items()]
    parts += [(("variants", key), part.settings) for key, part in paper.variants.items()]
    unknown = [(*at, "settings", name) for at, values in parts for name in values if name not in known]
    for at in unknown:
        yield misfit(at, str(at[-1]), "setting of this method", known)
    faulty = {at[:2] for at in unknown}
    for scale in paper.scales:
        values = overrides(paper, scale, DEFAULT)
        if ("scales", scale) in faulty:
            continue
        if (found := _refused(subject.settings_class, values)) is not None:
            yield Mistake(("scales", scale, "settings", *found.at), found.text)
            continue
        for name, variant in paper.variants.items():
            found = (
                None if ("variants", name) in faulty else _refused(subject.settings_class, values | variant.settings)
            )
            if found is not None:
                faulty.add(("variants", name))
                yield Mistake(("variants", name, "settings", *found.at), f"at scale {scale}: {found.text}")


def rivals_take_their_settings(subject: PaperSubject) -> Iterator[Mistake]:
    """What a scale gives other methods are settings that they have, with values that they take."""
    for scale, part in subject.paper.scales.items():
        for key, hosted in part.rivals.items():
            at: Keys = ("scales", scale, "rivals", key)
            if key == subject.entry.key:
                yield Mistake(at, f"{key} is this paper's own method; its settings go into [scales.{scale}.settings].")
            elif key in subject.catalog.entries:
                yield from _hosted(at, subject.catalog[key], scale, hosted)


def _hosted(at: Keys, rival: Entry, scale: str, hosted: Mapping[str, Any]) -> Iterator[Mistake]:
    settings_class, about = rival.load().settings_class, rival.description()
    known, brought = settings_class.model_fields, supplied(settings_class)
    wrong = [misfit((*at, name), name, f"setting of {rival.key}", known) for name in hosted if name not in known]
    wrong += [
        Mistake((*at, name), f"this is a place on one machine; leave it to --set {rival.key}.{name}=PATH.")
        for name in hosted
        if name in brought
    ]
    yield from wrong
    if wrong or (about is not None and scale not in about.scales):  # which another check tells
        return
    if (found := _refused(settings_class, overrides(about, scale, DEFAULT, hosted))) is not None:
        yield Mistake((*at, *found.at), found.text)


def _refused(settings_class: type[Settings], values: Mapping[str, Any]) -> Mistake | None:
    """The first value that the settings refuse, by its key; without a key where they do not fit together."""
    try:
        settings_class(**values)
    except ValidationError as error:
        first = error.errors()[0]
        return Mistake(tuple(first["loc"][:1]), f"{first['input']!r}: {first['msg']}.")
    except UserError as error:
        return Mistake((), str(error))
    return None


def printed_numbers_suffice(subject: PaperSubject) -> Iterator[Mistake]:
    """Claims of kind `arithmetic` have the printed numbers that they need."""
    wrong = {mistake.at[:2] for mistake in subject.reading.mistakes}
    for index, claim in enumerate(subject.paper.claims):
        if isinstance(claim, Arithmetic) and not {("claims", index), ("tables", claim.table)} & wrong:
            try:
                settle(claim, subject.paper)
            except UserError as error:
                yield Mistake(("claims", index, "table"), str(error))


def curves_are_logged(subject: PaperSubject) -> Iterator[Mistake]:
    """Claims of kind `trace` name stages and scalars of the training: those that one step at smoke scale logs."""
    for index, claim in enumerate(subject.paper.claims):
        if not isinstance(claim, Trace):
            continue
        for side in claim.sides:
            if (found := _tried(subject, side)) is None:
                continue
            at: Keys = ("claims", index)
            if claim.stage not in found.stages:
                yield misfit((*at, "stage"), claim.stage, f"stage of {side}", found.stages)
                break
            if claim.scalar not in (logged := found.scalars(claim.stage)):
                yield misfit((*at, "scalar"), claim.scalar, f"scalar that this stage of {side} logs", logged)
                break


def diagnostics_are_given(subject: PaperSubject) -> Iterator[Mistake]:
    """Columns `aux_` of claims are diagnostics that the inpainter gives."""
    for index, claim in enumerate(subject.paper.claims):
        if not isinstance(claim, Bound | Trend):
            continue
        metrics = {"metric": claim.metric} | ({"with": claim.along} if isinstance(claim, Trend) else {})
        for key, metric in metrics.items():
            if not metric.startswith(TOLD) or (found := _tried(subject, claim.of)) is None:
                continue
            if metric not in found.diagnostics:
                yield misfit(("claims", index, key), metric, f"diagnostic of {claim.of}", found.diagnostics)


def _tried(subject: PaperSubject, side: str) -> Tried | None:
    """None where the side is not known or cannot be built, which other checks tell."""
    found = subject.side(side)
    try:
        return found if found and found.method else None
    except UserError:
        return None


def every_variant_fits_every_scale(subject: PaperSubject) -> Iterator[Mistake]:
    """Every variant builds at every scale, and takes the scale's pictures."""
    wrong = {mistake.at[:2] for mistake in settings_are_known(subject)}
    for scale, part in subject.paper.scales.items():
        side = part.protocol.resolution or int(DEFAULTS.get(scale, DEFAULTS["quick"])["resolution"])
        variants = [DEFAULT, *(name for name in subject.paper.variants if ("variants", name) not in wrong)]
        for variant in variants if ("scales", scale) not in wrong else []:
            values = overrides(subject.paper, scale, variant)
            if why := builds(subject.entry, values, side):
                at = ("scales", scale) if variant == DEFAULT else ("variants", variant)
                yield Mistake(at, f"at scale {scale}, pictures of {side}: {why}")
                if variant == DEFAULT:
                    break
        yield from _rivals_fit(subject, scale, side)


def _rivals_fit(subject: PaperSubject, scale: str, side: int) -> Iterator[Mistake]:
    """The other methods that the scale runs build for its pictures, as they run there."""
    wrong = {mistake.at[:4] for check in (methods_are_found, rivals_take_their_settings) for mistake in check(subject)}
    for name in subject.paper.baselines_at(scale) if not wrong else ():
        key, variant = key_and_variant(name)
        rival, hosted = subject.catalog[key], subject.paper.scales[scale].rivals.get(key, {})
        if key != subject.entry.key and (
            why := builds(rival, overrides(rival.description(), scale, variant, hosted), side)
        ):
            yield Mistake(("scales", scale, "baselines"), f"{name} at scale {scale}, pictures of {side}: {why}")


def paper_scale_is_as_printed(subject: PaperSubject) -> Iterator[Mistake]:
    """The scale `paper` is the method as printed: the defaults of its settings."""
    defaults = subject.settings_class.model_construct()
    scale = subject.paper.scales.get("paper")
    for name, value in scale.settings.items() if scale else ():
        printed = getattr(defaults, name, None)
        if name in subject.settings_class.model_fields and _as_json(value) != _as_json(printed):
            text = f"{value!r} is not the method as printed ({printed!r}); make it the default, or add a variant."
            yield Mistake(("scales", "paper", "settings", name), text)


def _as_json(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def variants_say_something(subject: PaperSubject) -> Iterator[Mistake]:
    """Every variant changes the method at some scale; those of a paper are named by a claim or the ledger."""
    paper = subject.paper
    wrong = {mistake.at[:2] for mistake in settings_are_known(subject)}
    used = {name for entry in paper.ledger for name in entry.variants}
    used |= {side.removeprefix("variant:") for claim in paper.claims for side in claim.sides}
    used |= {name for scale in paper.scales.values() for name in scale.variants}
    for name in paper.variants:
        if subject.entry.reproducible and name not in used and not subject.reading.mistakes:
            yield Mistake(("variants", name), "no claim, ledger entry or scale names this variant; name it or drop it.")
        if wrong & {("variants", name), *(("scales", scale) for scale in paper.scales)}:
            continue
        if all(_settings(subject, scale, name) == _settings(subject, scale, DEFAULT) for scale in paper.scales):
            yield Mistake(("variants", name, "settings"), "this is the default at every scale; change a setting.")


def _settings(subject: PaperSubject, scale: str, variant: str) -> Settings:
    return build(subject.settings_class, overrides(subject.paper, scale, variant), subject.entry.key)


def the_ledger_gives_reasons(subject: PaperSubject) -> Iterator[Mistake]:
    """Every ledger entry that is not simply stated says why we read it so."""
    for index, entry in enumerate(subject.paper.ledger):
        if entry.cls != "stated" and not entry.why.strip():
            yield Mistake(
                ("ledger", index), f"{entry.id} is {entry.cls}, and `why` is missing; say why we read it this way."
            )


def the_bibliography_is_whole(subject: PaperSubject) -> Iterator[Mistake]:
    """The bibliography has authors and a year, a DOI that is one, and the paper in five lines."""
    about = subject.paper.paper
    if "paper" in {mistake.at[0] for mistake in subject.reading.mistakes if mistake.at}:
        return
    if not about.authors:
        yield Mistake(("paper", "authors"), "no authors are given; add them.")
    if not 1900 <= about.year <= 2100:
        yield Mistake(("paper", "year"), f"{about.year} is not the year of an inpainting paper; correct it.")
    if about.doi and not (about.doi.startswith("10.") and "/" in about.doi):
        yield Mistake(
            ("paper", "doi"), f"'{about.doi}' is not a DOI; write it starting with 10., without https://doi.org/."
        )
    if (lines := len(about.summary.strip().splitlines())) > 5:
        yield Mistake(("paper", "summary"), f"{lines} lines; shorten it to five.")


BEFORE_WORK: tuple[PaperCheck, ...] = (
    names_are_known,
    methods_are_found,
    settings_are_known,
    rivals_take_their_settings,
    printed_numbers_suffice,
    curves_are_logged,
    diagnostics_are_given,
)
"""What is checked before any work."""

PAPER_CHECKS: tuple[PaperCheck, ...] = (
    *BEFORE_WORK,
    every_variant_fits_every_scale,
    paper_scale_is_as_printed,
    variants_say_something,
    the_ledger_gives_reasons,
    the_bibliography_is_whole,
)


def refuse_mistakes(entry: Entry, catalog: Catalog) -> None:
    """Raise UserError where `BEFORE_WORK` finds mistakes: the first few, and how many there are.

    Does nothing for a method without a paper.toml.
    """
    if not entry.described:
        return
    subject = PaperSubject(entry, catalog)
    reading = subject.reading
    if reading.paper is None:
        found = list(reading.mistakes)
    else:
        found = [*reading.mistakes, *reading.in_order(_all_but_names(subject))]
    reading.refuse(found)


def _all_but_names(subject: PaperSubject) -> Iterator[Mistake]:
    for check in BEFORE_WORK[1:]:
        yield from check(subject)
