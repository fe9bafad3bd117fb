"""Curved planar pictures are true to scale: lengths and diameters of a phantom whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from imaging.reformat.curved_planar import cross_section, straightened, stretched
from imaging.reformat.profile import vessel_profile
from imaging.reformat.vessel_line import vessel_line
from imaging.types import Grid, Surface, Volume

BEND_MM, RADIUS_MM, SWEEP_DEG = 25.0, 4.0, 170.0
LENGTH_MM = BEND_MM * np.deg2rad(SWEEP_DEG)
OBLIQUE_AXES = np.array([[0.8, 0.6, 0.0], [-0.6, 0.8, 0.0], [0.0, 0.0, 1.0]])
EDGE_MM = 0.25 * 0.6  # a quarter of a voxel, for partial volumes and interpolation at two edges


def on_the_bend(angle: np.ndarray) -> np.ndarray:
    """Points (..., 3) of the line: an arc in the plane y = 0 around the origin."""
    return BEND_MM * np.stack([-np.cos(angle), np.zeros_like(angle), np.sin(angle)], axis=-1)


@pytest.fixture(scope="module")
def bend() -> tuple[Volume, np.ndarray]:
    """A piece of a torus of 400 HU in 50 HU, its wall blurred over a voxel, in oblique uneven voxels."""
    size, spacing = np.array((100, 130, 80)), np.array((0.7, 0.6, 0.5))
    middle = np.array((0.0, 0.0, 11.0)) - OBLIQUE_AXES @ (spacing * (size - 1) / 2.0)
    grid = Grid((100, 130, 80), (0.7, 0.6, 0.5), tuple(middle.tolist()), tuple(OBLIQUE_AXES.ravel().tolist()))
    k, j, i = np.indices(grid.array_shape)
    x, y, z = np.moveaxis(grid.to_lps(np.stack([i, j, k], axis=-1)), -1, 0)
    from_line = np.hypot(np.hypot(x, z) - BEND_MM, y)
    hu = 50.0 + 350.0 * np.clip(0.5 + (RADIUS_MM - from_line) / 0.6, 0.0, 1.0)
    points = on_the_bend(np.linspace(0.0, np.deg2rad(SWEEP_DEG), 80))
    assert grid.contains(points).all()
    return Volume(np.rint(hu).astype(np.int16), grid), points


def widths(values: np.ndarray, pixel_mm: float) -> np.ndarray:
    """Width of the bright band in each row, at half of its height, mm."""
    found = []
    for row in values:
        inside = row > 225.0
        first, last = int(inside.argmax()), len(row) - 1 - int(inside[::-1].argmax())
        left = first - (row[first] - 225.0) / (row[first] - row[first - 1])
        right = last + (row[last] - 225.0) / (row[last] - row[last + 1])
        found.append((right - left) * pixel_mm)
    return np.array(found)


@pytest.mark.parametrize("angle_deg", [0.0, 35.0, 90.0])
def test_a_straightened_vessel_has_its_arc_length_and_its_diameter(
    bend: tuple[Volume, np.ndarray], angle_deg: float
) -> None:
    volume, points = bend
    line = vessel_line(points, 0.5)
    picture = straightened(volume, line, 9.0, 0.3, angle_deg)
    assert line.length_mm == pytest.approx(LENGTH_MM, rel=1e-3)
    assert picture.extent_mm[1] == pytest.approx(LENGTH_MM, abs=0.3 + 1e-3 * LENGTH_MM)
    inner = slice(8, -8)
    assert widths(picture.values[inner], 0.3) == pytest.approx(2 * RADIUS_MM, abs=2 * EDGE_MM)
    assert widths(picture.values[inner], 0.3).mean() == pytest.approx(2 * RADIUS_MM, abs=EDGE_MM)
    right, down = picture.place_of(40.0)
    np.testing.assert_allclose(picture.to_lps(right, down), line.at(40.0)[0], atol=0.02)
    assert picture.along_at(down) == pytest.approx(40.0, abs=1e-6)


def test_a_stretched_vessel_keeps_its_curve_and_its_length(bend: tuple[Volume, np.ndarray]) -> None:
    """Seen across the bend's plane, the unrolled line is the half circle itself; along it, a straight line."""
    volume, points = bend
    line = vessel_line(points, 0.5)
    for angle_deg in (0.0, 40.0, 90.0):
        picture = stretched(volume, line, 12.0, 0.3, angle_deg)
        drawn = np.array([picture.place_of(s) for s in line.along_mm])
        length = np.linalg.norm(np.diff(drawn, axis=0), axis=1).sum()
        assert length == pytest.approx(LENGTH_MM, rel=0.01)
        for along in (10.0, 30.0, 60.0):
            np.testing.assert_allclose(picture.to_lps(*picture.place_of(along)), line.at(along)[0], atol=0.05)
            column, row = (int(mm / 0.3) for mm in picture.place_of(along))
            assert picture.values[row, column] > 350.0


def test_frames_do_not_twist_and_sections_lie_across(bend: tuple[Volume, np.ndarray]) -> None:
    """On a plane curve a frame that turns as little as can be keeps its angle to the plane's normal."""
    volume, points = bend
    line = vessel_line(points, 0.5)
    angle = line.side @ np.array([0.0, 1.0, 0.0])
    np.testing.assert_allclose(angle, angle[0], atol=1e-6)
    np.testing.assert_allclose((line.side * line.tangent).sum(axis=1), 0.0, atol=1e-9)
    section = cross_section(volume, line, 30.0, 9.0, 0.3)
    area = (section.values > 225.0).sum() * 0.3**2
    assert area == pytest.approx(np.pi * RADIUS_MM**2, rel=2 * EDGE_MM / RADIUS_MM)
    np.testing.assert_allclose(np.cross(section.side, section.down), line.at(30.0)[1], atol=1e-9)
    np.testing.assert_allclose(section.to_picture(section.to_lps(3.0, 4.0)), (3.0, 4.0), atol=1e-9)
    assert line.nearest(line.at(30.0)[0] + 2.0 * section.side) == pytest.approx((30.0, 2.0), abs=0.2)


def test_the_profile_of_a_bend_is_its_circle(bend: tuple[Volume, np.ndarray]) -> None:
    _, points = bend
    along, around = np.linspace(-0.1, np.deg2rad(SWEEP_DEG) + 0.1, 120), np.linspace(0.0, 2 * np.pi, 60, endpoint=False)
    u, v = np.meshgrid(along, around, indexing="ij")
    out = on_the_bend(u) / BEND_MM
    wall = on_the_bend(u) + RADIUS_MM * (np.cos(v)[..., None] * out + np.sin(v)[..., None] * np.array([0.0, 1.0, 0.0]))
    at = np.arange(wall[..., 0].size).reshape(u.shape)
    a, b, c, d = at[:-1], np.roll(at, -1, 1)[:-1], at[1:], np.roll(at, -1, 1)[1:]
    triangles = np.concatenate([np.stack([a, c, b], -1), np.stack([b, c, d], -1)]).reshape(-1, 3)
    surface = Surface(wall.reshape(-1, 3), triangles)
    profile = vessel_profile(surface, vessel_line(points, 0.5), points, np.full(len(points), RADIUS_MM))
    assert profile.diameter_mm[2:-2] == pytest.approx(2 * RADIUS_MM, rel=0.01)
    assert profile.along_mm[-1] == pytest.approx(LENGTH_MM, rel=1e-3)
