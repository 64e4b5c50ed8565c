"""The way from a request to its runs: past the checks of the method's paper.toml that need no training."""

from lightning_fabric import Fabric

from bench.contract.papers import refuse_mistakes
from bench.methods.torchscript import find_called
from bench.runs.request import Request
from bench.runs.worklist import Worklist
from bench.util.progress import Progress


def accepted(request: Request, progress: Progress, fabric: Fabric | None = None) -> Worklist:
    """The runs of a reproduction. Raises UserError, before any work, for what `check` finds and a Worklist refuses.

    Whoever runs one method alone needs none of the others that its paper.toml names, and makes a Worklist directly.
    """
    catalog, entry = find_called(request.key, request.include, request.trust)
    refuse_mistakes(entry, catalog)
    work = Worklist(request, progress, fabric)
    work.check_rivals()
    return work
