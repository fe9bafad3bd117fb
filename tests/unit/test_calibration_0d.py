"""A lumped tree calibrated to what a "3D" solution shows: here another lumped tree, whose coefficients are known."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest

from app.case.bundle import OpenCase
from app.case.commands import SetParameters
from app.case.errors import CaseError
from app.workflow.calibrate import STEP, Calibration, calibration_of, observation
from app.workflow.reduced_bench import made_case
from app.workflow.what_if import Change, Stenosis, WhatIf
from solvers.contract.errors import RunError
from solvers.contract.openings import ResistanceOutlet, Waveform
from solvers.network.zero_d.calibration import Observation, calibrate, path_to
from solvers.network.zero_d.network import Network, Vessel, network
from solvers.network.zero_d.solve import Inflow, periodic, samples_of, steady
from solvers.verification.calibration_checks import LEVELS, SHAPES, lumped, rows_of
from solvers.verification.zero_d_checks import random_tree

TRUE = network(
    [Vessel("a", None, 1e6, 2e10, 2e5), Vessel("b", "a", 2e7, 3e12, 1e6), Vessel("c", "a", 1e7, 0.0, 2e6)],
    [("b", ResistanceOutlet(0, "b", 2e8)), ("c", ResistanceOutlet(0, "c", 3e8))],
)
GUESS = replace(TRUE, vessels=tuple(replace(v, resistance=1.5 * v.resistance, loss=0.5 * v.loss) for v in TRUE.vessels))


def _steady(tree: Network, flows: tuple[float, ...]) -> Observation:
    states = [steady(samples_of(tree, Inflow(Waveform.constant(flow)))) for flow in flows]
    ends = [tree.names.index(name) for name, _ in tree.outlets]
    return Observation.steady(
        tuple(name for name, _ in tree.outlets),
        np.array([state.flow[0, ends] for state in states]),
        np.array([state.pressure_out[0, ends] for state in states]),
        np.array([state.pressure_in[0, 0] for state in states]),
    )


def test_three_steady_flows_foretell_others() -> None:
    found = calibrate(GUESS, _steady(TRUE, (1e-5, 4e-5, 8e-5)))
    assert found.miss < 1e-3 < found.miss_before
    assert found.flow_range == pytest.approx((1e-5, 8e-5))
    for flow in (2e-5, 6e-5):
        inflow = Inflow(Waveform.constant(flow))
        wanted, got = (steady(samples_of(tree, inflow)) for tree in (TRUE, found.network))
        drop = [state.pressure_in[0, 0] - state.pressure_out[0, 1:] for state in (got, wanted)]
        assert drop[0] == pytest.approx(drop[1], rel=5e-3)  # of the whole ways; the parts cannot be told apart
    assert [v.inertance for v in found.network.vessels] == pytest.approx([v.inertance for v in GUESS.vessels], rel=1e-6)


def test_a_beat_shows_inertance_too() -> None:
    times = np.linspace(0.0, 0.8, 80, endpoint=False)
    flow = 3e-5 * (1.0 + 0.8 * np.sin(2.0 * np.pi * times / 0.8))
    beat = periodic(TRUE, Inflow(Waveform(tuple(times.tolist()), tuple(flow.tolist())), 0.8))
    ends = [beat.names.index(name) for name, _ in TRUE.outlets]
    seen = Observation.beat(
        ("b", "c"), beat.flow_out[:, ends], beat.pressure_out[:, ends], beat.pressure_in[:, 0], beat.dt
    )
    off = replace(GUESS, vessels=tuple(replace(v, inertance=2.0 * v.inertance) for v in GUESS.vessels))
    found = calibrate(off, seen)
    assert found.miss < 0.01 < found.miss_before
    whole = {name: sum(found.network.vessel(v).inertance for v in path_to(TRUE, name)) for name in ("b", "c")}
    assert whole == pytest.approx({"b": 1.2e6, "c": 2.2e6}, rel=0.05)


def test_too_few_flows_and_other_outlets_are_refused() -> None:
    with pytest.raises(RunError, match="cannot be told apart at one flow") as caught:
        calibrate(GUESS, _steady(TRUE, (4e-5,)))
    assert caught.value.code == "too_few_runs"
    with pytest.raises(RunError, match="cannot be told apart at one flow"):
        calibrate(GUESS, _steady(TRUE, (4e-5, 4.1e-5)))
    other = replace(_steady(TRUE, (1e-5, 4e-5)), ends=("b", "x"))
    with pytest.raises(RunError, match="are not those of the tree"):
        calibrate(GUESS, other)


def test_a_3d_like_drop_is_foretold_within_two_percent() -> None:
    for shape in SHAPES:
        tree, options = lumped(shape)
        assert tree.names == ("tube",) and options.junctions == "total"
    q = np.array(LEVELS)
    for row in rows_of(SHAPES[3], 170.0 * q + 72.0 * q**2):
        assert row.as_dict()["passed"], row


def _calibrated_case(tmp_path: Path) -> tuple[Calibration, WhatIf]:
    case = made_case()
    vessels = WhatIf(case).network.vessels
    six = {v.name: (v.resistance, v.loss, v.inertance, 2.0 * v.resistance, v.loss, v.inertance) for v in vessels}
    kept = Calibration("m", ("run-1",), 10.0, 50.0, 0.01, 0.3, "total", six)
    return kept, WhatIf(replace(case, calibration=kept))


def test_what_a_calibration_found_stays_when_a_stenosis_is_put_in(tmp_path: Path) -> None:
    kept, model = _calibrated_case(tmp_path)
    plain = WhatIf(made_case())
    end = plain.case.patient.tree.ends[0]
    change = Change((Stenosis(end, 60.0, 0.5),))
    for name in (end, "v0"):
        extra = model.network.vessel(name).resistance - plain.network.vessel(name).resistance
        assert extra == pytest.approx(kept.coefficients[name][0], rel=1e-9)
    assert any("Calibrated to run-1" in note and "but now 83 mL/s flow" in note for note in model.answer(change).notes)
    assert not any("Calibrated" in note for note in plain.answer(change).notes)


def test_a_case_remembers_its_calibration_only_for_its_own_model(tmp_path: Path) -> None:
    kept, _ = _calibrated_case(tmp_path)
    with OpenCase.create(tmp_path / "a.case", "A") as opened:
        assert calibration_of(opened.case) is None
        opened.do(SetParameters(STEP, json.loads(json.dumps(asdict(kept)))))
        assert calibration_of(opened.case) is None  # the case has no model of that digest
    stored = opened.case.parameters[STEP]
    same = opened.case.model_copy(update={"parameters": {STEP: {**stored, "model": None}}})
    assert calibration_of(same) == replace(kept, model=None)  # type: ignore[arg-type]


def test_folders_that_are_no_finished_runs_are_refused(tmp_path: Path) -> None:
    setup = made_case().setup
    with pytest.raises(CaseError, match="is no run"):
        observation(tmp_path, setup)
    (tmp_path / "spec.json").write_text("{}")
    with pytest.raises(CaseError, match="has not finished"):
        observation(tmp_path, setup)


def test_the_made_tree_is_the_checks_tree() -> None:
    assert made_case().patient.tree.names == random_tree(0, 20)[0].names
