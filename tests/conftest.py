"""Which tests go to the same process when several run them: a file's tests, and all that open windows."""

from __future__ import annotations

import pytest


def pytest_itemcollected(item: pytest.Item) -> None:
    together = "windows" if item.get_closest_marker("gui") else item.nodeid.split("::")[0]
    item.add_marker(pytest.mark.xdist_group(together))
