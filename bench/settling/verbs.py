"""`settle` from Python; the command line calls it too."""

from collections.abc import Sequence
from typing import Unpack

from rich.console import Console

from bench.api.verbs import progress_of, takes_request
from bench.runs.request import Asked, Request
from bench.settling.rounds import Settling
from bench.settling.settlement import Settlement
from bench.util.errors import UserError

LEFT_OUT = (
    "changes",
    "mask_sets",
    "variants",
    "seeds",
    "paper",
    "with_baselines",
    "networks",
    "trust",
    "minutes",
    "processes",
    "force",
)
"""Fields of a request that the claims decide, or that a settlement has no use for."""


@takes_request
def settle(
    papers: str | Sequence[str] | Sequence[Request],
    /,
    *,
    hours: float = 1.0,
    progress: bool | Console = False,
    **asked: Unpack[Asked],
) -> Settlement:
    """Answer as many open claims of these papers as `hours` on this machine allow, by estimate, cheapest first.

    Which methods, variants and seeds run follows from the claims, so `variants`, `seeds` and the like are refused.
    A call that was interrupted goes on; what it has spent counts. Raises UserError as `reproduce`.
    """
    keys: list[str | Request] = [papers] if isinstance(papers, str) else list(papers)
    requests = [one if isinstance(one, Request) else Request.of(one, **asked) for one in keys]
    return Settling(checked(requests, hours), progress_of(progress)).settle(hours)


def checked(requests: Sequence[Request], hours: float) -> list[Request]:
    """Each paper once. Raises UserError for what a settlement does not take."""
    if not requests:
        raise UserError("settle: name at least one paper; `python -m bench list` shows them.")
    if not 0 < hours < float("inf"):
        raise UserError(f"--hours {hours:g}: must be more than 0.")
    for name in LEFT_OUT:
        field = Request.model_fields[name]
        if getattr(requests[0], name) != field.get_default(call_default_factory=True):
            raise UserError(f"settle takes no {name}: what it runs follows from the claims. Use `reproduce`.")
    return list({request.key: request for request in requests}.values())
