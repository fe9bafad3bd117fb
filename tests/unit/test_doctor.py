"""The Doctor's table is whole and written down, and what it does to a spec takes the cause away."""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_folders import tube_mesh, tube_spec

from solvers.contract.mesh_file import write_mesh
from solvers.contract.spec import Fluid, MeshFile, RcrOutlet, RunSpec, Time, Waveform, write_spec
from solvers.contract.state import RunState, write_state
from solvers.doctor.causes import CAUSES, page
from solvers.doctor.diagnosis import diagnose
from solvers.doctor.fixes import FIXES
from solvers.preflight.check import preflight
from solvers.verification.meshes import OUTLET

ROOT = Path(__file__).parents[2]
MESH = tube_mesh(3, 6)


def test_the_written_table_is_the_declared_one() -> None:
    assert (ROOT / "docs" / "solver-doctor.md").read_text(encoding="utf-8").endswith(page())


def test_every_cause_names_things_that_exist_and_every_thing_is_named() -> None:
    named = {name for cause in CAUSES.values() for name in cause.fixes}
    assert named <= set(FIXES)
    assert set(FIXES) - named <= {"supg_on", "pressure_from_mmhg", "thinner_layers"}, "for warnings, by hand"


def codes_of(call: ast.Call) -> set[str]:
    """The codes of errors that a call to RunError, refuse or Finding in a source file can give."""
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    words = [node.value for node in ast.walk(call) if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    if name == "Finding":
        can_refuse = "error" in [w.value for w in ast.walk(call.args[1]) if isinstance(w, ast.Constant)]
        first = call.args[0].body if isinstance(call.args[0], ast.IfExp) else call.args[0]
        return {first.value} if can_refuse and isinstance(first, ast.Constant) else set()
    if name == "RunError":
        return {call.args[0].value} if isinstance(call.args[0], ast.Constant) else set()
    if name in ("refuse", "_refuse"):
        return {word for word in words if re.fullmatch(r"[a-z]+(_[a-z]+)+", word)}
    return set()


def test_every_code_that_refuses_or_ends_a_run_is_in_the_table() -> None:
    found: set[str] = set()
    for room in ("contract", "preflight", "run"):
        for path in (ROOT / "solvers" / room).glob("*.py"):
            calls = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)]
            found |= {code for call in calls for code in codes_of(call)}
    assert len(found) > 35
    assert found - set(CAUSES) == {"diverged"}, "which diagnosis.py takes apart"


SPEC = replace(
    tube_spec(),
    outlets=(RcrOutlet(OUTLET, "outlet", 1e8, 1e-9, 1.4e9, p_initial=1e4),),
    time=Time(0.8, 400),
)


def flow(factor: float) -> RunSpec:
    curve = SPEC.inlets[0].flow
    scaled = Waveform(curve.t, tuple(factor * value for value in curve.values))
    return replace(SPEC, inlets=(replace(SPEC.inlets[0], flow=scaled),))


def open_curve() -> RunSpec:
    t = np.linspace(0.0, 0.78, 40)
    ramp = Waveform(tuple(t.tolist()), tuple((2e-5 * t).tolist()))
    return replace(SPEC, inlets=(replace(SPEC.inlets[0], flow=ramp),))


CGS = replace(SPEC, outlets=(RcrOutlet(OUTLET, "outlet", 1e3, 1e-6, 1.4e4, p_initial=1e4),))
FEW = replace(SPEC, time=Time(0.8, 5), output=replace(SPEC.output, fields_per_cycle=1))
ILL: tuple[tuple[str, str, RunSpec], ...] = (
    ("inflow_sign", "turn_sign", flow(-1.0)),
    ("inflow_units", "flow_from_ml_s", flow(1e6)),
    ("viscosity_absurd", "viscosity_from_poise", replace(SPEC, fluid=Fluid(viscosity=0.035))),
    ("viscosity_absurd", "viscosity_of_blood", replace(SPEC, fluid=Fluid(viscosity=2e-4))),
    ("resistance_absurd", "outlets_from_cgs", CGS),
    ("waveform_open", "close_waveform", open_curve()),
    ("time_step_too_large", "smaller_step", FEW),
)


@pytest.mark.parametrize(("code", "fix", "spec"), ILL, ids=[row[1] for row in ILL])
def test_a_change_of_the_spec_takes_its_cause_away(code: str, fix: str, spec: RunSpec) -> None:
    errors = [finding.code for finding in preflight(spec, MESH) if finding.level == "error"]
    assert code in errors and fix in CAUSES[code].fixes
    change = FIXES[fix].change
    assert change is not None
    mended = change(spec)
    assert [finding for finding in preflight(mended, MESH) if finding.level == "error"] == []


def test_switches_and_steps_change_what_they_say() -> None:
    off = replace(SPEC, numerics=replace(SPEC.numerics, backflow_beta=0.0, supg=False, max_halvings=0, max_cfl=3.0))
    for name, wanted in (("backflow_on", {"backflow_beta": 1.0}), ("supg_on", {"supg": True}),
                         ("allow_halving", {"max_halvings": 10, "max_cfl": 100.0})):  # fmt: skip
        change = FIXES[name].change
        assert change is not None
        assert {key: getattr(change(off).numerics, key) for key in wanted} == wanted
    for name in ("longer_extension", "finer_mesh", "coarser_mesh", "thinner_layers"):
        step = FIXES[name].step
        assert step is not None and step.parameter and step.factor != 1.0


@pytest.mark.parametrize(
    ("status", "code", "cause"),
    [("failed", "disk_full", "disk_full"), ("killed", "killed", "killed"), ("finished", None, "healthy"),
     ("running", None, "healthy"), ("failed", "internal", "internal"), ("failed", "bad_target", "bad_target")],
)  # fmt: skip
def test_the_end_of_a_run_is_looked_up(tmp_path: Path, status: str, code: str | None, cause: str) -> None:
    write_spec(tmp_path, replace(SPEC, mesh=MeshFile(write_mesh(tmp_path, MESH))))
    write_state(tmp_path, RunState(status, code, "It ended."))  # type: ignore[arg-type]
    found = diagnose(tmp_path)
    assert found.code == cause
    assert bool(found.fixes) == (cause != "healthy")


def test_a_code_from_elsewhere_is_not_hidden(tmp_path: Path) -> None:
    write_state(tmp_path, RunState("failed", "sunspots", "The sun did it."))
    found = diagnose(tmp_path)
    assert (found.code, found.sentence) == ("sunspots", "The sun did it.") and found.fixes
