"""What three meshes of a patient's vessel are said to show."""

from __future__ import annotations

import pytest

from app.workflow.patient_checks import rows_of

pytestmark = pytest.mark.filterwarnings("error")


def _member(cells: float, drop: float, change: float) -> dict[str, float]:
    return {"cells": cells, "change": change, "pressure drop along the aorta": drop}


def test_second_order_figures_give_order_limit_and_index() -> None:
    sizes = (1.0, 1.25, 1.6)
    family = [_member(1e5 / size**3, 100.0 + 4.0 * size**2, 1e-5) for size in sizes]
    value, order, index, change = rows_of(family)
    assert value.reference == pytest.approx(100.0, rel=1e-6)
    assert order.value == pytest.approx(2.0, abs=1e-4)
    assert index.value == pytest.approx(1.25 * 4.0 / 104.0, rel=1e-4)
    assert value.as_dict()["passed"] and order.as_dict()["passed"] and index.as_dict()["passed"]
    assert change.as_dict()["passed"]
    assert "104" in value.quantity


def test_a_march_that_did_not_settle_is_a_miss() -> None:
    family = [_member(1e5, 100.0, 1e-2), _member(5e4, 101.0, 1e-5), _member(2e4, 103.0, 1e-5)]
    assert not rows_of(family)[-1].as_dict()["passed"]


def test_figures_that_give_no_order_pass_no_gate() -> None:
    family = [_member(1e5, 100.0, 1e-5), _member(5e4, 101.0, 1e-5), _member(2e4, 101.0, 1e-5)]
    _, order, index, _ = rows_of(family)
    assert not order.as_dict()["passed"] and not index.as_dict()["passed"]
