"""The one-dimensional solver's quick checks hold their gates."""

from __future__ import annotations

import pytest

from solvers.verification.network_checks import benchmarks
from solvers.verification.registry import CHECKS
from solvers.verification.row import Row


@pytest.mark.parametrize("name", ["tube_law", "pulse_order", "reflection", "volume"])
def test_a_check_holds_its_gates(name: str) -> None:
    rows = [row for row in CHECKS[name].run(lambda fraction, text: None, False) if isinstance(row, Row)]
    assert rows
    assert [row.quantity for row in rows if not row.as_dict()["passed"]] == []


@pytest.mark.shared
@pytest.mark.skipif(benchmarks() is None, reason="the published curves are not beside the checkout")
def test_the_carotid_the_aorta_and_the_iliac_bifurcation_hold_their_gates() -> None:
    rows = [row for row in CHECKS["boileau"].run(lambda fraction, text: None, False) if isinstance(row, Row)]
    assert len(rows) == 20
    assert [row.quantity for row in rows if not row.as_dict()["passed"]] == []
