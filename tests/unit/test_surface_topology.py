"""What a triangle surface is said to be must hold on shapes whose answer is known."""

import numpy as np
import pyvista as pv

from imaging.surface.topology import (
    enclosed_volume_mm3,
    has_manifold_vertices,
    is_watertight,
    open_loops,
    self_intersections,
    triangle_pieces,
    triangle_quality,
    vertex_normals,
)


def _sphere(center=(0.0, 0.0, 0.0), radius=1.0):
    mesh = pv.Sphere(radius=radius, center=center, theta_resolution=40, phi_resolution=40)
    return np.asarray(mesh.points, float), mesh.faces.reshape(-1, 4)[:, 1:].astype(np.int64)


def test_sphere_is_closed_outward_and_of_known_volume():
    points, triangles = _sphere(radius=2.0)
    assert is_watertight(triangles)
    assert has_manifold_vertices(triangles)
    # The inscribed polyhedron of 40 x 40 facets lacks about 1 % of the ball.
    assert np.isclose(enclosed_volume_mm3(points, triangles), 4 / 3 * np.pi * 8.0, rtol=0.015)
    assert enclosed_volume_mm3(points, triangles[:, ::-1]) < 0
    radial = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert (np.einsum("ij,ij->i", vertex_normals(points, triangles), radial) > 0.99).all()


def test_missing_triangle_opens_a_loop_of_its_three_corners():
    _, triangles = _sphere()
    opened = np.delete(triangles, 700, axis=0)
    assert not is_watertight(opened)
    (loop,) = open_loops(opened)
    assert set(loop.tolist()) == set(triangles[700].tolist())


def test_turned_triangle_is_not_watertight():
    _, triangles = _sphere()
    triangles[5] = triangles[5][::-1]
    assert not is_watertight(triangles)


def test_two_spheres_that_overlap_cross_and_apart_do_not():
    points, triangles = _sphere()
    for distance, crosses in ((1.5, True), (2.5, False)):
        both = np.concatenate([points, points + np.array([distance, 0.0, 0.0])])
        faces = np.concatenate([triangles, triangles + len(points)])
        bad = self_intersections(both, faces)
        assert (len(bad) > 0) == crosses
        assert triangle_pieces(faces, len(both)).max() == 1
        if crosses:
            # All crossings lie on the circle where the spheres meet, at x = 0.75, to the size of a facet.
            assert np.abs(both[faces[bad]].mean(axis=1)[:, 0] - 0.75).max() < 0.2


def test_vertex_shared_by_two_fans_is_not_manifold():
    _, triangles = _sphere()
    joined = np.concatenate([triangles, triangles + triangles.max() + 1])
    pinched = np.where(joined == triangles.max() + 1, 0, joined)
    assert not has_manifold_vertices(pinched)


def test_quality_is_one_for_equilateral_and_zero_for_flat():
    points = np.array([[0, 0, 0], [1, 0, 0], [0.5, np.sqrt(3) / 2, 0], [2, 0, 0]], float)
    assert np.allclose(triangle_quality(points, np.array([[0, 1, 2], [0, 1, 3]])), [1.0, 0.0])
