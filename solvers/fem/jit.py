"""How the kernels are compiled.

``cache`` keeps the machine code beside the source, or in the user's cache folder if that cannot be written; rank 0
compiles first (``solvers.fem.warmup``). Products and sums may be fused, but NaN and infinity keep their meaning: a
diverging run must be seen. Sums are not reordered: that lets the compiler gather the entries of a sparse row for vector
instructions, which takes a third longer than reading them one by one (measured on the matrix of a quadratic velocity).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel[Function: Callable[..., Any]](function: Function) -> Function:
    """Compile a function to machine code at its first call."""
    compiled: Function = numba.njit(
        function, cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "arcp"}
    )
    return compiled


def summing_kernel[Function: Callable[..., Any]](function: Function) -> Function:
    """As :func:`kernel`, for sums over contiguous numbers, which may be reordered: vector instructions need it."""
    compiled: Function = numba.njit(
        function, cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz", "arcp", "reassoc"}
    )
    return compiled
