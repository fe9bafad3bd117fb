"""The patient's own law of a narrowing from steady runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.case.errors import CaseError
from app.workflow.stenosis_law import identified, law_of_runs

A, B = 2e8, 3e14


def test_two_and_three_flows_give_the_law_and_its_range() -> None:
    for flows in ([5e-7, 1e-6], [5e-7, 1e-6, 2e-6]):
        q = np.array(flows)
        law = identified(q, A * q + B * q**2, "inlet", "LAD", ["r"] * len(q))
        assert (law.linear, law.quadratic) == pytest.approx((A, B), rel=1e-6)
        assert law.drop(-1e-6) == pytest.approx(-(A * 1e-6 + B * 1e-12))
        assert law.holds_at(8e-7) and not law.holds_at(3e-6)
    told = law.as_dict([1.0, 3.0])
    assert [row["holds"] for row in told["drops"]] == [True, False]
    assert told["drops"][0]["drop_mmhg"] == pytest.approx((A * 1e-6 + B * 1e-12) / 133.322, rel=1e-4)


def test_a_drop_that_is_no_such_law_says_how_much_it_leaves() -> None:
    q = np.array([5e-7, 1e-6, 2e-6])
    law = identified(q, 3e20 * q**3, "inlet", "LAD", ["r"] * 3)
    assert law.miss > 0.2 and law.linear == 0.0


def test_too_few_runs_and_wrong_directions_are_refused(tmp_path: Path) -> None:
    one = np.array([1e-6])
    for flows in (one, np.array([1e-6, 1.02e-6])):
        with pytest.raises(CaseError, match="give two or three steady runs") as caught:
            identified(flows, A * flows, "inlet", "LAD", ["r"] * len(flows))
        assert caught.value.code == "too_few_runs"
    with pytest.raises(CaseError, match="exchange the two"):
        identified(np.array([1e-6, 2e-6]), np.array([-10.0, -30.0]), "LAD", "inlet", ["r", "s"])
    with pytest.raises(CaseError, match="is no run"):
        law_of_runs([tmp_path], "inlet", "LAD")
