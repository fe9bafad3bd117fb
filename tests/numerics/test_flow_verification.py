"""The checks that the program runs on itself pass: exact solutions, orders of convergence, definitions."""

from __future__ import annotations

import pytest

from app.cli import main
from solvers.verification.exact import Womersley
from solvers.verification.registry import CHECKS, run_checks

HERE = [check.name for check in CHECKS.values() if not check.is_long and not check.name.startswith("wall_")]
"""The wall's checks, of which two rows miss (docs/verification/assessments.md), are in test_wall_verification."""


@pytest.mark.parametrize("name", HERE)
def test_check_passes(name: str) -> None:
    seen: list[float] = []
    said: list[str] = []

    def told(fraction: float, text: str) -> None:
        seen.append(fraction)
        said.append(text)

    rows = [row for row in run_checks([name], told) if "gate" in row]
    missing = next((text for text in said if text.startswith("skipped: ")), None)
    if not rows and missing is not None:
        pytest.skip(missing.removeprefix("skipped: "))
    assert rows
    failed = [f"{row['quantity']}: {row['value']} for {row['reference']}" for row in rows if not row["passed"]]
    assert not failed
    assert seen == sorted(seen) and seen[-1] == 1.0


def test_a_long_check_is_not_run_short(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_checks(["cylinder_3d"], lambda fraction, text: None) == []
    assert main(["verify", "cylinder_3d"]) == 1
    assert "--long" in capsys.readouterr().err


def test_an_unknown_check_is_named() -> None:
    with pytest.raises(KeyError, match="poisseuille"):
        run_checks(["poisseuille"], lambda fraction, text: None)


def test_womersley_flow_is_inverted_without_loss() -> None:
    exact = Womersley(3e-3, 1060.0, 3.5e-3, 6.283185307179586, 1000.0)
    back = Womersley.of_flow(exact.flow, 3e-3, 1060.0, 3.5e-3, 6.283185307179586)
    assert abs(back.gradient / exact.gradient - 1.0) < 1e-10
    assert abs(exact.flow) == pytest.approx(3.032853e-6, rel=1e-6)


def test_slow_womersley_flow_is_poiseuille_flow() -> None:
    slow = Womersley(3e-3, 1060.0, 3.5e-3, 0.05, 1000.0)
    assert slow.number < 0.5
    poiseuille = 3.141592653589793 * 3e-3**4 * 1000.0 / (8.0 * 3.5e-3)
    assert abs(slow.flow) == pytest.approx(poiseuille, rel=5e-3)
