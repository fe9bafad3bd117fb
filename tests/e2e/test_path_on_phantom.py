"""From a DICOM folder to a report on a small arch whose truth is known, by the command line and from Python."""

from __future__ import annotations

import base64
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from conftest import MESH, MODEL, RESULTS, SEGMENT, SIMULATE
from e2e_phantom import SECRETS, SPACING_MM, arch_scan
from e2e_program import Answer, Ask, assert_sound, files_of, run_program

from app import NOT_FOR_DIAGNOSIS
from app.case.bundle import OpenCase
from app.case.files import sha256_of
from app.case.records import Record
from app.workflow.import_study import import_study
from app.workflow.steps import STEPS, run_step
from sample_data.phantoms import inscribed_radius_mm

pytestmark = [pytest.mark.e2e, pytest.mark.mpi]
OUTLETS = {"brachiocephalic", "left_common_carotid", "left_subclavian", "descending"}


def _streams_of(pdf: bytes) -> bytes:
    """A PDF's compressed streams, unpacked."""
    unpacked = []
    for stream in re.findall(rb"stream\r?\n(.*?)endstream", pdf, re.DOTALL):
        data = stream.strip()
        if data.endswith(b"~>"):
            data = base64.a85decode(data[:-2])
        try:
            unpacked.append(zlib.decompress(data))
        except zlib.error:
            unpacked.append(data)
    return b"\n".join(unpacked)


def stored(case: Path, kind: str) -> Record:
    with OpenCase.open(case, writable=False) as opened:
        record = opened.case.current(kind)  # type: ignore[arg-type]
        assert record is not None
        return record


def test_every_file_that_the_case_names_is_there_and_is_what_it_must_be(
    path_answers: dict[str, Answer], finished_case: Path
) -> None:
    written = json.loads((finished_case / "case.json").read_text(encoding="utf-8"))
    assert [record["kind"] for record in written["records"]] == [step.makes for step in STEPS.values()]
    assert all(record["files"] for record in written["records"])
    for ref in (ref for record in written["records"] for ref in record["files"].values()):
        path = finished_case / ref["path"]
        assert (sha256_of(path), path.stat().st_size) == (ref["sha256"], ref["n_bytes"])
    assert path_answers["info"].value["damaged_files"] == []
    assert all(record["stale_inputs"] == [] for record in path_answers["info"].value["records"])


def test_lumen_and_vessels_have_the_size_of_the_truth(path_answers: dict[str, Answer], finished_case: Path) -> None:
    from imaging.surface.surface_io import read_model

    rendered = arch_scan()
    true_ml = float(rendered.fraction.sum()) * rendered.volume.grid.voxel_volume_ml
    model = path_answers["model"].value["facts"]
    # The wall is placed within 0.2 mm of about 12 mm radius: 3.5 %; end planes within half a voxel of 145 mm: 1 %.
    assert model["wall_volume_ml"] == pytest.approx(true_ml, rel=0.045)
    assert model["is_watertight"] and model["n_outlets"] == 4
    assert abs(model["volume_change_relative"]) < 0.02
    for end in rendered.phantom.ends:
        found = model["cap_radius_mm"][end.name]
        if end.kind == "inlet":  # cut where the section is whole, between the annulus and the widest sinus
            assert 0.9 * end.radius_mm < found < 1.05 * rendered.phantom.parameters["sinus_radius_mm"]
        else:  # a tenth for a section across a slightly tilted line, and a quarter of a voxel for the wall
            assert found == pytest.approx(end.radius_mm, rel=0.1, abs=0.25 * SPACING_MM), end.name
    tree = read_model((finished_case / stored(finished_case, "model").files["surface"].path).parent).centerlines
    for branch in tree.branches:
        vessel = rendered.phantom.vessel(branch.name)
        points, radius = tree.points[list(branch.indices)], tree.radius_mm[list(branch.indices)]
        s, _ = vessel.curve.project(points)
        away = np.linalg.norm(points - vessel.curve.position(s), axis=1)
        # A wall within a fifth of a voxel, where vessels are 3 to 15 voxels wide; away from cut ends and junctions.
        inner = (s > (25.0 if branch.parent is None else 20.0)) & (s < vessel.curve.length_mm - 5.0)
        assert inner.sum() > 20
        error = np.abs(radius[inner] - inscribed_radius_mm(rendered.phantom, points[inner]))
        assert np.median(error) < 0.2 * SPACING_MM and error.max() < 0.5 * SPACING_MM, branch.name
        assert away[inner].max() < SPACING_MM, branch.name


