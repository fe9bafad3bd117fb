"""An ill-posed run in a case is refused, told, and mended by the Doctor; the old run stays as it was."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from conftest import SIMULATE
from e2e_program import Ask, assert_refused_in_json
from e2e_runs import current_run

from solvers.contract.spec import Waveform, read_spec, write_spec
from solvers.contract.state import RunState, write_state

pytestmark = [pytest.mark.e2e, pytest.mark.mpi]


def test_a_wrong_sign_is_refused_and_turned(own_case: Path, ask: Ask) -> None:
    assert ask("simulate", own_case, *SIMULATE, "--prepare").exit_code == 0
    folder = current_run(own_case)
    sound = ask("check", own_case, "--json")
    assert sound.exit_code == 0 and sound.value["is_runnable"], sound.out
    assert {"reynolds", "womersley", "expected_time"} <= {finding["code"] for finding in sound.value["findings"]}
    assert ask("doctor", own_case, "--json").value["code"] == "healthy"
    spec = read_spec(folder)
    flow = spec.inlets[0].flow
    turned = Waveform(flow.t, tuple(-value for value in flow.values))
    write_spec(folder, replace(spec, inlets=(replace(spec.inlets[0], flow=turned),)))
    checked = ask("check", own_case, "--json")
    assert checked.exit_code == 1 and checked.value["findings"][0]["code"] == "inflow_sign"
    told = ask("doctor", own_case, "--json").value
    assert told["code"] == "inflow_sign" and told["fixes"][0]["id"] == "turn_sign"
    done = ask("doctor", own_case, "--apply", "--json").value["done"]
    assert "start it" in done and current_run(own_case) != folder
    assert read_spec(current_run(own_case)).inlets[0].flow == flow
    assert read_spec(folder).inlets[0].flow == turned, "the old run stays as it was"
    assert ask("check", own_case).exit_code == 0


def test_a_finer_mesh_is_made_and_the_run_prepared_again(own_case: Path, ask: Ask) -> None:
    folder = current_run(own_case)
    write_state(folder, RunState("failed", "mesh_too_coarse", "Only 1.2 cells lie across the lumen."))
    before = len(read_spec(folder).mesh.sha256), ask("info", own_case, "--json").value
    told = ask("doctor", own_case, "--apply", "--json").value
    assert told["code"] == "mesh_too_coarse" and "prepared" in told["done"]
    assert current_run(own_case) != folder and before[0] == 64
    assert (current_run(own_case) / "mesh.npz").stat().st_size > 1.2 * (folder / "mesh.npz").stat().st_size


def test_what_only_a_person_can_do_is_said(own_case: Path, ask: Ask) -> None:
    write_state(current_run(own_case), RunState("failed", "no_mpiexec", "The program's MPI is missing."))
    assert_refused_in_json(ask("doctor", own_case, "--apply", "--json"), "no_such_fix", "by itself")
