"""A run folder solved as a piece of a closed circulation."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from tube_runs import tube_spec

from solvers.contract.errors import RunError
from solvers.contract.mesh_file import write_mesh
from solvers.contract.spec import PressureOutlet, read_spec, write_spec
from solvers.launch.circulation import AGREED, solve_in_circulation
from solvers.network.closed_loop import Units
from solvers.verification.circulation_checks import PERIOD, circulation
from solvers.verification.meshes import straight_tube

pytestmark = pytest.mark.mpi


def test_a_run_and_a_circulation_come_to_agree(tmp_path: Path) -> None:
    spec = tube_spec(write_mesh(tmp_path, straight_tube(0.05, 0.012, 3, 5, 0.6)), 40, 2)
    write_spec(tmp_path, replace(spec, time=replace(spec.time, ramp=0.0)))
    description = circulation(40)._description
    with pytest.raises(RunError, match="name one for each of outlet"):
        solve_in_circulation(tmp_path, description, {"elsewhere": "aorta"}, Units(), 1)
    rounds: list[int] = []
    found = solve_in_circulation(tmp_path, description, {"outlet": "aorta"}, Units(), 1, rounds.append, 0.05)
    assert rounds == list(range(1, found.rounds + 1)) and found.rounds > 1
    assert found.change <= 0.05
    agreed, driven = json.loads((tmp_path / AGREED).read_text()), read_spec(tmp_path)
    assert agreed["mean_inflow_m3_s"] == pytest.approx(found.circulation.inflow.mean(), rel=0.05)
    assert agreed["ways"]["outlet"]["resistance"] >= 0.0
    assert isinstance(driven.outlets[0], PressureOutlet) and driven.time.period == PERIOD
