"""A run tunes its outlets to the patient's pressures with the vessel as it has seen it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tube_runs import PERIOD, TUNING, change, solve_by_hand, write_tube_run

from solvers.contract.events import read_events
from solvers.contract.files import INDICES
from solvers.contract.scalars import read_scalars
from solvers.contract.spec import Time

pytestmark = pytest.mark.mpi
STEPS = 200


@pytest.mark.parametrize("site", ["outlet", "inlet"])
def test_the_pressures_are_met_after_one_round_and_the_beat_is_periodic(tmp_path: Path, site: str) -> None:
    spec = write_tube_run(tmp_path, STEPS, 3)
    change(tmp_path, spec, tuning=replace(TUNING, site=site), time=Time(PERIOD, STEPS, 3, 4, 0.01, 0.0))
    assert solve_by_hand(tmp_path, 2) == 0
    scalars = read_scalars(tmp_path)
    first, last = scalars["cycle"] == 0, scalars["cycle"] == scalars["cycle"].max()
    pressure = scalars[f"pressure[{site}]"]
    assert abs(pressure[first].max() - TUNING.systolic) > 5.0 * TUNING.pressure_tolerance
    # what the lumped vessel leaves unexplained, and how far the beat is from periodic
    assert pressure[last].max() == pytest.approx(TUNING.systolic, abs=TUNING.pressure_tolerance)
    assert pressure[last].min() == pytest.approx(TUNING.diastolic, abs=TUNING.pressure_tolerance)
    rounds = [event for event in read_events(tmp_path) if event["type"] == "outlets_tuned"]
    assert [event["round"] for event in rounds] == [1]
    indices = json.loads((tmp_path / INDICES).read_text())
    assert indices["is_periodic"] and indices["tuning"]["is_met"]
    assert indices["tuning"]["reached"]["systolic_Pa"] == pytest.approx(pressure[last].max(), rel=1e-12)
    assert indices["tuning"]["outlets"]["outlet"]["r_distal"] != spec.outlets[0].r_distal  # type: ignore[union-attr]
    assert np.isfinite(pressure).all()


def test_a_beat_that_meets_the_target_is_left_as_it_is(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path, 60, 2)
    change(tmp_path, spec, tuning=replace(TUNING, pressure_tolerance=5e4))
    assert solve_by_hand(tmp_path, 1) == 0
    assert not [event for event in read_events(tmp_path) if event["type"] == "outlets_tuned"]
    assert json.loads((tmp_path / INDICES).read_text())["tuning"]["rounds"] == 0


def test_a_target_out_of_reach_is_said_and_the_nearest_is_taken(tmp_path: Path) -> None:
    spec = write_tube_run(tmp_path, 60, 3)
    change(tmp_path, spec, tuning=replace(TUNING, systolic=9510.0, pressure_tolerance=1.0, max_rounds=1))
    assert solve_by_hand(tmp_path, 1) == 0
    warnings = [event["code"] for event in read_events(tmp_path) if event["type"] == "warning"]
    assert "target_not_met" in warnings
    assert json.loads((tmp_path / INDICES).read_text())["tuning"]["is_met"] is False
