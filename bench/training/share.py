"""One batch among several processes: each takes its part through a network, and all get the whole result.

Every process takes the same step over the whole batch: the same draws, the same losses, the same updates. Only what the
networks do with a batch is shared out. So a loss need not be a mean over the batch, and a gradient penalty may
differentiate a gradient again: what goes into a network is cut, what comes out is joined, and each of the two is the
other's derivative.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils._pytree import tree_leaves, tree_map_only

from bench.util.errors import UserError, WorkersLostError
from bench.util.seeds import seed_of


class Share(nn.Module):
    """A network that the processes of the default group work on together.

    Arguments and results whose first side is the batch (that of the first tensor among the arguments) are cut and
    joined; a batch that the number of processes does not divide is worked on by each process as a whole. Batch
    normalisation sees the whole batch. What else lets the images of a batch meet inside the network sees a part only.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.rank, self.size = dist.get_rank(), dist.get_world_size()
        self._step, self._calls = -1, 0
        for value in network.state_dict().values():
            plain = value.contiguous()
            collective(dist.broadcast, plain, 0)
            value.copy_(plain)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        tensors = [value for value in tree_leaves((args, kwargs)) if isinstance(value, Tensor) and value.dim()]
        batch = len(tensors[0]) if tensors else 0
        if batch == 0 or batch % self.size:
            return self.network(*args, **kwargs)
        cut = partial(_cut, batch=batch)
        args, kwargs = tree_map_only(Tensor, cut, args), tree_map_only(Tensor, cut, kwargs)
        with self._own_draws(tensors[0].device), _whole_batch_norms(self.network):
            result = functional_call(self.network, self._weights(), args, kwargs)
        return tree_map_only(Tensor, partial(self._joined, batch=batch), result)

    def _weights(self) -> dict[str, Tensor]:
        """The weights that learn. Their gradients are summed over the processes, those of one call at once."""
        learning = {name: weight for name, weight in self.network.named_parameters() if weight.requires_grad}
        if not learning or not torch.is_grad_enabled():
            return {}
        return dict(zip(learning, _Summed.apply(*learning.values()), strict=True))

    def _joined(self, value: Tensor, batch: int) -> Tensor:
        if value.dim() == 0 or len(value) * self.size != batch:
            raise UserError(
                f"{type(self.network).__name__} returns shape {tuple(value.shape)} for {batch // self.size} images:"
                " several processes can only join results with one row per image. Train in one process."
            )
        joined: Tensor = _Joined.apply(value)
        return joined

    @contextmanager
    def _own_draws(self, device: torch.device) -> Iterator[None]:
        """What a network draws by itself (dropout) differs between the processes; the step's own draws go on after."""
        seed = torch.initial_seed()
        self._step, self._calls = seed, self._calls + 1 if seed == self._step else 0
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(seed_of(seed, "share", type(self.network).__name__, self._calls, self.rank))
            yield


def collective(call: Callable[..., Any], *args: Any, **more: Any) -> None:
    """A call of torch.distributed. Raises CrewLostError where another process has gone."""
    try:
        call(*args, **more)
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        cause = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WorkersLostError(
            f"another process of this training is gone: killed, or its node was lost ({cause})"
        ) from error


def own_part(count: int) -> range:
    """The rows of a batch of `count` that this process makes, for `joined`: all of them where it is alone."""
    if not dist.is_initialized():
        return range(count)
    each = count // dist.get_world_size()
    return range(dist.get_rank() * each, (dist.get_rank() + 1) * each)


def joined(part: Tensor) -> Tensor:
    """The rows (n,...) of all processes, in their order: (n * processes,...)."""
    if not dist.is_initialized():
        return part
    plain = part.contiguous().view(torch.uint8) if part.dtype == torch.bool else part.contiguous()
    whole = plain.new_empty(len(plain) * dist.get_world_size(), *plain.shape[1:])
    collective(dist.all_gather_into_tensor, whole, plain)
    return whole.view(part.dtype)


def _cut(value: Tensor, batch: int) -> Tensor:
    if value.dim() == 0 or len(value) != batch:
        return value
    part: Tensor = _Cut.apply(value)
    return part


class _Joined(torch.autograd.Function):
    """The parts of all processes as one. All of them go on with the same, so each needs its own part's gradient."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        return joined(part)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Cut.apply(gradient)


class _Cut(torch.autograd.Function):
    """The own part of what all have. Only together have they the gradient of all of it."""

    @staticmethod
    def forward(ctx: Any, whole: Tensor) -> Tensor:
        count = len(whole) // dist.get_world_size()
        return whole.narrow(0, dist.get_rank() * count, count).clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Joined.apply(gradient)


class _Total(torch.autograd.Function):
    """The sum over all processes, which each of them uses for its own part: its derivative is the same sum."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        total = value.clone()
        collective(dist.all_reduce, total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return _Total.apply(gradient)


class _Summed(torch.autograd.Function):
    """Weights as they are; their gradients, of which each process has that of its own part, summed."""

    @staticmethod
    def forward(ctx: Any, *weights: Tensor) -> tuple[Tensor, ...]:
        ctx.set_materialize_grads(False)
        return tuple(weight.detach() for weight in weights)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        there = [gradient for gradient in gradients if gradient is not None]
        if not there:
            return gradients
        flat = torch.cat([gradient.reshape(-1) for gradient in there])
        collective(dist.all_reduce, flat)
        parts = iter(torch.split(flat, [gradient.numel() for gradient in there]))
        return tuple(None if one is None else next(parts).view(one.shape) for one in gradients)


@contextmanager
def _whole_batch_norms(network: nn.Module) -> Iterator[None]:
    """Within, batch normalisation in training mode takes its statistics over the parts of all processes."""
    with ExitStack() as stack:
        for layer in network.modules():
            if isinstance(layer, _BatchNorm) and type(layer).forward is _BatchNorm.forward:
                # An attribute of the object, in front of the class's method.
                object.__setattr__(layer, "forward", partial(_whole_batch_norm, layer))
                stack.callback(object.__delattr__, layer, "forward")
        yield


def _whole_batch_norm(layer: _BatchNorm, value: Tensor) -> Tensor:
    if not layer.training and layer.running_mean is not None:
        return _BatchNorm.forward(layer, value)
    found = value.float() if value.dtype in (torch.bfloat16, torch.float16) else value
    dims = [0, *range(2, value.dim())]
    count = found.numel() // found.shape[1] * dist.get_world_size()
    mean = _Total.apply(found.sum(dims)) / count
    centred = found - _each(mean, found)
    variance = _Total.apply(centred.square().sum(dims)) / count
    if layer.training and layer.running_mean is not None:
        _track(layer, mean.detach(), variance.detach() * count / (count - 1))
    result = centred * _each((variance + layer.eps).rsqrt(), found)
    if layer.weight is not None:
        result = result * _each(layer.weight, found) + _each(layer.bias, found)
    return result.to(value.dtype)


def _track(layer: _BatchNorm, mean: Tensor, variance: Tensor) -> None:
    """Running statistics, as torch's own batch normalisation keeps them."""
    assert layer.num_batches_tracked is not None
    assert layer.running_mean is not None
    assert layer.running_var is not None
    layer.num_batches_tracked.add_(1)
    share = 1 / int(layer.num_batches_tracked) if layer.momentum is None else layer.momentum
    layer.running_mean.lerp_(mean, share)
    layer.running_var.lerp_(variance, share)


def _each(values: Tensor, like: Tensor) -> Tensor:
    """(C,) over the channels of (N,C,...)."""
    return values.view(1, -1, *[1] * (like.dim() - 2))
