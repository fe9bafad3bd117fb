"""Which tests go to the same process when several run them: a file's tests, and all that open windows."""

from __future__ import annotations

import pytest


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        together = "windows" if item.get_closest_marker("gui") else item.nodeid.split("::")[0]
        item.add_marker(pytest.mark.xdist_group(together))
