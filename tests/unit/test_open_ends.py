"""Cutting, extending and capping open ends."""

import numpy as np
import pytest
import pyvista as pv

from imaging.surface.caps import CapError, cap
from imaging.surface.clip import CutError, clip_end
from imaging.surface.extensions import add_extension
from imaging.surface.topology import (
    area_vectors,
    enclosed_volume_mm3,
    is_watertight,
    open_loops,
    triangle_pieces,
    unique_edges,
)


def _u_tube():
    """A closed U in the plane y = 0: two legs of radius 3 at x = -10 and 10 that hang down from an arch."""
    angle = np.linspace(np.pi, 0.0, 60)
    arch = np.stack([10 * np.cos(angle), 0 * angle, 10 * np.sin(angle)], axis=1)
    left = np.stack([np.full(60, -10.0), np.zeros(60), np.linspace(-30.0, -0.5, 60)], axis=1)
    line = np.concatenate([left, arch, left[::-1] * [-1, 1, 1]])
    along = np.gradient(line, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    sideways = np.cross(along, [0.0, 1.0, 0.0])
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    rings = line[:, None] + 3 * (
        np.cos(turn)[:, None] * sideways[:, None] + np.sin(turn)[:, None] * np.array([0, 1.0, 0])
    )
    grid = np.arange(len(line) * 40).reshape(len(line), 40)
    a, b = grid[:-1], np.roll(grid[:-1], -1, axis=1)
    c, d = grid[1:], np.roll(grid[1:], -1, axis=1)
    first, last = len(line) * 40, len(line) * 40 + 1
    fans = [np.stack([np.roll(grid[0], -1), grid[0], np.full(40, first)], axis=1)]
    fans += [np.stack([grid[-1], np.roll(grid[-1], -1), np.full(40, last)], axis=1)]
    quads = [np.stack(x, axis=-1).reshape(-1, 3) for x in ((a, b, d), (a, d, c))]
    points, triangles = np.concatenate([rings.reshape(-1, 3), line[[0, -1]]]), np.concatenate([*quads, *fans])
    return points, triangles if enclosed_volume_mm3(points, triangles) > 0 else triangles[:, ::-1]


def _ring_area(ring):
    return (
        np.linalg.norm(np.cross(ring - ring.mean(axis=0), np.roll(ring, -1, axis=0) - ring.mean(axis=0)).sum(axis=0))
        / 2
    )


def test_cut_takes_the_near_leg_only_and_leaves_a_flat_border():
    points, triangles = _u_tube()
    center, normal = np.array([10.0, 0.0, -20.0]), np.array([0.0, 0.0, -1.0])
    cut_points, cut_triangles = clip_end(points, triangles, center, normal)
    (loop,) = open_loops(cut_triangles)
    assert np.abs((cut_points[loop] - center) @ normal).max() < 1e-6
    assert np.allclose(np.linalg.norm(cut_points[loop] - center, axis=1), 3.0, atol=0.05)
    right = cut_points[:, 0] > 0
    assert cut_points[right, 2].min() == pytest.approx(-20.0)
    assert cut_points[~right, 2].min() == pytest.approx(-30.0, abs=0.1)
    assert triangle_pieces(cut_triangles, len(cut_points)).max() == 0


def test_cut_that_misses_the_vessel_is_refused():
    points, triangles = _u_tube()
    with pytest.raises(CutError):
        clip_end(points, triangles, np.array([0.0, 0.0, -20.0]), np.array([0.0, 0.0, -1.0]))


def test_cut_around_a_loop_is_refused():
    torus = pv.ParametricTorus(ringradius=10, crosssectionradius=3).triangulate().clean()
    points, triangles = np.asarray(torus.points, float), torus.faces.reshape(-1, 4)[:, 1:].astype(np.int64)
    with pytest.raises(CutError):
        clip_end(points, triangles, np.array([10.0, 0.0, 0.0]), np.array([0.0, 1.0, 0.0]))


@pytest.mark.parametrize("shape", ["circle", "flat", "crescent"])
def test_extension_keeps_the_area_and_ends_in_a_circle(shape):
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    x, y = 8 * np.cos(angle), 8 * np.sin(angle)
    if shape == "flat":
        y = y * 0.3
    if shape == "crescent":
        y = np.where(y > 0, 0.5 * y, 0.1 * y + 0.02 * (x**2 - 64))
    section = np.stack([x, y, np.zeros(90)], axis=1)
    body = np.concatenate([section - np.array([0.0, 0.0, h]) for h in (6.0, 3.0, 0.0)])
    strips = []
    for below in (0, 90):
        a = below + np.arange(90)
        b = below + np.roll(np.arange(90), -1)
        strips += [np.stack([a, b, b + 90], axis=1), np.stack([a, b + 90, a + 90], axis=1)]
    area = _ring_area(section)
    radius = np.sqrt(area / np.pi)
    points, triangles, cap_center = add_extension(
        body, np.concatenate(strips), section.mean(axis=0), np.array([0.0, 0.0, 1.0]), 2.5 * radius, 0.7
    )
    _, counts = unique_edges(triangles)
    assert counts.max() == 2
    loop = max(open_loops(triangles), key=lambda ring: points[ring][:, 2].mean())
    ring = points[loop]
    assert ring[:, 2] == pytest.approx(2.5 * radius)
    assert cap_center[2] == pytest.approx(2.5 * radius)
    # A polygon on the circle of equal area: the corners lie a little outside it.
    assert np.allclose(np.linalg.norm(ring - cap_center, axis=1), radius, rtol=0.01)
    for height in np.unique(points[points[:, 2] > 0][:, 2].round(6)):
        level = points[np.isclose(points[:, 2], height, atol=1e-5)]
        assert _ring_area(level) == pytest.approx(area, rel=1e-6)


@pytest.mark.parametrize("squash", [1.0, 0.25])
def test_cap_fills_its_outline_with_good_triangles(squash):
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    tilt = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    ring = np.stack([9 * np.cos(angle), 9 * squash * np.sin(angle), 0 * angle], axis=1) @ tilt.T + 5.0
    normal = np.cross(ring[1] - ring[0], ring[2] - ring[1])
    normal /= np.linalg.norm(normal)
    for side in (normal, -normal):
        inner, triangles = cap(ring, side)
        vectors = area_vectors(np.concatenate([ring, inner]), triangles)
        assert (vectors @ side > 0).all()
        assert vectors.sum(axis=0) @ side == pytest.approx(_ring_area(ring), rel=1e-9)
        edges, counts = unique_edges(triangles)
        border = {tuple(sorted(edge)) for edge in edges[counts == 1].tolist()}
        assert border == {tuple(sorted((i, (i + 1) % 48))) for i in range(48)}


def test_outline_that_crosses_itself_is_refused():
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    eight = np.stack([9 * np.sin(angle), 9 * np.sin(2 * angle), 0 * angle], axis=1)
    with pytest.raises(CapError):
        cap(eight, np.array([0.0, 0.0, 1.0]))


def test_closed_after_capping():
    points, triangles = _u_tube()
    for x in (10.0, -10.0):
        points, triangles = clip_end(points, triangles, np.array([x, 0.0, -20.0]), np.array([0.0, 0.0, -1.0]))
    for loop in open_loops(triangles):
        inner, local = cap(points[loop], np.array([0.0, 0.0, -1.0]))
        ids = np.concatenate([loop, len(points) + np.arange(len(inner))])
        points, triangles = np.concatenate([points, inner]), np.concatenate([triangles, ids[local]])
    assert is_watertight(triangles)
