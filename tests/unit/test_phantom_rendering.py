"""Rendered phantoms hold the declared partial volume, blur, noise and HU, and the truth beside them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from imaging.types import Grid
from sample_data.phantoms import (
    ArchParameters,
    CarotidParameters,
    Phantom,
    RenderedPhantom,
    RenderSettings,
    Tissue,
    aortic_arch,
    carotid_bifurcation,
    curved_tube,
    exact_surface,
    fusiform_aneurysm,
    left_coronary_tree,
    phantom_grid,
    random_arch,
    render_ct,
    stenosed_tube,
    straight_tube,
    y_bifurcation,
)
from sample_data.phantoms.raster import signed_values, volume_fraction
from sample_data.phantoms.scanner import blurred, correlated_noise
from sample_data.phantoms.shapes import Column, Ellipsoid, HalfSpace, Inset, Stack, Without

PLAIN = RenderSettings(noise_hu=0.0, blur_fwhm_mm=(0.0, 0.0, 0.0))
OBLIQUE = (0.8, 0.0, 0.6, 0.36, 0.8, -0.48, -0.48, 0.6, 0.64)


@pytest.fixture(scope="module")
def sharp_arch() -> RenderedPhantom:
    return render_ct(aortic_arch(), 2.0, PLAIN)


def hu_at(rendered: RenderedPhantom, point: object) -> float:
    i, j, k = np.rint(rendered.volume.grid.to_index(point)).astype(int)
    return float(rendered.volume.array[k, j, i])


# Cells of a quarter voxel count by their part inside; for a radius of r cells that is off by about 1 / (12 r^2), and a
# tube along the grid adds the lattice's own error of a circle. Voxels: a quarter, a sixth, a third of the radius.
@pytest.mark.parametrize(
    ("phantom", "spacing", "within"),
    [
        (straight_tube(40.0, 4.0, (0.2, 0.3, 1.0)), 1.0, 1e-3),
        (curved_tube(25.0, 6.0), 1.0, 1e-3),
        (fusiform_aneurysm(), 1.5, 5e-4),
        (stenosed_tube(), 0.33, 2e-3),
        (curved_tube(20.0, 5.0), (0.7, 0.7, 2.0), 1e-3),
    ],
)
def test_fractions_add_up_to_the_exact_volume(
    phantom: Phantom, spacing: float | tuple[float, float, float], within: float
) -> None:
    rendered = render_ct(phantom, spacing, PLAIN)
    volume = float(rendered.fraction.sum(dtype=float)) * rendered.volume.grid.voxel_volume_ml * 1000.0
    assert phantom.exact_volume_mm3 is not None
    assert volume == pytest.approx(phantom.exact_volume_mm3, rel=within)
    assert rendered.fraction.min() == 0.0 and rendered.fraction.max() == 1.0


def test_fractions_of_a_tree_add_up_to_its_surface_s_volume() -> None:
    phantom = y_bifurcation()
    surface = exact_surface(phantom, 0.5)
    a, b, c = (surface.points[surface.triangles[:, n]] for n in range(3))
    of_surface = np.einsum("ij,ij->i", a, np.cross(b, c)).sum() / 6.0
    rendered = render_ct(phantom, 1.0, PLAIN)
    volume = float(rendered.fraction.sum(dtype=float))
    assert volume == pytest.approx(of_surface, rel=4e-3)  # the polyhedron lies inside: about (0.5 / 3.4)^2 / 6


@pytest.mark.parametrize("phantom", [curved_tube(4.6, 4.0), stenosed_tube(), random_arch(7)])
def test_skipping_far_voxels_changes_nothing(phantom: Phantom) -> None:
    spacing = 1.0 if phantom.kind != "aortic_arch" else 4.0
    grid = phantom_grid(phantom, (spacing, spacing, spacing), RenderSettings(margin_mm=6.0))
    fraction = volume_fraction(phantom.implicit, grid)
    ticks = (np.arange(4) + 0.5) / 4.0 - 0.5
    offsets = spacing * np.stack(np.meshgrid(ticks, ticks, ticks), axis=-1).reshape(-1, 3)
    k, j, i = np.indices(grid.array_shape)
    centers = grid.to_lps(np.stack([i, j, k], axis=-1)).reshape(-1, 3)
    brute = np.concatenate(
        [
            (phantom.implicit((part[:, None] + offsets).reshape(-1, 3)) < 0.0).reshape(len(part), -1).mean(axis=1)
            for part in np.array_split(centers, 1 + len(centers) // 2000)
        ]
    ).reshape(grid.array_shape)
    assert np.abs(fraction - brute).max() < 0.13, "64 samples in or out resolve a plane to about 1 / 8"
    signs = signed_values(phantom.implicit, grid)
    assert np.array_equal(signs < 0.0, (phantom.implicit(centers) < 0.0).reshape(grid.array_shape))


def test_bodies_of_the_surroundings_have_their_volumes() -> None:
    grid = Grid((60, 60, 60), (1.0, 1.0, 1.0), (-29.5, -29.5, -29.5))

    def volume(shape: object) -> float:
        return float(volume_fraction(shape.implicit, grid, 2).sum(dtype=float))  # type: ignore[attr-defined]

    ball = Ellipsoid((0.0, 0.0, 0.0), (10.0, 10.0, 10.0))
    assert volume(Ellipsoid((1.0, 2.0, 0.0), (12.0, 18.0, 25.0))) == pytest.approx(
        4 / 3 * np.pi * 12 * 18 * 25, rel=2e-3
    )
    assert volume(Inset(ball, 2.0)) == pytest.approx(4 / 3 * np.pi * 8**3, rel=5e-3)
    column = Column((0.0, 0.0), (8.0, 12.0), (-10.0, 15.0))
    assert volume(column) == pytest.approx(np.pi * 8 * 12 * 25, rel=2e-3)
    stack = Stack(Column((0.0, 0.0), (8.0, 12.0)), period_mm=20.0, height_mm=15.0, phase_mm=-30.0)
    assert volume(stack) == pytest.approx(np.pi * 8 * 12 * 45, rel=2e-3)
    half = HalfSpace((0.0, 0.0, 0.0), (0.6, 0.0, 0.8))
    assert volume(Without(ball, half)) == pytest.approx(2 / 3 * np.pi * 1000, rel=5e-3)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_edge_spreads_by_the_declared_width(axis: int) -> None:
    fwhm = (1.2, 1.6, 2.4)
    normal = np.eye(3)[axis]
    edge = Tissue("edge", HalfSpace((0.07, 0.03, 0.05), (normal[0], normal[1], normal[2])), 1000.0)
    tube = replace(straight_tube(20.0, 1.0), tissues=(edge,), wall_mm=0.0, background_hu=0.0)
    spacing = 0.2
    grid = Grid((81, 81, 81), (spacing, spacing, spacing), (-8.0, -8.0, -8.0))
    settings = RenderSettings(noise_hu=0.0, blur_fwhm_mm=fwhm)
    far = render_ct(
        replace(tube, vessels=straight_tube(20.0, 1.0, (1.0, 1.0, 1.0)).vessels), spacing, settings, grid=grid
    )
    profile = np.moveaxis(far.volume.array, 2 - axis, 0)[:, 5, 5].astype(float)
    spread = np.diff(profile)
    half = 0.5 * spread.max()
    above = np.flatnonzero(spread > half)
    low, high = above[0], above[-1]
    left = low - (spread[low] - half) / (spread[low] - spread[low - 1])
    right = high + (spread[high] - half) / (spread[high] - spread[high + 1])
    # The voxel and the difference each add a box of one voxel, variance h^2 / 12, to the Gaussian.
    expected = np.sqrt(fwhm[axis] ** 2 + 8.0 * np.log(2.0) * 2.0 * spacing**2 / 12.0)
    assert (right - left) * spacing == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("fwhm", [0.4, 1.2, 3.0])
def test_the_blur_s_variance_is_exact_also_below_one_voxel(fwhm: float) -> None:
    image = np.zeros((41, 41, 41), dtype=np.float32)
    image[20, 20, 20] = 1.0
    spread = blurred(image, (1.5, 1.0, 2.0), (fwhm, fwhm, fwhm)).astype(float)
    assert spread.sum() == pytest.approx(1.0, abs=1e-5)
    for axis, spacing in zip((2, 1, 0), (1.5, 1.0, 2.0), strict=True):
        line = spread.sum(axis=tuple({0, 1, 2} - {axis}))
        variance = (line * ((np.arange(41) - 20) * spacing) ** 2).sum()
        assert variance == pytest.approx((fwhm / 2.354820045) ** 2, rel=1e-3)


def test_noise_has_the_declared_strength_and_correlation() -> None:
    spacing = (0.8, 1.0, 1.25)
    noise = correlated_noise(Grid((120, 110, 100), spacing, (0.0, 0.0, 0.0)), 15.0, 1.5, rng_seed=3).astype(float)
    # About 1.3 million voxels, of which about one in seven is independent: 0.2 % of the standard deviation, times 4.
    assert noise.std() == pytest.approx(15.0, rel=0.01)
    assert abs(noise.mean()) < 0.2
    for axis, step in zip((2, 1, 0), spacing, strict=True):
        for lag in (1, 2, 3):
            measured = (noise * np.roll(noise, lag, axis=axis)).mean() / noise.var()
            assert measured == pytest.approx(np.exp(-((lag * step / 1.5) ** 2)), abs=0.03)
    white = correlated_noise(Grid((60, 60, 60), spacing, (0.0, 0.0, 0.0)), 10.0, 0.0, rng_seed=3)
    assert white.std() == pytest.approx(10.0, rel=0.02)


def test_lumen_wall_and_background_have_their_hu() -> None:
    settings = RenderSettings(lumen_hu=350.0, wall_hu=60.0)
    rendered = render_ct(straight_tube(40.0, 6.0), 0.7, settings, rng_seed=1)
    grid = rendered.volume.grid
    k, j, i = np.indices(grid.array_shape)
    distance = np.hypot(*np.moveaxis(grid.to_lps(np.stack([i, j, k], axis=-1))[..., :2], -1, 0))
    hu = rendered.volume.array
    assert rendered.volume.array.dtype == np.int16 and rendered.volume.modality == "CT"
    deep = hu[distance < 4.0]
    assert deep.mean() == pytest.approx(350.0, abs=1.5) and deep.std() == pytest.approx(15.0, rel=0.08)
    assert hu[distance > 9.0].mean() == pytest.approx(50.0, abs=1.0)
    thick = render_ct(replace(straight_tube(40.0, 6.0), wall_mm=4.0), 0.7, settings, rng_seed=1).volume.array
    assert thick[(distance > 7.8) & (distance < 8.2)].mean() == pytest.approx(60.0, abs=3.0)


def test_voxels_at_the_wall_mix_their_neighbors_by_volume() -> None:
    phantom = replace(straight_tube(40.0, 6.0, (0.1, 0.3, 1.0)), wall_mm=0.5, background_hu=-90.0)
    lumen = render_ct(phantom, 0.9, replace(PLAIN, continue_lumen=False, wall_hu=200.0))
    within_wall = volume_fraction(lambda points: phantom.implicit(points) - 0.5, lumen.volume.grid)
    mixed = -90.0 * (1.0 - within_wall) + 200.0 * (within_wall - lumen.fraction) + 400.0 * lumen.fraction
    assert ((within_wall < 0.9) & (lumen.fraction > 0.1)).sum() > 100, "voxels that hold all three"
    assert np.abs(lumen.volume.array - mixed).max() <= 1.0
    rendered = render_ct(phantom, 0.9, PLAIN)
    assert rendered.volume.array.sum(dtype=int) > lumen.volume.array.sum(dtype=int), "the lumen goes on beyond the ends"


def test_the_arch_s_neighbors_are_as_bright_as_declared(sharp_arch: RenderedPhantom) -> None:
    phantom, p = sharp_arch.phantom, ArchParameters()
    for role, point in phantom.seeds.items():
        if role != "aortic_valve":
            assert hu_at(sharp_arch, point) == pytest.approx(400.0, abs=1.0), role
    valve = np.asarray(p.annulus_center_mm)
    axis = np.asarray(p.axis) / np.linalg.norm(p.axis)
    assert hu_at(sharp_arch, valve - 6.0 * axis) == pytest.approx(400.0, abs=1.0), "the outflow tract goes on"
    assert hu_at(sharp_arch, valve + 34.0 * np.array([0.55, -0.3, -0.78]) - 14.0 * axis) == pytest.approx(
        400.0, abs=1.0
    )
    hu = sharp_arch.volume.array
    assert 1000 < hu.max() < 1200, "superior vena cava"
    assert (hu > 1000).sum() > 1000 and (hu < -800).sum() > 30000 and ((hu > 500) & (hu < 800)).sum() > 300
    assert hu_at(sharp_arch, np.asarray(phantom.seeds["ascending"]) - 30.0 * np.array([0.0, 1.0, 0.0])) < 100.0


def test_atrium_and_pulmonary_artery_touch_the_aorta_with_just_the_wall_between() -> None:
    p = ArchParameters(wall_mm=1.2)
    arch = aortic_arch(p)
    sinus = arch.vessel("aorta").curve.position(10.0)
    level = arch.vessel("aorta").curve.project(np.array([arch.seeds["ascending"]]))[0][0]
    ascending = arch.vessel("aorta").curve.position(level)
    toward_pulmonary = np.array([0.95, -0.25, 0.0]) / np.linalg.norm([0.95, -0.25, 0.0])
    for start, heading in ((sinus, np.array([0.15, 1.0, 0.0])), (ascending, toward_pulmonary)):
        along = np.arange(0.0, 40.0, 0.05)
        points = start + along[:, None] * heading / np.linalg.norm(heading)
        wall = (arch.implicit(points) > 0.0) & (arch.implicit(points) < p.wall_mm)
        bright = np.zeros(len(points), dtype=bool)
        for tissue in arch.tissues:
            if tissue.enhancement > 0.8:
                bright |= tissue.shape.implicit(points) < 0.0
        first_beyond = np.flatnonzero(arch.implicit(points) > p.wall_mm)[0]
        assert bright[first_beyond], "right behind the wall lies the neighbor"
        assert 0.9 * p.wall_mm < 0.05 * wall.sum() < 1.6 * p.wall_mm


def test_without_contrast_blood_has_40_hu_everywhere() -> None:
    plain = render_ct(aortic_arch(), 4.0, replace(PLAIN, contrast=False))
    inside = plain.fraction == 1.0
    assert np.all(plain.volume.array[inside] == 40)
    assert ((plain.volume.array > 900).sum()) < 30, "only calcium is that bright"


def test_calcium_lies_in_the_wall_and_leaves_the_lumen_alone() -> None:
    phantom = carotid_bifurcation(CarotidParameters(nascet_percent=50.0, plaque_radius_mm=2.0))
    grid = Grid((36, 36, 50), (0.5, 0.5, 0.5), (-9.0, -7.0, 38.0))
    with_calcium, without = (render_ct(phantom, 0.4, replace(PLAIN, plaques=on), grid=grid) for on in (True, False))
    brighter = with_calcium.volume.array.astype(int) - without.volume.array
    assert np.array_equal(with_calcium.fraction, without.fraction)
    assert brighter.max() > 1000 and np.abs(brighter[with_calcium.fraction == 1.0]).max() == 0
    k, j, i = np.nonzero(brighter > 500)
    places = with_calcium.volume.grid.to_lps(np.stack([i, j, k], axis=1))
    assert phantom.implicit(places).max() < 4.0, "beside the lumen"


def test_labels_are_voxels_at_least_half_inside(sharp_arch: RenderedPhantom) -> None:
    labels = sharp_arch.labels
    assert labels.array.dtype == np.uint8 and labels.grid == sharp_arch.volume.grid
    assert np.array_equal(labels.array > 0, sharp_arch.fraction >= 0.5)
    assert labels.names == {1: "aorta", 2: "brachiocephalic_trunk", 3: "left_common_carotid", 4: "left_subclavian"}
    assert set(np.unique(labels.array)) == {0, 1, 2, 3, 4}
    volume = (labels.array > 0).sum() * labels.grid.voxel_volume_ml
    exact = sharp_arch.fraction.sum(dtype=float) * labels.grid.voxel_volume_ml
    assert volume == pytest.approx(exact, rel=0.02)  # thin branches lose or gain at 1.5 mm
    for value, vessel in enumerate(sharp_arch.phantom.vessels, start=1):
        near_end = vessel.curve.position(vessel.curve.length_mm - 4.0)
        i, j, k = np.rint(labels.grid.to_index(near_end)).astype(int)
        assert labels.array[k, j, i] == value


def test_an_oblique_grid_shows_the_same_patient() -> None:
    phantom = random_arch(2)
    bare = replace(phantom, tissues=(), plaques=())
    straight = render_ct(bare, 3.0, PLAIN)
    oblique = render_ct(bare, 3.0, replace(PLAIN, direction=OBLIQUE))
    assert oblique.volume.grid.direction == OBLIQUE
    volumes = [r.fraction.sum(dtype=float) * 27.0 for r in (straight, oblique)]
    assert volumes[0] == pytest.approx(volumes[1], rel=2e-3)
    k, j, i = np.nonzero(oblique.fraction == 1.0)
    inside = oblique.volume.grid.to_lps(np.stack([i, j, k], axis=1))
    assert phantom.implicit(inside).max() < 0.0
    for point in phantom.seeds.values():
        assert oblique.volume.grid.contains(point) and straight.volume.grid.contains(point)
    with pytest.raises(ValueError, match="right-handed"):
        render_ct(phantom, 3.0, RenderSettings(direction=(1, 0, 0, 0, 1, 0, 0, 0, -1)))


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    def rendered(geometry: int, noise: int) -> RenderedPhantom:
        return render_ct(random_arch(geometry), 6.0, rng_seed=noise)

    first, again, other_noise, other = rendered(1, 1), rendered(1, 1), rendered(1, 2), rendered(2, 1)
    assert first.volume.array.tobytes() == again.volume.array.tobytes()
    assert first.volume.grid == again.volume.grid
    assert np.array_equal(first.fraction, other_noise.fraction)
    assert first.volume.array.tobytes() != other_noise.volume.array.tobytes()
    assert first.volume.grid != other.volume.grid
    assert random_arch(1).parameters == random_arch(1).parameters != random_arch(2).parameters


def test_the_coronary_tree_opens_into_the_aorta() -> None:
    phantom = left_coronary_tree()
    ostium = phantom.ends[0]
    x, y, z = np.asarray(ostium.center_mm) - 12.0
    rendered = render_ct(phantom, 0.6, PLAIN, grid=Grid((40, 40, 40), (0.6, 0.6, 0.6), (x, y, z)))
    beyond = np.asarray(ostium.center_mm) + np.outer([1.0, 3.0, 6.0, 9.0], ostium.normal)
    assert [hu_at(rendered, point) for point in beyond] == pytest.approx([400.0] * 4, abs=2.0)


def test_progress_runs_from_zero_to_one_and_can_cancel() -> None:
    seen: list[float] = []
    render_ct(aortic_arch(), 8.0, progress=lambda fraction, text: seen.append(fraction))
    assert seen[0] == 0.0 and seen[-1] == 1.0 and seen == sorted(seen)

    class Cancelled(Exception):
        pass

    def cancel(fraction: float, text: str) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        render_ct(straight_tube(), 2.0, progress=cancel)
