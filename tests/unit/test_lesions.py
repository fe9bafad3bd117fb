"""Sections and lesions of tubes whose shape is known exactly."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.centerline.lesions import LesionParameters, find_lesions
from imaging.centerline.section_area import outline_at
from imaging.centerline.vessel_sections import VesselSections, frenet, vessel_sections
from imaging.types import Branch, CenterlineTree, Surface, VesselModel
from sample_data.phantoms import exact_centerlines, exact_surface, stenosed_tube


def _sections(diameter: np.ndarray, step: float = 0.5, branch: str = "vessel", parent: str | None = None):
    n = len(diameter)
    along = np.arange(n) * step
    center = np.stack([np.zeros(n), np.zeros(n), along], axis=1)
    area = np.pi * diameter**2 / 4.0
    zeros = np.zeros(n)
    direction = np.tile([0.0, 0.0, 1.0], (n, 1))
    shape = (area, diameter, diameter, diameter, diameter / 2.0, zeros, zeros)
    return VesselSections(branch, parent, along, center, direction, *shape, length_mm=float(along[-1]), tortuosity=0.0)


def _bump(n: int, center: float, half: float, depth: float, step: float = 0.5) -> np.ndarray:
    at = np.clip((np.arange(n) * step - center) / half, -1.0, 1.0)
    return 1.0 - depth * 0.5 * (1.0 + np.cos(np.pi * at))


@pytest.mark.parametrize("percent", [30.0, 55.0, 80.0])
def test_stenosis_of_a_tapering_vessel_is_found_with_its_degree_place_and_references(percent: float) -> None:
    n = 161
    healthy = np.linspace(4.0, 3.0, n)
    (lesion,) = find_lesions(_sections(healthy * _bump(n, 40.0, 6.0, percent / 100.0)))
    assert lesion.kind == "stenosis"
    assert lesion.diameter_percent == pytest.approx(percent, abs=1.0)
    assert lesion.area_percent == pytest.approx(100.0 * (1.0 - (1.0 - percent / 100.0) ** 2), abs=1.5)
    assert lesion.at_mm == pytest.approx(40.0, abs=0.6)
    assert 34.0 < lesion.from_mm < 40.0 < lesion.to_mm < 46.0
    assert lesion.proximal is not None
    assert lesion.distal is not None
    assert lesion.proximal.to_mm <= lesion.from_mm
    assert lesion.distal.from_mm >= lesion.to_mm
    assert lesion.proximal.diameter_mm > lesion.reference_mm > lesion.distal.diameter_mm


def test_taper_noise_and_mild_irregularities_are_no_lesions() -> None:
    rng = np.random.default_rng(3)
    diameter = np.linspace(5.0, 2.0, 161) * (1.0 + 0.05 * rng.standard_normal(161))
    assert find_lesions(_sections(diameter)) == ()


def test_aneurysm_is_a_dilation_and_its_necks_are_no_stenoses() -> None:
    n = 241
    (lesion,) = find_lesions(_sections(20.0 * _bump(n, 60.0, 25.0, -1.2)))
    assert lesion.kind == "dilation"
    assert lesion.diameter_mm / lesion.reference_mm == pytest.approx(2.2, rel=0.03)
    assert lesion.at_mm == pytest.approx(60.0, abs=1.0)


def test_two_stenoses_in_a_row_are_two() -> None:
    n = 201
    found = find_lesions(_sections(4.0 * _bump(n, 35.0, 5.0, 0.5) * _bump(n, 65.0, 5.0, 0.4)))
    assert [round(lesion.at_mm) for lesion in found] == [35, 65]
    assert [lesion.diameter_percent for lesion in found] == pytest.approx([50.0, 40.0], abs=1.0)


def test_internal_carotid_is_graded_against_the_artery_beyond_the_bulb() -> None:
    n = 141
    healthy = np.interp(np.arange(n) * 0.5, [0.0, 10.0, 24.0, 70.0], [7.0, 7.6, 5.0, 5.0])
    diameter = healthy * _bump(n, 10.0, 5.0, 0.6)
    (lesion,) = find_lesions(_sections(diameter, branch="internal_carotid", parent="common_carotid"))
    assert lesion.nascet_percent == pytest.approx(100.0 * (1.0 - diameter.min() / 5.0), abs=1.5)
    assert lesion.ecst_percent is not None
    assert lesion.ecst_percent > lesion.nascet_percent
    other = find_lesions(_sections(diameter, branch="vertebral", parent="subclavian"))
    assert other[0].nascet_percent is None


def test_threshold_is_the_callers() -> None:
    sections = _sections(4.0 * _bump(161, 40.0, 5.0, 0.3))
    assert find_lesions(sections, LesionParameters(least_stenosis_percent=40.0)) == ()
    assert len(find_lesions(sections, LesionParameters(least_stenosis_percent=20.0))) == 1


def test_outline_of_an_ellipse_has_its_area_perimeter_and_diameters() -> None:
    angle = np.linspace(0.0, 2.0 * np.pi, 240, endpoint=False)
    rings = [np.stack([3.0 * np.cos(angle), 2.0 * np.sin(angle), np.full(240, z)], axis=1) for z in (0.0, 1.0)]
    a = np.arange(240)
    b = np.roll(a, -1)
    triangles = np.concatenate([np.stack([a, b, a + 240], axis=1), np.stack([b, b + 240, a + 240], axis=1)])
    surface = Surface(np.concatenate(rings), triangles)
    outline = outline_at(surface, np.array([0.5, 0.2, 0.4]), np.array([0.0, 0.0, 1.0]))
    assert outline is not None
    assert outline.area_mm2 == pytest.approx(6.0 * np.pi, rel=1e-3)
    # Perimeter of the ellipse: 4 a E(e), 15.8654 for semi-axes 3 and 2.
    assert outline.perimeter_mm == pytest.approx(15.8654, rel=1e-3)
    assert outline.diameters_mm() == pytest.approx((4.0, 6.0), rel=1e-3)


def test_helix_has_its_curvature_and_torsion() -> None:
    radius, pitch = 8.0, 5.0
    t = np.linspace(0.0, 4.0 * np.pi, 1200)
    line = np.stack([radius * np.cos(t), radius * np.sin(t), pitch * t], axis=1)
    _, curvature, torsion = frenet(line, 0.5, 1e-6)
    inner = slice(100, -100)
    assert curvature[inner] == pytest.approx(radius / (radius**2 + pitch**2), rel=0.01)
    assert torsion[inner] == pytest.approx(pitch / (radius**2 + pitch**2), rel=0.01)


def test_sections_of_a_model_measure_the_exact_stenosed_tube() -> None:
    phantom = stenosed_tube(60.0, 2.0, 1.0, 30.0, 6.0)
    tree = exact_centerlines(phantom, 0.5)
    branch = Branch("vessel", tree.branches[0].indices)
    model = VesselModel(exact_surface(phantom, 0.3), (), CenterlineTree(tree.points, tree.radius_mm, (branch,)))
    (sections,) = vessel_sections(model)
    true = phantom.vessels[0].diameter_mm(sections.center_mm[:, 2])
    # Triangles of 0.3 mm cut the circle's corners: 1 - sinc(0.3 / 4) is below 1 %.
    assert sections.diameter_mm == pytest.approx(true, rel=0.01)
    assert sections.hydraulic_diameter_mm == pytest.approx(true, rel=0.02)
    (lesion,) = find_lesions(sections)
    assert lesion.diameter_percent == pytest.approx(50.0, abs=1.0)
    assert sections.tortuosity == pytest.approx(0.0, abs=1e-6)
