"""Networks that somebody else trained: which public files a method can take, and whose keys are whose.

A method's folder says so in pretrained.py, found by presence: `LAYOUTS`, a sequence of `WeightLayout`. A run with such
a file is no training of ours: it has a key of its own, and no verdict rests on it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from torch import Tensor, nn

from bench.methods.base import Method
from bench.util.errors import UserError

SHOWN = 3
"""So many keys of each kind are named where a file does not fit."""
OWN_COUNTERS = "num_batches_tracked"
"""Batch norm's counter: of no use without training, and absent from older files."""


@dataclass(frozen=True)
class WeightLayout:
    """One public layout of weights for a method, as one project publishes it."""

    name: str
    """Whose networks these are, such as `DeepFillv1 of mmagic`."""
    source: str
    """Where the project publishes them."""
    licence: str
    keys: Mapping[str, str]
    """Ours to theirs: `NETWORK.KEY` of `Method.networks()` to the key in the file, or `ROLE/KEY` of several files."""
    unused: Sequence[str] = ()
    """Patterns of further keys that such a file has and the inpainter has no use for."""
    roles: Mapping[str, str] = field(default_factory=dict)
    """Where the weights lie in several files: role to file name pattern."""
    convert: Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]] | None = None
    """Done to the file's tensors first, where they are another form of ours."""
    mean: str = ""
    """Key of the mean colour of its training images, in [0,1], where the method needs it."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """The method's settings under which our networks are theirs."""
    method: type[Method] | None = None
    """A method of its own, where no setting makes ours the same function."""
    trained_on: Mapping[str, str] = field(default_factory=dict)
    """File name pattern to data and resolution."""
    remarks: Sequence[str] = ()
    """What a reader of the score must know, departures and unverified points among it."""

    def data_of(self, file: str) -> str:
        """What the published file of this name was trained on."""
        found = (text for pattern, text in self.trained_on.items() if fnmatchcase(file, pattern))
        return next(found, "unknown")

    def share(self, given: Iterable[str]) -> float:
        """How much of this layout is among the given keys, 0 to 1."""
        wanted = {theirs for theirs in self.keys.values() if not theirs.endswith(OWN_COUNTERS)}
        return len(wanted & set(given)) / len(wanted)

    def load(self, networks: Mapping[str, nn.Module], given: Mapping[str, Tensor], file: str) -> None:
        """Put the file's tensors into the networks, put to eval mode. Raises UserError that says which keys differ."""
        ours = {f"{name}.{key}": value for name, net in networks.items() for key, value in net.state_dict().items()}
        ours = {key: value for key, value in ours.items() if not key.endswith(OWN_COUNTERS)}
        unmapped = ours.keys() - self.keys.keys()
        assert not unmapped, f"{self.name} says nothing of {sorted(unmapped)[:SHOWN]}"
        given = self.convert(given) if self.convert else given
        self._check(ours, given, file)
        for name, net in networks.items():
            prefix = f"{name}."
            state = {key.removeprefix(prefix): given[self.keys[key]] for key in ours if key.startswith(prefix)}
            net.load_state_dict(state, strict=False)  # only the counters are left out
            net.eval()

    def _check(self, ours: Mapping[str, Tensor], given: Mapping[str, Tensor], file: str) -> None:
        missing = [self.keys[key] for key in ours if self.keys[key] not in given]
        known = set(self.keys.values())
        unexpected = [
            key for key in given if key not in known and not any(fnmatchcase(key, one) for one in self.unused)
        ]
        shapes = [
            f"{theirs} is {_shape(given[theirs])}, not {_shape(value)}"
            for key, value in ours.items()
            if (theirs := self.keys[key]) in given and given[theirs].shape != value.shape
        ]
        kinds = {"missing": missing, "unexpected": unexpected, "of another shape": shapes}
        texts = [f"{len(keys)} {kind} ({_first(keys)})" for kind, keys in kinds.items() if keys]
        if texts:
            mend = "Use the file as published and the network's default settings."
            raise UserError(f"{file} does not fit {self.name}: {'; '.join(texts)}. {mend}")


def choose(layouts: Sequence[WeightLayout], given: Mapping[str, Tensor], method: str, file: str) -> WeightLayout:
    """The layout that the file has. Raises UserError where it has none of them."""
    best = max(layouts, key=lambda one: one.share(given))
    if not best.share(given):
        known = ", ".join(one.name for one in layouts)
        raise UserError(f"{file} has no layout that {method} reads ({known}); its first keys: {_first(list(given))}.")
    return best


def _first(keys: Sequence[str]) -> str:
    more = ", ..." if len(keys) > SHOWN else ""
    return ", ".join(keys[:SHOWN]) + more


def _shape(tensor: Tensor) -> str:
    return "x".join(map(str, tensor.shape)) or "a single number"
