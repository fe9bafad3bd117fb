"""The wall of a case: what is said of it, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.case.errors import CaseError
from app.workflow.parameters import build
from app.workflow.wall import percentile, wall_of_model
from app.workflow.wall_band import StressByThickness, index_band
from app.workflow.wall_parameters import WallParameters
from imaging.surface.surface_io import write_surface
from imaging.types import Branch, CenterlineTree, Patch, Surface, VesselModel

RADIUS_MM, LENGTH_MM = 10.0, 80.0


@pytest.fixture(scope="module")
def tube() -> VesselModel:
    """A straight tube without extensions, closed by two caps."""
    n_around, n_along = 40, 50
    angle = 2.0 * np.pi * np.arange(n_around) / n_around
    ring = RADIUS_MM * np.column_stack([np.cos(angle), np.sin(angle)])
    heights = np.linspace(0.0, LENGTH_MM, n_along + 1)
    points = np.array([(*place, z) for z in heights for place in ring])
    index = np.arange(len(points)).reshape(n_along + 1, n_around)
    a, b = index[:-1].ravel(), np.roll(index, -1, axis=1)[:-1].ravel()
    d, c = index[1:].ravel(), np.roll(index, -1, axis=1)[1:].ravel()
    wall = np.concatenate([np.column_stack([a, b, c]), np.column_stack([a, c, d])])
    middles = len(points) + np.arange(2)
    points = np.vstack([points, (0.0, 0.0, 0.0), (0.0, 0.0, LENGTH_MM)])
    low = np.column_stack([np.roll(index[0], -1), index[0], np.full(n_around, middles[0])])
    high = np.column_stack([index[-1], np.roll(index[-1], -1), np.full(n_around, middles[1])])
    patch = np.repeat([1, 2, 3], [len(wall), n_around, n_around])
    surface = Surface(points, np.concatenate([wall, low, high]), {}, {"patch": patch})
    area = np.pi * RADIUS_MM**2
    patches = (
        Patch(1, "wall", "wall", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0, 0.0),
        Patch(2, "inlet", "inlet", (0.0, 0.0, 0.0), (0.0, 0.0, -1.0), area, RADIUS_MM),
        Patch(3, "outlet", "outlet", (0.0, 0.0, LENGTH_MM), (0.0, 0.0, 1.0), area, RADIUS_MM),
    )
    line = np.column_stack([np.zeros(81), np.zeros(81), np.linspace(0.0, LENGTH_MM, 81)])
    tree = CenterlineTree(line, np.full(81, RADIUS_MM), (Branch("aorta", tuple(range(81))),))
    return VesselModel(surface, patches, tree)


def _assessed(tube: VesselModel, pressure: float = 120.0, **values: Any) -> tuple[dict[str, Any], Surface]:
    return wall_of_model(tube, build(WallParameters, {"edge_mm": 4.0, "n_layers": 1, "samples": 0, **values}), pressure)


def test_a_tube_has_the_stress_of_its_balance_and_an_index_by_its_strength(tube: VesselModel) -> None:
    facts, surface = _assessed(tube, method="linear")
    thickness, pressure = 1.5, 120.0 * 0.133322387415
    # Lamé: the greatest difference of the stresses around and across is inside; between held ends half of their sum
    # acts along, so that von Mises stress is sqrt(3)/2 of the difference
    outer = RADIUS_MM + thickness
    expected = np.sqrt(3.0) * pressure * outer**2 / (outer**2 - RADIUS_MM**2)
    assert facts["von_mises_kpa"]["p50"] == pytest.approx(expected, rel=0.05)
    index = surface.point_data["von_mises_kpa"] / surface.point_data["strength_kpa"]
    assert np.allclose(surface.point_data["rupture_index"], index, rtol=1e-5)
    assert facts["diameter"]["largest_outer_mm"] == pytest.approx(2.0 * (RADIUS_MM + thickness), abs=0.3)
    assert not facts["diameter"]["is_beyond_rule"]


def test_thrombus_takes_load_off_the_wall(tube: VesselModel) -> None:
    bare = _assessed(tube, method="prestressed")[0]
    covered = _assessed(tube, method="prestressed", thrombus_mm=4.0)[0]
    assert covered["von_mises_kpa"]["p50"] < 0.95 * bare["von_mises_kpa"]["p50"] * (RADIUS_MM + 4.0) / RADIUS_MM
    assert covered["strength_kpa"]["most"] < bare["strength_kpa"]["most"]


@pytest.mark.parametrize(
    ("pressure", "values", "code", "words"),
    [
        (5.0, {}, "bad_pressure", "implausible for an aorta"),
        (120.0, {"thickness_mm": 5.9, "n_layers": 1}, "wall_too_thick", "thicker than the lumen's radius"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(
    tube: VesselModel, pressure: float, values: dict[str, Any], code: str, words: str
) -> None:
    narrow = VesselModel(
        tube.surface,
        (*tube.patches[:2], Patch(3, "outlet", "outlet", (0, 0, LENGTH_MM), (0, 0, 1), 80.0, 5.0)),
        tube.centerlines,
    )
    with pytest.raises(CaseError, match=words) as refused:
        _assessed(narrow, pressure, **values)
    assert refused.value.code == code


def test_a_negative_thickness_is_refused() -> None:
    with pytest.raises(CaseError, match="thickness_mm must be from 0.3 to 6 mm, not -1 mm"):
        build(WallParameters, {"thickness_mm": -1})


def test_a_map_in_another_frame_is_refused(tube: VesselModel, tmp_path: Path) -> None:
    far = Surface(
        tube.surface.points + 500.0, tube.surface.triangles, {"thickness_mm": np.ones(len(tube.surface.points))}
    )
    write_surface(far, tmp_path / "far.vtp")
    with pytest.raises(CaseError, match="must be in the model's frame"):
        _assessed(tube, map=str(tmp_path / "far.vtp"))


def test_the_band_is_that_of_a_product_of_known_factors() -> None:
    membrane = StressByThickness((1.0 / 0.6, 1.0, 1.0 / 1.6))
    assert membrane.relative(np.array([0.8])) == pytest.approx(1.25)
    chosen = build(WallParameters, {"samples": 4096, "thickness_cv": 0.2, "strength_cv": 0.25, "pressure_sd_mmhg": 0.0})
    band = index_band(0.5, 120.0, membrane, chosen)
    variances = np.log1p(np.array([0.2, 0.25]) ** 2)
    # both factors are log-normal of mean 1, so the index is log-normal with this median and spread
    median, spread = 0.5 * np.exp(0.5 * variances.sum()), np.sqrt(variances.sum())
    assert band["p50"] == pytest.approx(median, rel=0.01)
    assert band["p95"] == pytest.approx(median * np.exp(1.645 * spread), rel=0.01)
    assert band["shares"] == pytest.approx(
        {"thickness": variances[0] / variances.sum(), "pressure": 0.0, "strength": variances[1] / variances.sum()},
        abs=0.01,
    )


def test_a_percentile_counts_areas() -> None:
    assert percentile(np.array([1.0, 5.0, 3.0]), np.array([98.0, 0.0, 2.0]), 99.0) == 3.0
