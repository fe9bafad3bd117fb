"""A surface made elsewhere becomes a case: its unit, its openings, files of conditions, and what is refused."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from e2e_program import Ask, assert_refused, assert_refused_in_json, assert_sound, assert_whole, files_of

from imaging.surface.polydata import to_polydata
from imaging.surface.surface_io import read_model, write_surface
from imaging.types import Surface
from sample_data.phantoms import y_bifurcation
from sample_data.phantoms.surface import exact_surface
from solvers.contract.spec import read_spec

pytestmark = [pytest.mark.e2e]

INFLOW_ML_S = 20.0


@cache
def bifurcation() -> Surface:
    """A Y of tubes, 1 on the wall, 2, 3, 4 on its caps (inlet first), mm."""
    return exact_surface(y_bifurcation(), 1.2)


def write_vtp(path: Path, scale: float = 0.1) -> Path:
    """As the Vascular Model Repository writes it: in cm, a number for each face."""
    surface = bifurcation()
    faces = surface.triangle_data["patch"].astype(np.int32)
    write_surface(Surface(surface.points * scale, surface.triangles, {}, {"ModelFaceID": faces}), path)
    return path


def write_stl(path: Path, points: np.ndarray, triangles: np.ndarray) -> Path:
    from vtkmodules.vtkIOGeometry import vtkSTLWriter

    writer = vtkSTLWriter()
    writer.SetFileName(str(path))
    writer.SetInputData(to_polydata(points, triangles))
    writer.Write()
    return path


def write_conditions(folder: Path) -> None:
    """An inflow that counts in as negative, and Windkessels whose order is not that of the outlets; cgs."""
    time = np.linspace(0.0, 0.8, 21)
    flow = -INFLOW_ML_S * (1.0 - 0.5 * np.cos(2.0 * np.pi * time / 0.8))
    (folder / "inflow.flow").write_text("".join(f"{t:.4f} {q:.6f}\n" for t, q in zip(time, flow, strict=True)))
    block = "2\n{name}\n500.0\n0.00001\n9500\n0.0 0.0\n1.0 0.0\n"
    (folder / "rcrt.dat").write_text("2\n" + block.format(name="cap_second"))
    (folder / "resistance.dat").write_text("first 10000.0\n")


@pytest.mark.mpi
def test_a_bifurcation_in_cm_goes_to_a_report(tmp_path: Path, ask: Ask) -> None:
    source, case = write_vtp(tmp_path / "model.vtp"), tmp_path / "y.case"
    imported = ask("import", source, case, "--unit", "cm", "--name", "2=in", "3=first", "4=second", "--json")
    assert imported.exit_code == 0, imported.err
    facts = imported.value["facts"]
    exact = y_bifurcation()
    radii = {opening["id"]: opening["radius_mm"] for opening in facts["openings"]}
    assert radii == pytest.approx({n: end.radius_mm for n, end in enumerate(exact.ends, 2)}, rel=0.02)

    model = ask("model", case, "--edge-radii", "0.5", "--json")  # the names are remembered
    assert model.exit_code == 0, model.err
    assert model.value["facts"]["surface_deviation_p95_mm"] < 0.05 * min(radii.values())
    made = read_model(case / "models" / model.value["id"])
    assert {patch.name: patch.kind for patch in made.patches} == {
        "wall": "wall",
        "in": "inlet",
        "first": "outlet",
        "second": "outlet",
    }
    assert ask("mesh", case, "--level", "coarse", "--edge-scale", "1.5").exit_code == 0

    write_conditions(tmp_path)
    files = ("--inflow", tmp_path / "inflow.flow", "--outlets", f"{tmp_path}/rcrt.dat,{tmp_path}/resistance.dat")
    given = (*files, "--inflow-unit", "mL/s", "--units", "cgs")
    quick = ("--steps-per-cycle", "60", "--max-cycles", "6", "--fields-per-cycle", "4", "--periodicity-limit", "0.02")
    run = ask("simulate", case, *given, *quick, "--json")
    assert run.exit_code == 0, run.err
    results = ask("results", case, "--n-streamlines", "5", "--json")
    assert results.exit_code == 0, results.err
    mean = results.value["facts"]["mean_flow_ml_s"]
    assert mean["in"] == pytest.approx(INFLOW_ML_S, rel=0.01)  # turned: the file counts in as negative
    # 10 000 dyn s/cm5 are 7.5 mmHg s/mL: with half the flow each, 75 mmHg behind both outlets.
    assert results.value["facts"]["pressures_mmhg"]["first"]["mean"] == pytest.approx(
        mean["first"] * 10_000 / 1333.22, rel=0.02
    )
    report = ask("report", case, "--json")
    assert report.exit_code == 0, report.err
    assert (case / report.value["files"]["pdf"]["path"]).stat().st_size > 50_000
    assert_sound(case, ask)

    limits = ("--steady-limit", "0.02", "--steps-per-cycle", "0")
    steady = ask("simulate", case, *given, "--flow", "steady", *limits, "--json")
    assert steady.exit_code == 0, steady.err
    results = ask("results", case, "--json")
    assert results.exit_code == 0, results.err
    facts = results.value["facts"]
    assert facts["flow"] == "steady" and facts["run"]["periodicity_error"] <= 0.02
    assert not {"osi_max", "peak_inflow_ml_s", "pressure_drop_peak_flow_mmhg"} & set(facts)
    flow, pressure = facts["mean_flow_ml_s"], facts["pressures_mmhg"]
    assert flow["in"] == pytest.approx(INFLOW_ML_S, rel=1e-3)  # the mean of the file
    for name in ("first", "second"):  # both feed 10 000 dyn s/cm5, one of them by a Windkessel's two resistances
        assert pressure[name] == {"mean": pytest.approx(flow[name] * 10_000 / 1333.22, rel=2e-3)}
    report = ask("report", case, "--json")
    assert report.exit_code == 0, report.err
    written = json.loads((case / report.value["files"]["json"]["path"]).read_text())
    assert written["heart_rate_bpm"] is None and written["osi_max"] is None
    assert {check["name"]: check["state"] for check in written["checks"]}["Change from filling to filling"] == "met"
    assert not [name for name, _ in written["definitions"] if "Oscillatory" in name]

    shared = ("--inflow", tmp_path / "inflow.flow", "--inflow-unit", "mL/s", "--flow", "steady", *limits)
    for wrong, words in (("nowhere=0.2", "first, second"), ("first=1.2", "between 0 and 1"), ("first", "left=0.3"),
                         ("first=0.2,second=0.2", "leave one of them out")):  # fmt: skip
        assert_refused(ask("simulate", case, *shared, "--further-inlets", wrong, "--prepare"), words)
    two = ask("simulate", case, *shared, "--further-inlets", "first=0.25", "--json")
    assert two.exit_code == 0, two.err
    assert ask("check", case).exit_code == 0
    results = ask("results", case, "--json")
    assert results.exit_code == 0, results.err
    flow = results.value["facts"]["mean_flow_ml_s"]
    whole = {"in": 0.75 * INFLOW_ML_S, "first": 0.25 * INFLOW_ML_S, "second": INFLOW_ML_S}
    assert flow == {name: pytest.approx(value, rel=1e-3) for name, value in whole.items()}
    sections = ask("sections", case, "--json").value
    assert {row["branch"] for row in sections} == {branch.name for branch in made.centerlines.branches}
    assert sections == results.value["facts"]["sections"]
    for name in ("first", "second"):  # the last section of a vessel; normals point away from the model's own inlet
        last = [row for row in sections if row["branch"] == name][-1]
        assert last["mean_flow_ml_s"] == pytest.approx({"first": -flow["first"]}.get(name, flow[name]), rel=0.02)

    other = tmp_path / "other.flow"
    other.write_text("".join(f"{t / 20:.4f} {-3.0 - np.sin(2 * np.pi * t / 16):.6f}\n" for t in range(17)))
    own = ("--further-inlets", "", "--further-inflows", f"first={other}", "--flow", "pulsatile", *quick)
    answer = ask("simulate", case, *shared[:4], *own, "--prepare", "--json")
    assert answer.exit_code == 0, answer.err
    assert answer.value["facts"]["mean_inflow_ml_s"] == pytest.approx({"in": INFLOW_ML_S, "first": 3.0}, rel=1e-3)
    assert answer.value["facts"]["from_files"] == ["inflow", "further_inflows"]
    spec = read_spec(case / "runs" / answer.value["id"])
    assert [inlet.name for inlet in spec.inlets] == ["in", "first"] and spec.tuning is not None
    assert spec.inlets[1].flow.values[4] == pytest.approx(4e-6) and len(spec.outlets) == 1


def test_a_size_that_does_not_settle_the_unit_is_asked_about(tmp_path: Path, ask: Ask) -> None:
    source = write_vtp(tmp_path / "model.vtp", 0.5)
    answer = ask("import", source, tmp_path / "y.case", "--json")
    assert_refused_in_json(answer, "unit_unknown", "in mm it is", "in cm it is", "in m it is", "state the unit")
    assert not (tmp_path / "y.case").exists()
    assert_refused(ask("import", source, tmp_path / "y.case", "--unit", "m"), "no vessel model", "in mm it is")
    assert_refused(ask("import", source, tmp_path / "y.case", "--unit", "inch"), "mm, cm, m")
    assert ask("import", source, tmp_path / "y.case", "--unit", "mm").exit_code == 0


def test_an_open_surface_is_closed_and_one_without_ids_has_its_caps_found(tmp_path: Path, ask: Ask) -> None:
    surface = bifurcation()
    wall = surface.triangles[surface.triangle_data["patch"] == 1]
    for name, triangles, words in (("open", wall, "3 borders"), ("closed", surface.triangles, "sharp rim")):
        source = write_stl(tmp_path / f"{name}.stl", surface.points, triangles)
        answer = ask("import", source, tmp_path / f"{name}.case", "--json")
        assert answer.exit_code == 0, answer.err
        facts = answer.value["facts"]
        found = sorted(opening["radius_mm"] for opening in facts["openings"])
        assert found == pytest.approx(sorted(end.radius_mm for end in y_bifurcation().ends), rel=0.02)
        assert any(words in note for note in facts["notes"])
        assert facts["unit"] == "mm" and not facts["unit_is_stated"]


def test_what_cannot_bound_a_lumen_is_refused(tmp_path: Path, ask: Ask) -> None:
    surface = bifurcation()
    case = tmp_path / "y.case"
    pushed = surface.points.copy()
    on_wall = surface.points[surface.triangles[surface.triangle_data["patch"] == 1][40]].mean(axis=0)
    near = np.linalg.norm(pushed - on_wall, axis=1) < 2.0
    pushed[near] -= 4.0 * (on_wall - surface.points.mean(axis=0))
    patch = surface.triangle_data["patch"]
    holed = np.delete(surface.triangles, np.flatnonzero(patch == 1)[100], axis=0)
    twice = np.concatenate([surface.triangles, surface.triangles + len(surface.points)])
    both = np.concatenate([surface.points, surface.points + 100.0])
    (tmp_path / "empty.stl").write_bytes(b"")
    for source, words in (
        (write_stl(tmp_path / "crossing.stl", pushed, surface.triangles), ("crosses itself", "repair")),
        (write_stl(tmp_path / "two.stl", both, twice), ("2 separate pieces",)),
        (write_stl(tmp_path / "hole.stl", surface.points, holed), ("1 opening", "a way in and a way out")),
        (tmp_path / "empty.stl", ("damaged or holds no triangles",)),
        (tmp_path / "missing.vtp", ("no file",)),
    ):
        assert_refused(ask("import", source, case), *words)
        assert not case.exists()


def test_conditions_in_the_wrong_unit_or_on_no_outlet_are_refused(tmp_path: Path, ask: Ask) -> None:
    source, case = write_vtp(tmp_path / "model.vtp"), tmp_path / "y.case"
    assert ask("import", source, case, "--unit", "cm").exit_code == 0
    assert_refused(ask("model", case, "--inlet", "7"), "no opening '7'", "2 (radius")
    assert_refused(ask("segment", case), "no step Segment")
    assert ask("model", case, "--names", "3=first", "--edge-radii", "0.5").exit_code == 0
    assert ask("mesh", case, "--level", "coarse", "--edge-scale", "1.5").exit_code == 0
    before = files_of(case)
    write_conditions(tmp_path)
    inflow = ("--prepare", "--inflow", tmp_path / "inflow.flow")
    both = ("--outlets", f"{tmp_path}/rcrt.dat,{tmp_path}/resistance.dat", "--units", "cgs")
    assert_refused(ask("simulate", case, *inflow), "does not say the unit of its flow")
    assert_refused(ask("simulate", case, *inflow, "--inflow-unit", "L/min"), "check the unit", "m/s")
    assert_refused(
        ask("simulate", case, *inflow, "--inflow-unit", "mL/s", "--inflow-sign", "positive"), "state the other sign"
    )
    known = (*inflow, "--inflow-unit", "mL/s")
    assert_refused(ask("simulate", case, *known, "--outlets", tmp_path / "rcrt.dat"), "does not say its units", "cgs")
    assert_refused(ask("simulate", case, *known, *both), "cap_second", "face_4", "say which one")
    assert_refused(
        ask("simulate", case, *known, "--outlets", tmp_path / "resistance.dat", "--units", "cgs"), "nothing of face_4"
    )
    assert_whole(case, before, ask)
    answer = ask("simulate", case, *known, *both, "--pairs", "cap_second=face_4", "--json")
    assert answer.exit_code == 0, answer.err
    assert "cap_second" in answer.value["facts"]["outlet_pairs"]["face_4"]
    assert not any("no patient" in note for note in answer.value["facts"]["notes"])
