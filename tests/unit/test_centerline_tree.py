"""Lines from one inlet become named vessels that part where the lines part."""

import numpy as np
import pytest

from imaging.centerline.curves import arc_length, resampled, smoothed
from imaging.centerline.local_size import nearest_on_tree
from imaging.centerline.tree import Path, parting, tree_of, vessels_of

STEP = 0.5


def _path(name, corners, radius, labels):
    """A polyline whose pieces have the given radii and labels."""
    points, radii, values = [], [], []
    for start, stop, r, label in zip(corners[:-1], corners[1:], radius, labels, strict=True):
        piece = resampled(np.array([start, stop], float), STEP)[:-1]
        points.append(piece)
        radii.append(np.full(len(piece), r))
        values.append(np.full(len(piece), label))
    return Path(name, np.concatenate(points), np.concatenate(radii), np.concatenate(values))


def _arch():
    trunk = [(0, 0, 0), (0, 0, 60)]
    down = _path("descending", [*trunk, (60, 0, 60), (60, 0, -60)], (12, 11, 5), (1, 1, 1))
    first = _path("brachiocephalic", [*trunk, (20, 0, 60), (20, 0, 100)], (12, 11, 6), (1, 1, 2))
    second = _path("subclavian", [*trunk, (40, 0, 60), (40, 0, 95)], (12, 11, 5), (1, 1, 4))
    return [down, first, second]


def test_aorta_goes_on_past_its_branches_and_names_come_from_labels():
    paths = _arch()
    tree = tree_of(paths, vessels_of(paths), {1: "aorta", 2: "brachiocephalic_trunk", 4: "left_subclavian"})
    assert {(b.name, b.parent) for b in tree.branches} == {
        ("aorta", None),
        ("brachiocephalic_trunk", "aorta"),
        ("left_subclavian", "aorta"),
    }
    aorta = tree.branch("aorta")
    assert np.allclose(tree.points[aorta.indices[0]], (0, 0, 0))
    assert np.allclose(tree.points[aorta.indices[-1]], (60, 0, -60), atol=STEP)
    for name, x in (("brachiocephalic_trunk", 20), ("left_subclavian", 40)):
        branch = tree.branch(name)
        assert branch.indices[0] in aorta.indices
        # Lines run together up to a tenth of a radius aside.
        assert np.allclose(tree.points[branch.indices[0]], (x, 0, 60), atol=1.5)
        assert np.diff(branch.indices[1:]).tolist() == [1] * (len(branch.indices) - 2)


def test_vessel_ends_where_its_label_ends():
    trunk = [(0, 0, 0), (0, 0, 10)]
    paths = [
        _path("lad", [*trunk, (20, 0, 40)], (2, 1.5), (1, 2)),
        _path("lcx", [*trunk, (-20, 0, 40)], (2, 1.4), (1, 3)),
    ]
    tree = tree_of(paths, vessels_of(paths), {1: "left_main", 2: "lad_artery", 3: "lcx_artery"})
    assert [(b.name, b.parent) for b in tree.branches] == [
        ("left_main", None),
        ("lad_artery", "left_main"),
        ("lcx_artery", "left_main"),
    ]
    assert np.allclose(tree.points[tree.branch("left_main").indices[-1]], (0, 0, 10), atol=1.0)
    for name in ("lad_artery", "lcx_artery"):
        assert tree.branch(name).indices[0] in tree.branch("left_main").indices


def test_one_label_names_vessels_by_their_ends_and_the_wide_one_goes_on():
    trunk = [(0, 0, 0), (0, 0, 30)]
    paths = [
        _path("narrow", [*trunk, (20, 0, 50)], (4, 2), (1, 1)),
        _path("wide", [*trunk, (-20, 0, 50)], (4, 3), (1, 1)),
    ]
    tree = tree_of(paths, vessels_of(paths), {1: "vessel"})
    assert [(b.name, b.parent) for b in tree.branches] == [("wide", None), ("narrow", "wide")]


def test_common_trunk_of_two_branches_is_a_vessel_of_its_own():
    trunk = [(0, 0, 0), (0, 0, 60)]
    paths = [
        _path("main", [*trunk, (0, 0, 160)], (8, 8), (1, 1)),
        _path("a", [*trunk, (40, 0, 60), (70, 0, 90)], (8, 4, 3.5), (1, 1, 1)),
        _path("b", [*trunk, (40, 0, 60), (70, 0, 30)], (8, 4, 3), (1, 1, 1)),
    ]
    tree = tree_of(paths, vessels_of(paths), {})
    assert {b.name: b.parent for b in tree.branches} == {"main": None, "a": "main", "b": "a"}


def test_parting_is_where_the_lines_leave_each_other():
    down, first, _ = _arch()
    at, last = parting(down, first)
    assert np.linalg.norm(down.points[at] - (20, 0, 60)) < 1.5
    assert np.linalg.norm(first.points[last] - (20, 0, 60)) < 1.5


def test_smoothing_keeps_ends_and_straight_lines():
    line = resampled(np.array([[0.0, 0, 0], [10, 5, 2]]), 0.5)
    assert np.allclose(smoothed(line, 2.0), line, atol=1e-9)
    angle = np.linspace(0, np.pi, 200)
    arc = np.stack([30 * np.cos(angle), 30 * np.sin(angle), 0 * angle], axis=1)
    soft = smoothed(arc, 3.0)
    assert np.allclose(soft[[0, -1]], arc[[0, -1]])
    # A Gaussian of sigma moves an arc of radius R inward by sigma^2 / 2R = 0.15 mm.
    assert np.allclose(np.linalg.norm(soft[50:150], axis=1), 30 - 0.15, atol=0.02)
    assert arc_length(resampled(arc, 0.5))[-1] == pytest.approx(30 * np.pi, rel=1e-3)


def test_wall_of_a_wide_vessel_belongs_to_it_even_beside_a_narrow_one():
    centers = np.array([[0.0, 0, 0], [12.0, 0, 0]])
    radius = np.array([10.0, 1.0])
    # 9 mm from the wide axis is inside the wide sphere, although the narrow axis is nearer.
    assert nearest_on_tree(centers, radius, np.array([[9.0, 0, 0], [11.5, 0, 0]])).tolist() == [0, 1]
