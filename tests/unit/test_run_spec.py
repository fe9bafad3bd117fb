"""What a run folder's spec accepts, and what it says when it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from run_folders import tube_spec

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.spec import (
    SCHEMA_VERSION,
    CoronaryOutlet,
    MeasuredProfile,
    PressureInlet,
    PressureOutlet,
    RcrOutlet,
    ResistanceOutlet,
    RunSpec,
    SplitOutlet,
    Waveform,
)
from solvers.doctor.causes import CAUSES


def test_a_spec_survives_being_written_and_read() -> None:
    spec = replace(
        tube_spec(),
        inlets=(replace(tube_spec().inlets[0], profile="mapped", measured=MeasuredProfile("profile.npz", "0" * 64)),),
        pressure_inlets=(PressureInlet(8, "source", Waveform.constant(1.1e4)),),
        outlets=(
            *tube_spec().outlets,
            PressureOutlet(9, "pressure", Waveform.constant(1e4), (0.0, 1.0, 2.0)),
            ResistanceOutlet(10, "resistance", 1e8),
            CoronaryOutlet(11, "coronary", Waveform.constant(0.0), 1e9, 1e-12, 1e9, 1e-11, 1e9, 1e4),
            SplitOutlet(12, "split", 0.2),
        ),
    )
    assert RunSpec.from_json(spec.to_json()) == spec


def _split(patch_id: int, share: float) -> dict[str, Any]:
    return {"patch_id": patch_id, "name": f"split {patch_id}", "share": share, "kind": "split"}


def _source(times: list[float], values: list[float]) -> dict[str, Any]:
    return {"patch_id": 9, "name": "source", "pressure": {"t": times, "values": values}}


def _edited(change: Callable[[dict[str, Any]], Any]) -> str:
    raw = json.loads(tube_spec().to_json())
    change(raw)
    return json.dumps(raw)


@pytest.mark.parametrize(
    ("change", "must_say"),
    [
        (lambda raw: raw["fluid"].update(density=1.06), "density of blood"),
        (lambda raw: raw["fluid"].update(viscosity="thin"), "must be a number"),
        (lambda raw: raw["outlets"][0].update(kind="spring"), "rcr, pressure, resistance, coronary, split"),
        (lambda raw: raw["outlets"][0].pop("p_initial"), "p_initial"),
        (lambda raw: raw["outlets"].clear(), "no outlet"),
        (lambda raw: raw["inlets"].clear(), "no inlet"),
        (lambda raw: raw["inlets"][0].update(patch_id=1), "used twice"),
        (lambda raw: raw["inlets"][0].update(profile="jet"), "parabolic"),
        (lambda raw: raw["inlets"][0]["flow"].update(t=[0, 0.1, 0.2, 0.3, 0.5, 0.9]), "outside 0 to 0.8 s"),
        (lambda raw: raw["inlets"][0]["flow"].update(t=[0, 0.2, 0.1, 0.3, 0.5, 0.7]), "do not increase"),
        (lambda raw: raw["inlets"][0]["flow"].update(values=[0.0]), "one value for each time"),
        (lambda raw: raw["time"].update(steps_per_cycle=0.5), "whole number"),
        (lambda raw: raw["time"].update(max_cycles=1), "max_cycles"),
        (lambda raw: raw["output"].update(fields_per_cycle=41), "do not fit"),
        (lambda raw: raw.update(schema_version=99), "newer version of the program"),
        (lambda raw: raw.update(schema_version="1"), "schema_version '1'"),
        (lambda raw: raw.update(outlets=[_split(4, 0.4)]), "nothing sets the pressure"),
        (lambda raw: raw["outlets"].extend([_split(4, 0.6), _split(5, 0.4)]), "add up to 1 "),
        (lambda raw: raw["inlets"][0].update(profile="mapped"), "give both or neither"),
        (lambda raw: raw["pressure_inlets"].append(_source([0.0, 0.1], [1.0, 2.0])), "only 2 samples"),
        (lambda raw: raw.update(turbulence=True), "unknown entry 'turbulence'"),
    ],
)
def test_a_wrong_spec_is_refused_with_a_sentence_that_names_the_place(
    change: Callable[[dict[str, Any]], Any], must_say: str
) -> None:
    with pytest.raises(RunError) as refusal:
        RunSpec.from_json(_edited(change))
    assert refusal.value.code in CAUSES, "the Doctor knows it"
    assert refusal.value.exit_code is ExitCode.BAD_SPEC
    assert must_say in refusal.value.message


VERSION_1 = """{"mesh": {"sha256": "00", "path": "mesh.npz"},
 "inlets": [{"patch_id": 2, "name": "inlet", "flow": {"t": [0.0], "values": [1e-06]}, "profile": "blunt",
   "extension_start": null}],
 "outlets": [{"patch_id": 3, "name": "outlet", "r_proximal": 1e8, "c": 1e-9, "r_distal": 1e9, "p_initial": 1e4,
   "p_distal": 0.0, "extension_start": null, "kind": "rcr"}],
 "time": {"period": 0.8, "steps_per_cycle": 40, "min_cycles": 2, "max_cycles": 6, "periodicity_limit": 0.01,
   "ramp": 0.05},
 "wall_patch_ids": [1], "fluid": {"density": 1060.0, "viscosity": 0.0035},
 "numerics": {"velocity_tolerance": 1e-05, "pressure_tolerance": 1e-08, "backflow_beta": 1.0, "supg": true,
   "refactor_every": 10, "max_cfl": 100.0},
 "output": {"fields_per_cycle": 20, "checkpoint_every": 100}, "tuning": null, "schema_version": 1}"""


def test_a_spec_of_version_1_is_read_and_written_as_the_present_one() -> None:
    spec = RunSpec.from_json(VERSION_1)
    assert spec.schema_version == SCHEMA_VERSION
    assert spec.pressure_inlets == () and spec.inlets[0].flow == Waveform.constant(1e-6)
    assert spec.outlets == (RcrOutlet(3, "outlet", 1e8, 1e-9, 1e9, 1e4),)
    assert RunSpec.from_json(spec.to_json()) == spec


def test_text_that_is_no_json_is_refused() -> None:
    with pytest.raises(RunError, match="not valid JSON"):
        RunSpec.from_json("{")


def test_a_waveform_may_repeat_its_first_sample_at_the_period_but_must_close() -> None:
    assert Waveform((0.0, 0.2, 0.4, 0.8), (1.0, 2.0, 3.0, 1.0)).problem(0.8) is None
    assert "does not close" in str(Waveform((0.0, 0.2, 0.4, 0.8), (1.0, 2.0, 3.0, 2.0)).problem(0.8))


def test_a_checkpoint_serves_more_cycles_but_no_other_fluid() -> None:
    spec = tube_spec()
    longer = replace(spec, time=replace(spec.time, max_cycles=20, periodicity_limit=0.001))
    thicker = replace(spec, fluid=replace(spec.fluid, viscosity=0.004))
    assert longer.fingerprint == spec.fingerprint
    assert thicker.fingerprint != spec.fingerprint
