"""What a run folder's spec accepts, and what it says when it does not."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from run_folders import tube_spec

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.spec import PressureOutlet, RunSpec, Waveform


def test_a_spec_survives_being_written_and_read() -> None:
    spec = replace(
        tube_spec(),
        outlets=(*tube_spec().outlets, PressureOutlet(9, "pressure", Waveform.constant(1e4), (0.0, 1.0, 2.0))),
    )
    assert RunSpec.from_json(spec.to_json()) == spec


def _edited(change: Callable[[dict[str, Any]], Any]) -> str:
    raw = json.loads(tube_spec().to_json())
    change(raw)
    return json.dumps(raw)


@pytest.mark.parametrize(
    ("change", "must_say"),
    [
        (lambda raw: raw["fluid"].update(density=1.06), "density of blood"),
        (lambda raw: raw["fluid"].update(viscosity="thin"), "must be a number"),
        (lambda raw: raw["outlets"][0].update(kind="spring"), "rcr, pressure"),
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
        (lambda raw: raw.update(schema_version=99), "schema_version 99"),
        (lambda raw: raw.update(turbulence=True), "unknown entry 'turbulence'"),
    ],
)
def test_a_wrong_spec_is_refused_with_a_sentence_that_names_the_place(
    change: Callable[[dict[str, Any]], Any], must_say: str
) -> None:
    with pytest.raises(RunError) as refusal:
        RunSpec.from_json(_edited(change))
    assert refusal.value.code == "bad_spec"
    assert refusal.value.exit_code is ExitCode.BAD_SPEC
    assert must_say in refusal.value.message


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