def test_blood_is_conserved_and_shared_among_the_outlets(path_answers: dict[str, Answer]) -> None:
    assert path_answers["simulate"].value["status"] == path_answers["run"].value["status"] == "finished"
    facts = path_answers["results"].value["facts"]
    split = facts["flow_split"]
    assert set(split) == OUTLETS
    assert all(0.0 < share < 1.0 for share in split.values())
    assert sum(split.values()) == pytest.approx(1.0, abs=1e-3 + 4 * 5e-5)  # mass imbalance, four rounded shares
    assert facts["run"]["mass_imbalance_rel"] <= 1e-3
    assert facts["run"]["periodicity_error"] <= 0.2
    inflow = facts["mean_flow_ml_s"]["aortic_valve"]
    assert inflow == pytest.approx(5000.0 / 60.0, rel=0.01)  # the population's 5 L/min, sampled by 100 steps a beat
    assert sum(facts["mean_flow_ml_s"][name] for name in OUTLETS) == pytest.approx(inflow, rel=2e-3)
    assert 0.0 <= facts["osi_max"] <= 0.5
    assert 0.0 < facts["tawss_pa"]["p50"] < facts["tawss_pa"]["p99"] <= facts["tawss_pa"]["max"]


@pytest.mark.parametrize(
    ("name", "n_components", "cell"),
    [
        ("fields.vtkhdf", {"velocity_m_per_s": 3, "pressure_Pa": 1}, 10),
        ("wall.vtkhdf", {"wss_Pa": 3, "tawss_Pa": 1, "osi": 1, "rrt_per_Pa": 1}, 5),
    ],
)
def test_results_open_in_vtk_with_units_in_the_names(
    finished_case: Path, name: str, n_components: dict[str, int], cell: int
) -> None:
    from vtkmodules.util.numpy_support import vtk_to_numpy
    from vtkmodules.vtkIOHDF import vtkHDFReader

    folder = (finished_case / stored(finished_case, "run").files["spec"].path).parent
    reader = vtkHDFReader()
    reader.SetFileName(str(folder / name))
    reader.UpdateInformation()
    assert reader.GetNumberOfSteps() == 4
    reader.SetStep(2)
    reader.Update()
    grid = reader.GetOutput()
    assert grid.GetNumberOfCells() > 1000 and grid.GetCellType(0) == cell
    arrays = grid.GetPointData()
    found = {
        arrays.GetArrayName(n): arrays.GetArray(n).GetNumberOfComponents() for n in range(arrays.GetNumberOfArrays())
    }
    assert n_components.items() <= found.items(), found
    for array in n_components:
        values = vtk_to_numpy(arrays.GetArray(array))
        assert np.isfinite(values).all() and np.abs(values).max() > 0.0
    low, high = np.array(grid.GetBounds()).reshape(3, 2).T
    true_low, true_high = (1e-3 * x for x in arch_scan().phantom.bounds_mm)
    # In meters, where the patient is; extensions of up to 2.5 radii of the widest outlet stick out.
    assert (low > true_low - 0.045).all() and (high < true_high + 0.045).all()


def test_the_report_warns_on_a_page_and_compares_on_the_next(
    path_answers: dict[str, Answer], finished_case: Path
) -> None:
    pdf = (finished_case / path_answers["report"].value["files"]["pdf"]["path"]).read_bytes()
    assert len(re.findall(rb"/Type /Page\b", pdf)) == 2  # the second for the cross-check
    text = b" ".join(re.findall(rb"\((.*?)\) Tj", _streams_of(pdf), re.DOTALL)).decode("latin-1")
    assert NOT_FOR_DIAGNOSIS.lower() in text.lower() and "not for diagnostic use" in text.lower()
    assert "Small arch" in text
    for unit in ("mmHg", "Pa", "mL"):
        assert unit in text


def test_python_gives_the_records_that_the_command_line_gave(
    path_answers: dict[str, Answer], own_case: Path, tmp_path: Path
) -> None:
    """Every capability works both ways from one function, so the same input gives the same files and numbers."""

    def parameters(words: tuple[str, ...]) -> dict[str, str]:
        return {name[2:].replace("-", "_"): value for name, value in zip(words[::2], words[1::2], strict=True)}

    with OpenCase.open(own_case) as opened:
        # Downstream steps first: each works on the run and model that the command line left.
        made = {
            name: run_step(opened, name, values)
            for name, values in (
                ("results", parameters(RESULTS)),
                ("report", {}),
                ("segment", parameters(SEGMENT)),
                ("model", parameters(MODEL)),
                ("mesh", parameters(MESH)),
                ("simulate", parameters(SIMULATE)),
            )
        }
    told = {name: path_answers[name].value for name in ("segment", "model", "mesh", "results")}
    for name, record in told.items():
        plain = made[name].model_dump(mode="json")
        assert plain["facts"] == record["facts"], name
        assert plain["recipe"]["parameters"] == record["recipe"]["parameters"], name
        assert plain["recipe"]["inputs"] == record["recipe"]["inputs"], name
        hashes = {file: ref["sha256"] for file, ref in plain["files"].items()}
        assert hashes == {file: ref["sha256"] for file, ref in record["files"].items()}, name
    before = next(r for r in path_answers["info"].value["records"] if r["kind"] == "run")
    assert made["simulate"].facts == before["facts"]
    assert made["report"].facts == path_answers["report"].value["facts"]
    folder = Path(path_answers["folder"].out).parent / "Zwetschkenbaum Adalbert CT"
    imported = import_study(folder, tmp_path / "again.case", "Small arch").model_dump(mode="json")
    assert imported["facts"] == path_answers["import"].value["facts"]
    assert imported["files"]["volume"]["sha256"] == path_answers["import"].value["files"]["volume"]["sha256"]


