"""Samples that the program makes itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.coronary import aortic_pressure, coronary_drive
from app.workflow.inflow import muscle_pressure
from app.workflow.parameters import build
from app.workflow.samples import import_sample, list_samples
from app.workflow.steps import step_of
from sample_data.phantoms.coronary import CoronaryParameters, left_coronary_tree
from solvers.contract.spec import Waveform
from solvers.network.coronary import COMPLIANCE_SHARES, RESISTANCE_SHARES, Coronary
from solvers.network.waveform import PeriodicCurve
from solvers.network.windkessel import Bdf


def test_the_coronary_phantom_becomes_a_case_whose_steps_are_set(tmp_path: Path) -> None:
    assert "coronary_phantom" in [sample["id"] for sample in list_samples()]
    record = import_sample("coronary_phantom", tmp_path / "c.case")
    exact = left_coronary_tree(CoronaryParameters(stenosis_percent=50.0, stenosis_at_mm=22.0))
    radii = [opening["radius_mm"] for opening in record.facts["openings"]]
    assert radii == pytest.approx([end.radius_mm for end in exact.ends], rel=0.02)
    with OpenCase.open(tmp_path / "c.case", writable=False) as opened:
        case = opened.case
        assert case.parameters["model"]["inlet"] == "ostium"
        for step_id, values in case.parameters.items():
            build(step_of(case, step_id).module.Parameters, values)
    with pytest.raises(CaseError, match="exists already"):
        import_sample("coronary_phantom", tmp_path / "c.case")


def test_coronary_flow_has_its_mean_and_is_largest_when_the_muscle_relaxes() -> None:
    times, pressure = aortic_pressure(60.0, 16e3, 10.6e3)
    assert (pressure.max(), pressure.min()) == pytest.approx((16e3, 10.6e3))
    drive = coronary_drive(60.0, 2.5e-6, 16e3, 10.6e3)
    assert drive.flow_m3_s.mean() == pytest.approx(2.5e-6)
    assert drive.resistance * 2.5e-6 == pytest.approx(pressure.mean())
    systole, diastole = drive.flow_m3_s[times < 0.25], drive.flow_m3_s[times > 0.4]
    assert diastole.mean() > 1.5 * systole.mean()


def test_the_flow_through_the_circuit_of_the_solver_gives_the_pressure_back() -> None:
    """The harmonics agree with the circuit stepped through time by the solver's own model."""
    drive = coronary_drive(60.0, 2.5e-6, 16e3, 10.6e3)
    _, muscle = muscle_pressure(60.0, 16e3)
    artery, micro, vein = (part * drive.resistance for part in RESISTANCE_SHARES)
    c_artery, c_muscle = (part * drive.compliance for part in COMPLIANCE_SHARES)
    at = tuple(drive.times_s.tolist())
    curve = PeriodicCurve(Waveform(at, tuple(muscle.tolist())), 1.0)
    flow = PeriodicCurve(Waveform(at, tuple(drive.flow_m3_s.tolist())), 1.0)
    circuit = Coronary(artery, c_artery, micro, c_muscle, vein, 0.0, float(drive.pressure_pa[0]), curve)
    n, dt = 400, 1.0 / 400
    reached: list[float] = []
    bdf = Bdf.second(dt)
    for step in range(1, 20 * n + 1):
        now = step * dt
        offset, slope = circuit.relation(bdf, now)
        reached.append(offset + slope * float(flow(now)))
        circuit.advance(bdf, now, float(flow(now)))
    last = np.asarray(reached[-n:])[1::2][:200]
    assert np.abs(last - np.roll(drive.pressure_pa, -1)).max() < 100.0
