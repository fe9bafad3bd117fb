"""Which tests go to the same process when several run them: a file's tests, and all that open windows.

Each process calculates in one thread: two processes share two cores, and threads that wait for each other while others
hold the cores take twice the time (a Womersley flow: 43 s of processor time instead of 21).
"""

from __future__ import annotations

import os
from typing import Any

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")

import pytest  # noqa: E402 - the number of threads is read when numpy is loaded
from xdist.scheduler import LoadScopeScheduling  # noqa: E402


class ByFile(LoadScopeScheduling):
    """The tests of a file together, and those of all windows, which take the keyboard from each other."""

    def _split_scope(self, nodeid: str) -> str:
        return "windows" if nodeid.startswith("tests/gui/") else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)
