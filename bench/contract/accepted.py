"""The way from a request to its runs: past the checks of the method's paper.toml that need no training."""

from lightning_fabric import Fabric

from bench.contract.papers import refuse_mistakes
from bench.methods.torchscript import find_called
from bench.runs.request import Request
from bench.runs.worklist import Worklist
from bench.util.progress import Progress


def accepted(request: Request, progress: Progress, fabric: Fabric | None = None) -> Worklist:
    """The runs of a request. Raises UserError, before any work, for what `check` finds and what a Worklist refuses."""
    catalog, entry = find_called(request.key, request.include, request.trust)
    for one in {entry.key: entry} | ({request.paper: catalog[request.paper]} if request.paper else {}):
        refuse_mistakes(catalog[one], catalog)
    return Worklist(request, progress, fabric)
