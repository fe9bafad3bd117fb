"""Sacs: their shape in closed form, the neck proposed on a phantom, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.workflow import aneurysm_checks
from app.workflow.aneurysm_checks import check_neck, check_shape
from imaging.aneurysm.morphology import morphology_of
from imaging.aneurysm.neck import proposed_neck
from imaging.aneurysm.parent import parent_vessel
from imaging.aneurysm.sac import NeckPlane, SacCutter
from imaging.errors import ImagingError
from imaging.types import Branch, CenterlineTree, Surface, silent
from sample_data.phantoms import saccular_aneurysm
from sample_data.phantoms.phantom import Phantom
from sample_data.phantoms.surface import exact_surface
from sample_data.phantoms.vessel import Sphere

RADIUS_MM, SAC_MM, OFFSET_MM, BEND_MM = 2.0, 4.0, 3.5, 14.0


def _tree(phantom: Phantom) -> CenterlineTree:
    """The exact centerline, blown up below the sac as inscribed spheres are."""
    curve = phantom.vessels[0].curve
    points = curve.position(np.linspace(0.0, curve.length_mm, 120))
    radius = np.full(len(points), RADIUS_MM)
    for sac in phantom.sacs:
        near = np.linalg.norm(points - np.asarray(sac.center_mm), axis=1)
        radius[near < near.min() + 0.6] *= 1.25
    return CenterlineTree(points, radius, (Branch("vessel", tuple(range(len(points)))),))


def _surface(phantom: Phantom) -> tuple[Surface, np.ndarray]:
    surface = exact_surface(phantom, 0.45)
    is_opening = np.zeros(len(surface.points), bool)
    is_opening[surface.triangles[surface.triangle_data["patch"] != 1]] = True
    return surface, is_opening


@pytest.fixture(scope="module")
def bend() -> Phantom:
    return saccular_aneurysm(RADIUS_MM, BEND_MM, SAC_MM, OFFSET_MM, 0.4)


@pytest.fixture(scope="module")
def wall(bend: Phantom) -> tuple[Surface, np.ndarray]:
    return _surface(bend)


def test_shapes_in_closed_form() -> None:
    rows = [row.as_dict() for row in check_shape(silent, False)]
    assert len(rows) == 27 and all(row["passed"] for row in rows)


def test_the_neck_of_a_sphere_on_a_bend_is_found(bend: Phantom, wall: tuple[Surface, np.ndarray]) -> None:
    surface, is_opening = wall
    parent = parent_vessel(surface, _tree(bend))
    center = np.asarray(bend.sacs[0].center_mm)
    assert np.linalg.norm(surface.points[parent.dome] - center - [0.0, 0.0, SAC_MM]) < 1.0
    assert parent.typical_mm == pytest.approx(RADIUS_MM, rel=0.03)
    cutter = SacCutter(surface, parent.dome, is_opening)
    plane = proposed_neck(surface, parent, cutter)
    assert np.degrees(np.arccos(plane.normal[2])) < 5.0
    found = morphology_of(cutter.cut(plane), parent)
    foot = BEND_MM + RADIUS_MM  # the outer side of the bend, over which the sphere's center stands by OFFSET_MM
    assert foot - 0.2 < plane.center_mm[2] < foot + 0.5 * RADIUS_MM
    beyond = OFFSET_MM + foot - plane.center_mm[2]  # how far the sphere's center is beyond the plane
    cap = SAC_MM + beyond
    assert found.volume_mm3 == pytest.approx(np.pi * cap**2 * (3.0 * SAC_MM - cap) / 3.0, rel=0.02)
    assert found.width_mm == pytest.approx(2.0 * SAC_MM, rel=0.01)
    assert found.height_mm == pytest.approx(cap, rel=0.01)
    assert found.parent_mm == pytest.approx(2.0 * RADIUS_MM, rel=0.03)
    assert found.inflow_angle_deg == pytest.approx(90.0, abs=5.0)


def test_two_sacs_and_none_are_refused_in_a_sentence(bend: Phantom, wall: tuple[Surface, np.ndarray]) -> None:
    curve = bend.vessels[0].curve
    side = np.cross(curve.tangent(8.0), [0.0, 1.0, 0.0])
    place = curve.position(8.0) - 4.0 * side
    second = Sphere((float(place[0]), float(place[1]), float(place[2])), 3.0)
    both = Phantom("two", bend.vessels, bend.seeds, (*bend.sacs, second))
    surface, _ = _surface(both)
    with pytest.raises(ImagingError, match="There are 2 sacs.* mm high at .* Say which is meant") as refused:
        parent_vessel(surface, _tree(both))
    assert refused.value.code == "several_sacs"
    dome = surface.points[parent_vessel(surface, _tree(both), second.center_mm).dome]
    assert np.linalg.norm(dome - place) < 3.1
    with pytest.raises(ImagingError, match="no sac near"):
        parent_vessel(surface, _tree(both), (0.0, 60.0, 0.0))
    plain = Phantom("plain", bend.vessels, bend.seeds)
    with pytest.raises(ImagingError, match="No sac was found"):
        parent_vessel(_surface(plain)[0], _tree(plain))


def test_planes_that_are_no_neck_are_refused(bend: Phantom, wall: tuple[Surface, np.ndarray]) -> None:
    surface, is_opening = wall
    dome = int(surface.points[:, 2].argmax())
    cutter = SacCutter(surface, dome, is_opening)
    up = np.array([0.0, 0.0, 1.0])
    slanted = np.array([0.7071, 0.0, 0.7071])
    for z, normal, words in (
        (40.0, up, "does not cut the sac"),
        (20.0, -up, "does not cut the sac"),
        (-90.0, up, "does not cut the sac"),
        (BEND_MM, slanted, "does not part the sac from the vessel"),
    ):
        with pytest.raises(ImagingError, match=words):
            cutter.cut(NeckPlane(np.array([0.0, 0.0, z]), normal))


def test_labeled_surfaces_that_are_not_there_are_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr(aneurysm_checks, "LABELED", tmp_path / "none")
    assert check_neck(lambda fraction, text: said.append(text), True) == []
    assert "skipped" in said[-1]
