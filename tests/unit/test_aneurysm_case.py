"""The aneurysm of a case: shape and scores as an assessment, the neck plane moved, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.case.bundle import OpenCase
from app.case.commands import SetPatientValues
from app.case.errors import CaseError
from app.cli import main
from app.workflow.aneurysm import NeckParameters, find_sac
from app.workflow.assessments.registry import assess, standing
from app.workflow.carotid import carotid_vessels
from app.workflow.steps import STEPS, Outcome, Request, commit
from imaging.errors import ImagingError
from imaging.surface.surface_io import write_model
from imaging.types import Branch, CenterlineTree, Patch, VesselModel, silent
from sample_data.phantoms import saccular_aneurysm
from sample_data.phantoms.carotid import CarotidParameters, carotid_bifurcation
from sample_data.phantoms.phantom import Phantom
from sample_data.phantoms.surface import exact_surface


def _model(phantom: Phantom, edge_mm: float) -> VesselModel:
    """A model with the phantom's exact wall and centerlines."""
    surface = exact_surface(phantom, edge_mm)
    caps = tuple(
        Patch(n, end.name, end.kind, end.center_mm, end.normal, float(np.pi * end.radius_mm**2), end.radius_mm)
        for n, end in enumerate(phantom.ends, start=2)
    )
    wall = Patch(1, "wall", "wall", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0, 0.0)
    points, radii, branches, n = [], [], [], 0
    for vessel in phantom.vessels:
        s = np.linspace(0.0, vessel.curve.length_mm, 2 * int(vessel.curve.length_mm) + 2)
        points.append(vessel.curve.position(s))
        radii.append(vessel.radius(s) * np.ones(len(s)))
        at = [n + k for k in range(len(s))]
        if vessel.parent is not None:
            at[0] = len(points[0]) - 1
        branches.append(Branch(vessel.name, tuple(at), vessel.parent))
        n += len(s)
    tree = CenterlineTree(np.concatenate(points), np.concatenate(radii), tuple(branches))
    return VesselModel(surface, (wall, *caps), tree)


@pytest.fixture(scope="module")
def model() -> VesselModel:
    return _model(saccular_aneurysm(2.0, 14.0, 4.0, 3.5, 0.4), 0.5)


@pytest.fixture
def case(tmp_path: Path, model: VesselModel) -> Iterator[OpenCase]:
    with OpenCase.create(tmp_path / "sac.case", "Sac") as opened:
        with opened.staging() as out:
            write_model(model, out)
            files = {path.stem: path for path in sorted(out.iterdir())}
            request = Request(opened.folder, opened.case, STEPS["model"].module.Parameters())
            commit(opened, STEPS["model"], request, Outcome("Vessel model", files, {}), 0.0)
        yield opened


def test_an_aneurysm_is_measured_and_scored_with_what_is_not_known(case: OpenCase) -> None:
    found, record = assess(case, "aneurysm")
    figures = {one.id: one for one in found.figures}
    assert record is not None and figures["size_mm"].value == pytest.approx(8.0, rel=0.01)
    assert found.surface is not None and {one.id for one in found.colored} == set(found.surface.point_data)
    assert figures["phases_points"].value == 3.0 and figures["phases_points"].about == "3 to 14 by what is not known"
    known = {"aneurysm_site": "mca", "ancestry": "japanese", "hypertension": "yes", "age_years": 72.0}
    known |= {"earlier_subarachnoid_hemorrhage": "no", "earlier_aneurysm_mm": 6.0, "earlier_aneurysm_years": 4.0}
    case.do(SetPatientValues({}, known))
    row = next(row for row in standing(case.case) if row["id"] == "aneurysm")
    assert "person" in row["stale_inputs"]
    figures = {one.id: one for one in assess(case, "aneurysm")[0].figures}
    assert figures["phases_points"].value == 10.0
    assert figures["phases_rupture_in_5_years_percent"].value == 5.3
    assert figures["growth_mm_year"].value == pytest.approx(0.5, abs=0.03)
    needs = next(row for row in standing(case.case) if row["id"] == "aneurysm_flow")["needs"]
    assert "run Simulate first" in " ".join(need["sentence"] for need in needs if need["state"] == "missing")


def test_the_neck_plane_is_moved_and_given(model: VesselModel) -> None:
    proposed = find_sac(model, NeckParameters())
    moved = find_sac(model, NeckParameters(neck_shift_mm=1.0))
    assert moved.shape["height_mm"] == pytest.approx(proposed.shape["height_mm"] - 1.0, abs=0.01)
    low, high = proposed.moved["volume_mm3"]
    assert low < proposed.shape["volume_mm3"] < high
    assert not (proposed.is_sac & proposed.is_parent).any() and proposed.is_parent.any()
    given = NeckParameters(
        neck_center=",".join(map(str, proposed.center_mm)), neck_normal=",".join(map(str, 3.0 * proposed.normal))
    )
    again = find_sac(model, given)
    assert again.shape["volume_mm3"] == pytest.approx(proposed.shape["volume_mm3"], rel=1e-6)
    for wrong, words in (
        (NeckParameters(neck_center="0,0,0"), "Give both neck_center and neck_normal"),
        (NeckParameters(sac_near="0,1"), "'0,1' is not a position"),
    ):
        with pytest.raises(CaseError, match=words):
            find_sac(model, wrong)
    with pytest.raises(ImagingError, match="does not cut"):
        find_sac(model, NeckParameters(neck_shift_mm=15.0))


def test_the_program_measures_an_aneurysm(case: OpenCase, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(case.folder)
    case.close()
    assert main(["assess", folder, "aneurysm", "--set", "neck_shift_mm=0.5", "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["details"]["shape"]["neck_mm"] > 0.0 and answer["tables"][0]["title"] == "PHASES, points"
    assert main(["assess", folder, "aneurysm", "--set", "neck_shift_mm=15"]) == 1
    assert "does not cut" in capsys.readouterr().err


def test_the_carotid_of_a_model_is_graded_on_its_sections() -> None:
    vessels = carotid_vessels(_model(carotid_bifurcation(CarotidParameters(nascet_percent=60.0)), 0.6), silent)
    worst = vessels.worst
    assert worst is not None and worst.nascet_percent == pytest.approx(60.0, abs=2.0)
    low, high = vessels.common_mm
    assert 0.0 < low < high < vessels.starts_mm
    assert vessels.common_area_mm2 == pytest.approx(np.pi * 3.2**2, rel=0.02)
    plain = _model(saccular_aneurysm(), 0.8)
    with pytest.raises(CaseError, match="No vessel of the model is called internal_carotid"):
        carotid_vessels(plain, silent)
