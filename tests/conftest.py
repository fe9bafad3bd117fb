"""Which tests go to the same process when several run them: a file's tests, and all that open windows."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling


class ByFile(LoadScopeScheduling):
    """The tests of a file together, and those of all windows, which take the keyboard from each other."""

    def _split_scope(self, nodeid: str) -> str:
        return "windows" if nodeid.startswith("tests/gui/") else nodeid.split("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByFile:
    return ByFile(config, log)
