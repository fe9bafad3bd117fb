"""The 0D model of a finished case: the conditions of its run, what a change would do, calibration to the run."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from e2e_program import Ask

from app.case.bundle import OpenCase
from app.workflow.boundary_files import read_outlets
from app.workflow.cross_check_result import read_cross_check
from app.workflow.flow_setup import reduced_case, reduced_case_in
from app.workflow.network import network_of_case
from app.workflow.result_files import read_result
from app.workflow.simulate import run_folder
from app.workflow.what_if import WhatIf
from solvers.contract.files import SCALARS, SECTIONS
from solvers.contract.openings import Inlet, ResistanceOutlet, Waveform
from solvers.contract.spec import read_spec, write_spec
from solvers.contract.state import RunState, write_state

pytestmark = [pytest.mark.e2e, pytest.mark.mpi]


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--flow", "steady"),
        ("--outlet-model", "resistance", "--rheology", "casson"),
        ("--inflow-shape", "thoracic-aorta", "--inlet-share", "1"),
        ("--inflow-shape", "coronary", "--outlet-model", "coronary", "--inlet-share", "0.05"),
    ],
)
def test_0d_1d_and_3d_have_one_set_of_conditions(own_case: Path, ask: Ask, options: tuple[str, ...]) -> None:
    prepared = ask("simulate", own_case, "--prepare", *options)
    assert prepared.exit_code == 0, prepared.err
    with OpenCase.open(own_case, writable=False) as opened:
        spec = read_spec(run_folder(opened))
        of_run = reduced_case(opened)
        run = opened.case.current("run")
        assert run is not None
        records = [record for record in opened.case.records if record.kind != "run"]
        asked = {**opened.case.parameters, "simulate": run.recipe.parameters}
        before = opened.case.model_copy(update={"records": records, "parameters": asked})
        of_patient = reduced_case_in(opened.folder, before)
    assert (of_run.setup.origin, of_patient.setup.origin) == ("run", "patient")
    period = spec.time.period  # in steady flow the time that fills the vessel, which only the mesh tells
    assert replace(of_patient.setup, origin="run", period=period) == of_run.setup
    conditions = {outlet.name: outlet for outlet in spec.outlets}
    for case in (of_run, of_patient):
        setup = case.setup
        assert (setup.inlet, setup.inflow, setup.fluid) == (spec.inlets[0].name, spec.inlets[0].flow, spec.fluid)
        assert {outlet.name: outlet.condition for outlet in setup.outlets} == conditions
        assert setup.pressure_site == (spec.tuning.site if spec.tuning else setup.pressure_site)
        in_0d = WhatIf(case).network
        assert dict(in_0d.outlets) == {outlet.vessel: conditions[outlet.name] for outlet in setup.outlets}
        in_1d = network_of_case(case)
        inlet, *outlets = (terminal.condition for terminal in in_1d.terminals)
        assert isinstance(inlet, Inlet) and inlet.flow == spec.inlets[0].flow
        assert sorted(outlets, key=str) == sorted(conditions.values(), key=str)
        assert (in_1d.density, in_1d.viscosity) == (spec.fluid.density, spec.fluid.viscosity)


def test_reduced_models_take_another_inflow_than_the_run(own_case: Path, ask: Ask, tmp_path: Path) -> None:
    given = ("--inflow-shape", "thoracic-aorta", "--json")
    setup = ask("setup", own_case, *given).value
    assert setup["origin"] == "patient"
    curve = next(one for one in setup["assumptions"] if one["name"] == "Inflow curve")
    assert "Boileau" in curve["source"]
    part = next(one for one in setup["assumptions"] if one["name"].startswith("Part of the cardiac output"))
    mean = part["value"] * setup["cardiac_output_l_min"] * 1e3 / 60.0
    assert part["value"] == 0.7 and 1e6 * np.mean(setup["inflow"]["values"]) == pytest.approx(mean, rel=1e-6)
    entered = ask("whatif", own_case, *given).value["vessels"][0]["after"]["flow_ml_s"]
    waves = ask("network", own_case, "--spacing", "10", *given).value["vessels"][0]
    tuned = ask("tune", own_case, "--level", "0d", *given).value
    assert entered == pytest.approx(mean, rel=1e-3) and waves["mean_flow_ml_s"] == pytest.approx(mean, rel=0.02)
    assert all(row["met"] for row in tuned["targets"])
    file = tmp_path / "flow.dat"
    ask("inflow", "thoracic-aorta", own_case, "--out", file)
    of_file = ask("setup", own_case, "--inflow", file, "--inflow-unit", "mL/s", "--json").value
    assert of_file["inflow"]["values"] == pytest.approx(setup["inflow"]["values"], rel=1e-6, abs=1e-12)
    refused = ask("tune", own_case, "--level", "3d", *given)
    assert refused.exit_code == 1 and "leave out the inflow" in refused.err


def test_a_case_says_its_conditions_what_a_change_would_do_and_learns_from_its_run(own_case: Path, ask: Ask) -> None:
    setup = ask("setup", own_case, "--json").value
    assert setup["origin"] == "run"
    vessel = setup["outlets"][0]["vessel"]
    before = ask("whatif", own_case, "--stenosis", f"{vessel}:70:0.6", "--json").value
    narrowed = next(row for row in before["vessels"] if row["name"] == vessel)
    assert narrowed["after"]["flow_ml_s"] < narrowed["before"]["flow_ml_s"]
    kept = ask("calibrate", own_case, "--json").value
    assert kept["miss"] < kept["miss_before"]
    after = ask("whatif", own_case, "--json").value
    assert any(note.startswith("Calibrated to") for note in after["notes"])
    with OpenCase.open(own_case, writable=False) as opened:
        assert json.loads(json.dumps(opened.case.parameters["calibration"])) == kept
    wrong = ask("whatif", own_case, "--stenosis", "LAD:70")
    assert wrong.exit_code == 1 and "write BRANCH:PERCENT:POSITION" in wrong.err


def test_a_case_keeps_its_vessels_own_pressure_drop_and_its_models_take_it(
    own_case: Path, ask: Ask, tmp_path: Path
) -> None:
    with OpenCase.open(own_case, writable=False) as opened:
        spec, tree = read_spec(run_folder(opened)), reduced_case(opened).patient.tree
    vessel, (first, *_, last) = next(
        (part, inside)
        for part in tree.vessels
        for inside in [
            [s for s in spec.sections if s.branch == part.branch and 0.0 < s.arc_length - part.start < part.length]
        ]
        if len(inside) > 1
    )
    steady = replace(
        spec,
        time=replace(spec.time, mode="steady", steady_tolerance=1e-3, periodicity_limit=None),
        inlets=tuple(replace(inlet, flow=Waveform.constant(1e-5)) for inlet in spec.inlets),
        outlets=tuple(ResistanceOutlet(outlet.patch_id, outlet.name, 1e8, 0.0) for outlet in spec.outlets),
        tuning=None,
    )
    flows, folders = (1e-5, 4e-5), [tmp_path / "slow", tmp_path / "fast"]
    for flow, folder in zip(flows, folders, strict=True):
        folder.mkdir()
        write_spec(folder, steady)
        head = ",".join(f"{what}[{s.name}]" for s in (first, last) for what in ("flow", "pressure", "speed"))
        row = f"{flow},{2e7 * flow + 4e12 * flow**2},1,{flow},0,1"
        (folder / SECTIONS).write_text(f"step,time,cycle,phase,{head}\n1,1,0,0,{row}\n", encoding="utf-8")
        (folder / SCALARS).write_text("step,time,cycle,phase\n1,1,0,0\n", encoding="utf-8")
        write_state(folder, RunState("finished"))
    where = ("--from", first.name, "--to", last.name, "--case", own_case)
    kept = ask("stenosis-law", *folders, *where, "--json").value
    assert kept["vessel"] == vessel.name and kept["low_ml_s"] == pytest.approx(10.0)
    told = f"{vessel.name}: its own pressure drop from {first.name} to {last.name}, identified from slow, fast"
    own, published = (ask("whatif", own_case, "--own-laws", word, "--json").value for word in ("true", "false"))
    assert any(note.startswith(told) for note in own["notes"])
    assert not any("its own pressure drop" in note for note in published["notes"])
    drops = [
        row["after"]["pressure_in_mmhg"] - row["after"]["pressure_out_mmhg"]
        for answer in (own, published)
        for row in answer["vessels"]
        if row["name"] == vessel.name
    ]
    assert drops[0] > drops[1] + 0.5
    assert any(
        note.startswith(told) for note in ask("crosscheck", own_case, "--spacing-mm", "10", "--json").value["notes"]
    )
    assert any(first.name in one["name"] for one in ask("setup", own_case, "--json").value["assumptions"])
    wrong = ask("stenosis-law", *folders, "--from", last.name, "--to", first.name, "--case", own_case)
    assert wrong.exit_code == 1 and "exchange the two" in wrong.err
    assert ask("stenosis-law", "--case", own_case, "--forget", vessel.name).exit_code == 0
    assert not any("own pressure drop" in note for note in ask("whatif", own_case, "--json").value["notes"])


def test_results_hold_the_run_against_its_reduced_models(finished_case: Path, ask: Ask, tmp_path: Path) -> None:
    with OpenCase.open(finished_case, writable=False) as opened:
        result = opened.case.current("result")
        assert result is not None
        kept = read_cross_check(opened.path_of(result.files["cross_check"]))
        wall = read_result(*(opened.path_of(result.files[name]) for name in ("arrays", "curves"))).wall_fields
    of_run = {vessel.outlet: vessel for vessel in kept.vessels if vessel.outlet}
    for vessel in of_run.values():  # the outlets' conditions and the flow's balance are the same in all models
        of = {(d.quantity, d.model): d for d in vessel.differences}
        assert of["mean_flow", "1d"].in_model == pytest.approx(of["mean_flow", "1d"].in_3d, rel=0.15)
        assert of["mean_flow", "0d"].in_model == pytest.approx(of["mean_flow", "1d"].in_model, rel=0.05)
    values = [vessel.pressure_difference_mmhg for vessel in kept.vessels if vessel.pressure_difference_mmhg is not None]
    on_wall = wall["pressure_1d_less_3d_mmhg"].values
    assert on_wall.min() == pytest.approx(min(values), abs=1e-3) and on_wall.max() == pytest.approx(
        max(values), abs=1e-3
    )
    plot = tmp_path / "models.png"
    asked = ask("crosscheck", finished_case, "--plot", plot, "--json")
    assert asked.exit_code == 0 and plot.stat().st_size > 10_000
    assert [vessel["name"] for vessel in asked.value["vessels"]] == [vessel.name for vessel in kept.vessels]
    unknown = ask("crosscheck", finished_case, "--run", "run-0")
    assert unknown.exit_code == 1 and "The case has no run 'run-0'" in unknown.err


def test_a_finished_case_is_tuned_and_sampled(own_case: Path, ask: Ask, tmp_path: Path) -> None:
    tuned = ask("tune", own_case, "--level", "3d", "--out", tmp_path / "rcrt.dat", "--json").value
    assert tuned["corrections"] == 1 and {row["target"] for row in tuned["targets"]} >= {"systolic pressure"}
    names = [outlet["name"] for outlet in tuned["outlets"]]
    assert [block.label for block in read_outlets([tmp_path / "rcrt.dat"], "SI")] == names
    arguments = ("--samples", "8", "--workers", "1", "--out", tmp_path / "samples", "--json")
    bands = ask("ensemble", own_case, *arguments).value
    assert bands["n_failed"] == 0 and all(row["p5"] <= row["mean"] <= row["p95"] for row in bands["bands"])
    assert ask("ensemble", own_case, *arguments).value["n_found"] == 8
    few = ask("ensemble", own_case, "--samples", "1")
    assert few.exit_code == 1 and "2 to 1000000 samples" in few.err
