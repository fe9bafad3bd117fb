"""Whatever plausible sizes are drawn, a phantom is a sound vessel tree with its seeds inside."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sample_data.phantoms import (
    ArchParameters,
    Phantom,
    aortic_arch,
    exact_interval_mm,
    exact_surface,
    random_arch,
    random_carotid,
    random_coronary,
    random_tube,
)
from sample_data.phantoms.tubes import TubeKind

ROLES = {
    "aortic_valve", "ascending", "arch", "descending", "descending_end", "brachiocephalic", "left_common_carotid",
    "left_subclavian",
}  # fmt: skip
SEEDS = st.integers(0, 10**6)
FEW = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def assert_sound(phantom: Phantom, edge_mm: float | None) -> None:
    surface = exact_surface(phantom, edge_mm)
    edges = np.vstack([surface.triangles[:, [0, 1]], surface.triangles[:, [1, 2]], surface.triangles[:, [2, 0]]])
    directed, counts = np.unique(edges, axis=0, return_counts=True)
    assert counts.max() == 1 and np.array_equal(directed, np.unique(edges[:, ::-1], axis=0)), "watertight"
    assert len(surface.points) - len(edges) // 2 + len(surface.triangles) == 2, "one piece without handles"
    a, b, c = (surface.points[surface.triangles[:, n]] for n in range(3))
    volume = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0
    assert volume > 0.0, "outward"
    tubes = sum(vessel.volume_mm3 for vessel in phantom.vessels)
    sacs = sum(4.0 / 3.0 * np.pi * sac.radius_mm**3 for sac in phantom.sacs)
    assert 0.8 * max(tubes - sacs, 0.5 * tubes) < volume < 1.05 * (tubes + sacs)
    assert np.abs(phantom.implicit(surface.points)).max() < 1e-6
    assert len(np.unique(surface.triangle_data["patch"])) == len(phantom.ends) + 1


def assert_seeds_inside(phantom: Phantom, rng_seed: int) -> None:
    seeds = np.array(list(phantom.seeds.values()))
    assert phantom.image_implicit(seeds).max() < -0.5
    assert phantom.implicit(seeds).max() <= 1e-9, "in the truth or in the middle of its end plane"
    jittered = np.array(list(phantom.jittered_seeds(3.0, rng_seed).values()))
    assert phantom.image_implicit(jittered).max() <= -0.5
    moved = np.linalg.norm(jittered - seeds, axis=1)
    assert moved.max() <= 3.0 + 1e-9 and moved.max() > 0.3
    assert phantom.jittered_seeds(3.0, rng_seed) == phantom.jittered_seeds(3.0, rng_seed)


@given(SEEDS)
@FEW
def test_any_arch_is_sound(seed: int) -> None:
    phantom = random_arch(seed)
    assert_sound(phantom, 1.6)
    assert_seeds_inside(phantom, seed)
    assert set(phantom.seeds) == ROLES


@given(SEEDS)
@settings(max_examples=25, deadline=None)
def test_any_arch_is_anatomically_plausible(seed: int) -> None:
    phantom = random_arch(seed)
    p = ArchParameters(**phantom.parameters)
    assert 24.0 <= 2.0 * p.ascending_radius_mm <= 36.0
    assert p.ascending_radius_mm > p.arch_radius_mm > p.isthmus_radius_mm * 0.999 and p.arch_radius_mm > p.end_radius_mm
    assert all(5.0 <= 2.0 * radius <= 13.1 for radius in p.branch_radii_mm)
    aorta = phantom.vessel("aorta")
    departures = [v.departs_at_mm for v in phantom.vessels[1:]]
    assert departures == sorted(departures)
    for vessel in phantom.vessels[1:]:
        start, stop = exact_interval_mm(phantom, vessel.name)
        assert stop == vessel.curve.length_mm and stop - start > 20.0, "each branch runs free of its neighbors"
    assert exact_interval_mm(phantom, "aorta")[1] == aorta.curve.length_mm
    valve, end = np.asarray(phantom.seeds["aortic_valve"]), np.asarray(phantom.seeds["descending_end"])
    top = np.asarray(phantom.seeds["arch"])
    assert top[2] > valve[2] + 60.0 and end[2] < valve[2] and end[0] > valve[0] and end[1] > valve[1] + 20.0
    right, middle, left = (np.asarray(phantom.seeds[v.outlet or ""]) for v in phantom.vessels[1:])
    assert right[0] < middle[0] < left[0], "from the patient's right to the left"


@pytest.mark.parametrize("kind", get_args(TubeKind))
def test_any_tube_is_sound(kind: TubeKind) -> None:
    @given(SEEDS)
    @FEW
    def check(seed: int) -> None:
        phantom = random_tube(kind, seed)
        assert_sound(phantom, 0.4 * min(v.min_radius_mm for v in phantom.vessels))
        assert_seeds_inside(phantom, seed)

    check()


@given(SEEDS)
@settings(max_examples=3, deadline=None)
def test_any_carotid_is_sound(seed: int) -> None:
    phantom = random_carotid(seed)
    assert_sound(phantom, 0.4 * min(v.min_radius_mm for v in phantom.vessels))
    assert_seeds_inside(phantom, seed)


@given(SEEDS)
@settings(max_examples=3, deadline=None)
def test_any_coronary_tree_is_sound(seed: int) -> None:
    phantom = random_coronary(seed)
    assert_sound(phantom, 0.6 * min(v.min_radius_mm for v in phantom.vessels))
    for vessel in phantom.vessels:
        start, stop = exact_interval_mm(phantom, vessel.name)
        assert stop - start > 0.3 * vessel.curve.length_mm


@given(st.floats(20.0, 90.0), st.floats(45.0, 65.0), st.floats(-5.0, 5.0))
@settings(max_examples=15, deadline=None)
def test_arch_parameters_move_the_arch_as_they_say(drop: float, azimuth: float, sway: float) -> None:
    phantom = aortic_arch(
        ArchParameters(drop_mm=drop, azimuth_deg=azimuth, sway_mm=sway, annulus_center_mm=(5.0, 6.0, 7.0))
    )
    curve = phantom.vessel("aorta").curve
    assert np.allclose(curve.position(0.0), (5.0, 6.0, 7.0), atol=1e-9)
    assert curve.position(curve.length_mm)[2] == pytest.approx(7.0 - drop, abs=1e-6)
    assert curve.position(phantom.vessel("aorta").curve.project(np.array([phantom.seeds["arch"]]))[0])[
        0, 2
    ] == pytest.approx(7.0 + 85.0, abs=2.0)
