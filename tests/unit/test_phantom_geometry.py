"""The phantoms are the truth of other tests: their volumes, radii, surfaces and ends are what they declare."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial import cKDTree

from imaging.types import Surface
from sample_data.phantoms import (
    CarotidParameters,
    CoronaryParameters,
    Phantom,
    Sphere,
    aortic_arch,
    carotid_bifurcation,
    curved_tube,
    exact_centerlines,
    exact_interval_mm,
    exact_surface,
    fusiform_aneurysm,
    inscribed_radius_mm,
    left_coronary_tree,
    random_arch,
    saccular_aneurysm,
    stenosed_tube,
    straight_tube,
    y_bifurcation,
)
from sample_data.phantoms.curves import Arc, Line, SplineCurve
from sample_data.phantoms.phantom import _smooth_minimum
from sample_data.phantoms.radii import Constant, Monotone
from sample_data.phantoms.vessel import STEEPEST, Vessel

KINDS = {
    "straight": straight_tube,
    "curved": curved_tube,
    "stenosed": stenosed_tube,
    "fusiform": fusiform_aneurysm,
    "saccular": saccular_aneurysm,
    "fork": y_bifurcation,
    "arch": aortic_arch,
    "coronary": lambda: left_coronary_tree(CoronaryParameters(stenosis_percent=50.0)),
    "carotid": lambda: carotid_bifurcation(CarotidParameters(nascet_percent=60.0)),
}
EDGES_MM = {"arch": 1.5, "coronary": 0.25, "carotid": 0.5, "stenosed": 0.4}


@pytest.fixture(scope="module", params=sorted(KINDS))
def surfaced(request: pytest.FixtureRequest) -> tuple[Phantom, Surface]:
    phantom = KINDS[request.param]()
    return phantom, exact_surface(phantom, EDGES_MM.get(request.param))


def volume_mm3(surface: Surface) -> float:
    a, b, c = (surface.points[surface.triangles[:, n]] for n in range(3))
    return float(np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0)


def areas_and_normals(surface: Surface) -> tuple[np.ndarray, np.ndarray]:
    a, b, c = (surface.points[surface.triangles[:, n]] for n in range(3))
    cross = np.cross(b - a, c - a)
    double = np.linalg.norm(cross, axis=1)
    return 0.5 * double, cross / double[:, None]


def test_volumes_have_their_closed_forms() -> None:
    assert straight_tube(60.0, 4.0).exact_volume_mm3 == pytest.approx(np.pi * 16.0 * 60.0, rel=1e-9)
    # Pappus: area of the section times the way of its center.
    assert curved_tube(25.0, 4.0, 120.0).exact_volume_mm3 == pytest.approx(
        np.pi * 16.0 * 25.0 * np.deg2rad(120.0), rel=1e-7
    )
    # The integral of (R + d (1 + cos) / 2)^2 over the stenosis of half length h: 2 h (R^2 + R d + 3 d^2 / 8).
    r, d, h = 2.0, -1.0, 4.0
    stenosis = 2.0 * h * (r**2 + r * d + 0.375 * d**2)
    assert stenosed_tube().exact_volume_mm3 == pytest.approx(np.pi * (r**2 * 52.0 + stenosis), rel=1e-9)
    assert y_bifurcation().exact_volume_mm3 is None
    assert saccular_aneurysm().exact_volume_mm3 is None


@pytest.mark.parametrize("make", [straight_tube, curved_tube, stenosed_tube, fusiform_aneurysm])
def test_the_surface_s_volume_converges_to_the_exact_one(make: object) -> None:
    phantom = make()  # type: ignore[operator]
    edge = 0.5 * phantom.vessels[0].min_radius_mm
    exact = phantom.exact_volume_mm3
    errors = [exact - volume_mm3(exact_surface(phantom, edge / n)) for n in (1, 2, 4)]
    assert all(error > 0.0 for error in errors), "flat triangles of a round tube lie inside it"
    # Chords deviate from arcs by the square of their length: halving the edges leaves a quarter.
    assert 3.0 < errors[0] / errors[1] < 5.3 and 3.0 < errors[1] / errors[2] < 5.3
    assert errors[2] < 0.01 * exact


def test_a_spline_vessel_obeys_pappus_too() -> None:
    arch = aortic_arch()
    alone = Phantom("aorta", arch.vessels[:1], {})
    exact = alone.exact_volume_mm3
    assert exact is not None
    coarse, fine = (exact - volume_mm3(exact_surface(alone, edge)) for edge in (2.4, 1.2))
    assert coarse == pytest.approx(4.0 * fine, rel=0.25) and fine < 3e-3 * exact


def test_every_edge_joins_two_triangles_in_opposite_directions(surfaced: tuple[Phantom, Surface]) -> None:
    _, surface = surfaced
    edges = np.vstack([surface.triangles[:, [0, 1]], surface.triangles[:, [1, 2]], surface.triangles[:, [2, 0]]])
    directed, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 1
    assert np.array_equal(directed, np.unique(edges[:, ::-1], axis=0))
    # Euler: a closed surface of one piece without handles has V - E + F = 2.
    assert len(surface.points) - len(edges) // 2 + len(surface.triangles) == 2


def test_wall_vertices_lie_on_the_truth(surfaced: tuple[Phantom, Surface]) -> None:
    phantom, surface = surfaced
    on_wall = np.unique(surface.triangles[surface.triangle_data["patch"] == 1])
    assert np.abs(phantom.wall_implicit(surface.points[on_wall])).max() < 1e-6
    assert np.abs(phantom.implicit(surface.points)).max() < 1e-6, "caps too lie on the cut truth"


def test_the_surface_faces_outward(surfaced: tuple[Phantom, Surface]) -> None:
    phantom, surface = surfaced
    area, normal = areas_and_normals(surface)
    centers = surface.points[surface.triangles].mean(axis=1)
    wall = (surface.triangle_data["patch"] == 1) & (area > 0.05 * np.median(area))
    gradient = phantom.wall_gradient(centers[wall])
    gradient /= np.linalg.norm(gradient, axis=1, keepdims=True)
    assert np.einsum("ij,ij->i", normal[wall], gradient).min() > 0.5
    assert volume_mm3(surface) > 0.0


def test_caps_are_the_flat_circles_that_the_ends_declare(surfaced: tuple[Phantom, Surface]) -> None:
    phantom, surface = surfaced
    area, normal = areas_and_normals(surface)
    assert set(np.unique(surface.triangle_data["patch"])) == set(range(1, len(phantom.ends) + 2))
    assert len({end.name for end in phantom.ends}) == len(phantom.ends)
    for patch, end in enumerate(phantom.ends, start=2):
        cap = surface.triangle_data["patch"] == patch
        vertices = surface.points[np.unique(surface.triangles[cap])]
        offset = vertices - np.asarray(end.center_mm)
        assert np.abs(offset @ np.asarray(end.normal)).max() < 1e-9
        assert np.allclose(normal[cap], end.normal, atol=1e-6)
        distance = np.linalg.norm(offset, axis=1)
        rim = distance > 0.5 * end.radius_mm
        assert np.abs(distance[rim] - end.radius_mm).max() < 1e-6
        # n corners on a circle: 1 - sin(2 pi / n) / (2 pi / n) of its area is missing, more where they are uneven.
        assert area[cap].sum() == pytest.approx(np.pi * end.radius_mm**2, rel=(2.0 * np.pi / rim.sum()) ** 2)
    assert phantom.ends[0].kind == "inlet" and all(end.kind == "outlet" for end in phantom.ends[1:])


def test_sections_are_circles_of_the_declared_diameter(surfaced: tuple[Phantom, Surface]) -> None:
    phantom, surface = surfaced
    on_wall = surface.points[np.unique(surface.triangles[surface.triangle_data["patch"] == 1])]
    for vessel in phantom.vessels:
        start, stop = exact_interval_mm(phantom, vessel.name)
        assert stop - start > 0.25 * vessel.curve.length_mm
        s, foot = vessel.curve.project(on_wall)
        distance = np.linalg.norm(on_wall - foot, axis=1)
        own = (
            (s > start)
            & (s < stop)
            & (distance < 1.2 * vessel.max_radius_mm)
            & (np.abs(vessel.implicit(on_wall)) < 0.1)
        )
        assert own.sum() > 50
        assert np.abs(2.0 * distance[own] - vessel.diameter_mm(s[own])).max() < 1e-5


def test_inscribed_radius_is_the_distance_to_the_surface(surfaced: tuple[Phantom, Surface]) -> None:
    phantom, surface = surfaced
    tree = exact_centerlines(phantom, 2.0)
    on_wall = surface.points[np.unique(surface.triangles[surface.triangle_data["patch"] == 1])]
    area, _ = areas_and_normals(surface)
    edge = np.sqrt(2.3 * np.median(area))
    nearest, _ = cKDTree(on_wall).query(tree.points)
    ends = np.array([end.center_mm for end in phantom.ends])
    inner = np.linalg.norm(tree.points[:, None] - ends, axis=2).min(axis=1) > tree.radius_mm
    # The nearest vertex is at most half an edge beside the nearest point, so a little farther and never nearer.
    excess = (nearest - tree.radius_mm)[inner]
    assert excess.min() > -1e-4
    assert (excess < 0.5 * edge**2 / tree.radius_mm[inner] + 1e-5).mean() > 0.98 and excess.max() < 0.5 * edge


def test_inscribed_radius_in_a_constant_tube_is_its_radius() -> None:
    for phantom in (straight_tube(60.0, 4.0), curved_tube(12.0, 4.0)):
        assert exact_centerlines(phantom).radius_mm == pytest.approx(4.0, abs=1e-6)


def test_inscribed_radius_where_a_tube_tapers_is_that_of_the_nearest_circle() -> None:
    phantom = stenosed_tube()
    s = np.linspace(0.0, 60.0, 200001)
    r = phantom.vessels[0].radius(s)
    for z in (14.0, 17.0, 18.3, 20.0, 22.5, 26.0):
        independent = np.sqrt((s - z) ** 2 + r**2).min()
        assert inscribed_radius_mm(phantom, np.array([[0.0, 0.0, z]]))[0] == pytest.approx(independent, abs=1e-6)


def test_inscribed_radius_grows_in_a_junction_and_ignores_end_planes() -> None:
    fork = y_bifurcation()
    junction = np.array([fork.vessel("parent").curve.position(40.0)])
    assert inscribed_radius_mm(fork, junction)[0] > fork.vessel("parent").radius(40.0)
    assert inscribed_radius_mm(fork, np.zeros((1, 3)))[0] == pytest.approx(5.0, abs=1e-6)


def test_centerline_tree_joins_daughters_to_their_parents() -> None:
    for phantom in (y_bifurcation(), aortic_arch(), left_coronary_tree(), carotid_bifurcation()):
        tree = exact_centerlines(phantom, 2.0)
        assert [b.name for b in tree.branches] == [v.name for v in phantom.vessels]
        for branch, vessel in zip(tree.branches, phantom.vessels, strict=True):
            if branch.parent:
                assert branch.indices[0] in tree.branch(branch.parent).indices
                expected = phantom.vessel(branch.parent).curve.position(vessel.departs_at_mm)
                assert np.allclose(tree.points[branch.indices[0]], expected, atol=1e-9)
            assert np.allclose(tree.points[branch.indices[-1]], vessel.curve.position(vessel.curve.length_mm))
            steps = np.linalg.norm(np.diff(tree.points[list(branch.indices)], axis=0), axis=1)
            assert steps.max() < 3.0
        assert sorted({i for b in tree.branches for i in b.indices}) == list(range(len(tree.points)))


@pytest.mark.parametrize(
    "curve",
    [
        Line((1.0, 2.0, 3.0), (4.0, -8.0, 30.0)),
        Arc((0.0, 1.0, 2.0), 20.0, (0.0, 1.0, 0.0), (0.0, 0.0, 1.0), 4.0),
        aortic_arch().vessels[0].curve,
        SplineCurve(np.array([[0, 0, 0], [10, 3, 5], [22, -4, 11], [30, 0, 30.0]]), np.array([1.0, 0, 0])),
    ],
)
def test_projection_finds_the_nearest_point_of_the_curve(curve: Line | Arc | SplineCurve) -> None:
    rng = np.random.default_rng(5)
    at = rng.uniform(0.0, curve.length_mm, 300)
    points = curve.position(at) + rng.normal(scale=5.0, size=(300, 3))
    s, foot = curve.project(points)
    dense = curve.position(np.linspace(0.0, curve.length_mm, 40001))
    brute, _ = cKDTree(dense).query(points)
    distance = np.linalg.norm(points - foot, axis=1)
    assert (distance - brute).max() < 1e-9 and (brute - distance).max() < 1e-3
    assert np.allclose(curve.position(s), foot, atol=1e-9)
    inside = (s > 1e-9) & (s < curve.length_mm - 1e-9)
    assert np.abs(np.einsum("ij,ij->i", points - foot, curve.tangent(s)))[inside].max() < 1e-8


def test_spline_parameter_is_arc_length() -> None:
    curve = aortic_arch().vessels[0].curve
    s = np.linspace(0.0, curve.length_mm, 100001)
    steps = np.linalg.norm(np.diff(curve.position(s), axis=0), axis=1)
    assert np.abs(steps / np.diff(s) - 1.0).max() < 2e-3
    assert steps.sum() == pytest.approx(curve.length_mm, rel=2e-4)


def test_curvature_of_a_circle_is_one_over_its_radius() -> None:
    angle = np.linspace(0.0, np.pi, 13)
    circle = SplineCurve(
        30.0 * np.column_stack([np.cos(angle), np.sin(angle), 0 * angle]), np.array([0, 1, 0]), np.array([0, -1, 0])
    )
    assert circle.curvature_per_mm(np.linspace(5.0, circle.length_mm - 5.0, 50)) == pytest.approx(1 / 30, rel=0.02)


def test_smooth_minimum_is_the_minimum_beyond_its_reach() -> None:
    a, b = np.array([1.0, 5.0, 2.0, 3.0]), np.array([4.0, 1.0, 2.0, 3.5])
    smooth = _smooth_minimum(a.copy(), b, 2.0)
    assert smooth[0] == 1.0 and smooth[1] == 1.0
    assert smooth[2] == pytest.approx(2.0 - 2.0 / 6.0) and 3.0 - 2.0 / 6.0 < smooth[3] < 3.0


def test_the_truth_is_cut_flat_and_the_image_goes_on() -> None:
    arch = aortic_arch()
    for end in arch.ends:
        center, normal = np.asarray(end.center_mm), np.asarray(end.normal)
        just_in, just_out = center - 0.01 * normal, center + 0.01 * normal
        values = arch.implicit(np.array([just_in, just_out]))
        assert values[0] == pytest.approx(-0.01, abs=1e-3) and values[1] == pytest.approx(0.01, abs=1e-3)
        assert arch.image_implicit(np.array([just_out]))[0] < -2.0
        beside = center + 0.01 * normal + 1.01 * end.radius_mm * np.cross(normal, [0.6, 0.0, 0.8])
        assert arch.implicit(beside[None])[0] > 0.0


def test_an_end_plane_cuts_only_its_own_vessel() -> None:
    arch = aortic_arch()
    descending = next(end for end in arch.ends if end.name == "descending")
    valve = next(end for end in arch.ends if end.name == "aortic_valve")
    assert np.dot(np.subtract(arch.seeds["ascending"], valve.center_mm), valve.normal) < 0.0
    below_valve = np.asarray(arch.vessel("aorta").curve.position(arch.vessel("aorta").curve.length_mm - 20.0))
    assert np.dot(below_valve - np.asarray(valve.center_mm), valve.normal) > 0.0
    assert arch.implicit(below_valve[None])[0] < -5.0
    assert descending.center_mm[2] < valve.center_mm[2]


def test_degrees_of_stenosis_are_as_declared() -> None:
    carotid = carotid_bifurcation(CarotidParameters(nascet_percent=60.0))
    internal = carotid.vessel("internal_carotid")
    diameter = internal.diameter_mm(np.linspace(0.0, internal.curve.length_mm, 5001))
    assert 100.0 * (1.0 - diameter.min() / diameter[-1]) == pytest.approx(60.0, abs=0.05)
    p = CoronaryParameters(stenosis_percent=50.0)
    healthy, narrowed = (left_coronary_tree(q).vessel("left_anterior_descending") for q in (CoronaryParameters(), p))
    assert narrowed.radius(p.stenosis_at_mm) == pytest.approx(0.5 * healthy.radius(p.stenosis_at_mm))
    assert narrowed.radius(p.stenosis_at_mm + 6.0) == pytest.approx(healthy.radius(p.stenosis_at_mm + 6.0))


def test_a_sac_is_the_declared_ball_away_from_its_neck() -> None:
    phantom = saccular_aneurysm()
    (sac,) = phantom.sacs
    dome = np.asarray(sac.center_mm) + np.array([[0.0, 0.0, sac.radius_mm], [0.0, sac.radius_mm, 0.0]])
    assert phantom.implicit(dome) == pytest.approx(0.0, abs=1e-12)
    assert phantom.label_at(np.array([sac.center_mm]))[0] == 1


def test_labels_name_the_vessel_that_holds_a_point() -> None:
    arch = aortic_arch()
    assert arch.label_names == {
        1: "aorta", 2: "brachiocephalic_trunk", 3: "left_common_carotid", 4: "left_subclavian"
    }  # fmt: skip
    points = np.array(
        [arch.seeds[role] for role in ("arch", "brachiocephalic", "left_common_carotid", "left_subclavian")]
    )
    assert list(arch.label_at(points)) == [1, 2, 3, 4]
    departures = np.array([arch.vessel("aorta").curve.position(v.departs_at_mm) for v in arch.vessels[1:]])
    assert set(arch.label_at(departures)) == {1}, "inside the aorta a branch is not yet itself"


def test_the_gradient_is_no_steeper_than_rasterizing_assumes() -> None:
    for phantom in (aortic_arch(), random_arch(5), stenosed_tube(), fusiform_aneurysm()):
        surface = exact_surface(phantom, 0.4 * phantom.vessels[0].min_radius_mm)
        rng = np.random.default_rng(0)
        near = surface.points + rng.normal(scale=0.5, size=surface.points.shape)
        assert np.linalg.norm(phantom.wall_gradient(near), axis=1).max() < STEEPEST


def test_geometry_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="too tight"):
        curved_tube(bend_radius_mm=4.0, radius_mm=4.0)
    with pytest.raises(ValueError, match="radius falls"):
        stenosed_tube(throat_radius_mm=0.0)
    with pytest.raises(ValueError, match="too fast"):
        stenosed_tube(radius_mm=4.0, throat_radius_mm=0.5, half_length_mm=2.0)
    with pytest.raises(KeyError):
        y_bifurcation().vessel("absent")


def test_another_part_blocks_the_exact_interval() -> None:
    line = Line((0.0, 0.0, 0.0), (0.0, 0.0, 30.0))
    swallowed = Phantom("swallowed", (Vessel("a", line, Constant(1.0)),), {}, sacs=(Sphere((0.0, 0.0, 15.0), 40.0),))
    with pytest.raises(ValueError, match="untouched"):
        exact_interval_mm(swallowed, "a")


def test_monotone_radius_is_constant_beyond_its_nodes_and_never_overshoots() -> None:
    profile = Monotone((0.0, 10.0, 20.0), (3.0, 5.0, 5.0))
    assert list(profile(np.array([-5.0, 0.0, 20.0, 99.0]))) == [3.0, 3.0, 5.0, 5.0]
    assert profile(np.linspace(0.0, 20.0, 500)).max() <= 5.0 + 1e-12