def test_undo_and_redo_walk_over_the_steps_by_the_command_line(own_case: Path, ask: Ask) -> None:
    def kinds() -> list[str]:
        return [record["kind"] for record in ask("info", own_case, "--json").value["records"]]

    files = {name: digest for name, digest in files_of(own_case).items() if "/" in name}
    every = kinds()
    labels = [ask("undo", own_case, "--json").value["undone"] for _ in every[1:]]
    assert [label.split()[1] for label in labels[:6]] == every[:0:-1]
    labels += [ask("undo", own_case, "--json").value["undone"] for _ in range(2)]
    assert labels[-2:] == ["Set heart_rate_bpm", "Set 8 points"]
    assert kinds() == ["image"]
    redone = [ask("redo", own_case, "--json").value["redone"] for _ in labels]
    assert redone == labels[::-1]
    assert kinds() == every
    assert {name: digest for name, digest in files_of(own_case).items() if "/" in name} == files
    assert ask("info", own_case, "--check", "--json").value["damaged_files"] == []


def test_moving_a_point_marks_what_rests_on_it_stale_and_keeps_it(own_case: Path, ask: Ask) -> None:
    before = [record["id"] for record in ask("info", own_case, "--json").value["records"]]
    assert ask("points", own_case, "--set", "arch=9,22,74").exit_code == 0
    records = ask("info", own_case, "--json").value["records"]
    assert [record["id"] for record in records] == before
    stale = {record["kind"]: record["stale_inputs"] for record in records}
    assert stale["image"] == []
    assert stale["segmentation"] == ["points"]
    assert all(stale[kind] for kind in ("model", "mesh", "run", "result", "report"))
    assert "stale: points" in ask("info", own_case).out
    ask("undo", own_case)
    assert all(record["stale_inputs"] == [] for record in ask("info", own_case, "--json").value["records"])


def test_a_changed_patient_value_marks_the_flow_stale_but_not_the_anatomy(own_case: Path, ask: Ask) -> None:
    assert ask("patient", own_case, "--set", "systolic_mmhg=140").exit_code == 0
    stale = {r["kind"]: bool(r["stale_inputs"]) for r in ask("info", own_case, "--json").value["records"]}
    assert stale == {
        **dict.fromkeys(("image", "segmentation", "model", "mesh"), False),
        **dict.fromkeys(("run", "result", "report"), True),
    }


def test_the_patients_name_is_nowhere_in_case_answers_logs_or_report(
    path_answers: dict[str, Answer], finished_case: Path, log_home: Path
) -> None:
    headers = b"".join(p.read_bytes() for p in (finished_case.parent / "Zwetschkenbaum Adalbert CT").iterdir()).lower()
    assert all(secret.encode() in headers for secret in SECRETS), "the scan holds what is searched for"
    for path in [*finished_case.rglob("*"), *log_home.rglob("*")]:
        named = path.relative_to(finished_case.parent if path.is_relative_to(finished_case) else log_home)
        content = path.read_bytes() if path.is_file() else b""
        content += _streams_of(content) if path.suffix == ".pdf" else b""
        said = str(named).lower().encode() + content.lower()
        assert not [secret for secret in SECRETS if secret.encode() in said], named
    for name, answer in path_answers.items():
        said_text = (answer.out + answer.err).lower()
        assert not [secret for secret in SECRETS if secret in said_text] or name == "folder", name


def test_a_second_process_may_look_but_not_write(own_case: Path, ask: Ask) -> None:
    with OpenCase.open(own_case) as held:
        answer = run_program("info", own_case, "--check", "--json")
        assert answer.exit_code == 0 and answer.value["damaged_files"] == []
        assert run_program("run", own_case, "--json").value["status"] == "finished"
        before = files_of(own_case)
        refused = run_program("points", own_case, "--set", "arch=0,0,0")
        assert refused.exit_code == 1 and "another window" in refused.err
        assert files_of(own_case) == before
        assert held.is_writable
    assert run_program("points", own_case, "--set", "arch=9,22,75").exit_code == 0
    assert_sound(own_case, ask)
