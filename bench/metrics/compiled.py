"""How Numba compiles the kernels: without the interpreter's lock, and with nothing that may change a sum's order."""

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

Function = TypeVar("Function", bound=Callable[..., Any])


def compiled(function: Function) -> Function:
    """For functions that a kernel calls."""
    found: Any = njit(nogil=True, error_model="numpy")(function)
    return found  # type: ignore[no-any-return]


def kept(function: Function) -> Function:
    """For kernels: compiled once, and kept beside the source, else in the user's cache; else in this process alone."""
    try:
        found: Any = njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # neither folder is writable
        return compiled(function)
    return found  # type: ignore[no-any-return]
