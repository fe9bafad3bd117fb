"""How the kernels are compiled.

``cache`` keeps the machine code beside the source, or in the user's cache folder if that cannot be written; rank 0
compiles first (``solvers.fem.warmup``). Floating point may be reordered, but NaN and infinity keep their meaning:
a diverging run must be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def kernel[Function: Callable[..., Any]](function: Function) -> Function:
    """Compile a function to machine code at its first call."""
    compiled: Function = numba.njit(
        function, cache=True, nogil=True, error_model="numpy", fastmath={"reassoc", "contract", "nsz", "arcp"}
    )
    return compiled
