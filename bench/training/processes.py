"""The processes of one training: how they find each other, and what they agree on.

Of one alone, all this is nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

import torch
import torch.distributed as dist
from lightning_fabric import Fabric
from lightning_fabric.plugins.environments.cluster_environment import ClusterEnvironment
from lightning_fabric.strategies.ddp import DDPStrategy
from torch import nn

from bench.methods.base import Settings, Stage, TrainedSettings
from bench.training.share import Share, collective
from bench.util.errors import UserError

PATIENCE = timedelta(days=30)
"""How long a process waits for instructions: the first one may wait for another run that long."""

Value = TypeVar("Value")


@dataclass(frozen=True)
class Place:
    """A process among those of a training: process `local` of node `node`, `each` on each of `nodes`."""

    local: int
    node: int
    each: int
    nodes: int
    address: str
    """Where the first process listens."""
    port: int

    @property
    def rank(self) -> int:
        return self.node * self.each + self.local

    @property
    def size(self) -> int:
        return self.each * self.nodes


class Known(ClusterEnvironment):
    """Tells Fabric a place that is known already."""

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place

    creates_processes_externally = True

    @property
    def main_address(self) -> str:
        return self.place.address

    @property
    def main_port(self) -> int:
        return self.place.port

    @staticmethod
    def detect() -> bool:
        return False

    def world_size(self) -> int:
        return self.place.size

    def set_world_size(self, size: int) -> None:
        """It is known."""

    def global_rank(self) -> int:
        return self.place.rank

    def set_global_rank(self, rank: int) -> None:
        """It is known."""

    def local_rank(self) -> int:
        return self.place.local

    def node_rank(self) -> int:
        return self.place.node


class Sharing(DDPStrategy):
    """Fabric's processes and groups, with networks that share a batch (share.py).

    Not DistributedDataParallel: its hooks average gradients in a first backward pass, and do not see the second one of
    a gradient penalty; and an average is right only for losses that are means over the batch.
    """

    control: dist.ProcessGroup | None = None
    """For words, not numbers: on the processor even where the training is on GPUs."""

    def setup_environment(self) -> None:
        super().setup_environment()
        group = dist.new_group(backend="gloo", timeout=PATIENCE)
        assert isinstance(group, dist.ProcessGroup)
        self.control = group

    def setup_module(self, module: nn.Module) -> nn.Module:  # type: ignore[override]
        return Share(module)


def is_first(fabric: Fabric) -> bool:
    """Whether this is the process that writes the files."""
    return fabric.global_rank == 0


def tell(fabric: Fabric, value: Value) -> Value:
    """The first process's value, in all."""
    if fabric.world_size == 1:
        return value
    box = [value]
    collective(dist.broadcast_object_list, box, 0, group=_control(fabric), device=torch.device("cpu"))
    return box[0]


def agree(fabric: Fabric, *wishes: bool) -> Sequence[bool]:
    """For each wish, whether any process has it."""
    if fabric.world_size == 1:
        return wishes
    table = torch.tensor(wishes, dtype=torch.uint8)
    collective(dist.all_reduce, table, dist.ReduceOp.MAX, group=_control(fabric))
    return [bool(wish) for wish in table]


def check_shared(stage: Stage, settings: Settings, processes: int) -> None:
    """Raise UserError where this number of processes cannot train the stage."""
    if stage.batch_size % processes:
        fitting = [str(count) for count in range(2, stage.batch_size + 1) if stage.batch_size % count == 0]
        raise UserError(
            f"{processes} processes cannot share a batch of {stage.batch_size} images (stage '{stage.name}') evenly:"
            f" use {' or '.join(fitting[:8]) or 'one process'}."
        )
    if processes > 1 and isinstance(settings, TrainedSettings) and settings.compiled:
        raise UserError(f"compiled = true does not work with {processes} processes. Leave it out, or use one process.")


def _control(fabric: Fabric) -> dist.ProcessGroup | None:
    assert isinstance(fabric.strategy, Sharing)
    return fabric.strategy.control
