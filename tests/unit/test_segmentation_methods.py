"""The methods a preset is made of, each on the smallest image that shows what it is for."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import ndimage

from imaging.segmentation.half_maximum import lumen_shares
from imaging.segmentation.lumen_shape import closed_within, without_stalks
from imaging.segmentation.lumen_statistics import Contrast
from imaging.segmentation.minimal_path import arc_length_mm, minimal_paths, path_cost, smooth_path
from imaging.segmentation.neck_watershed import part_at_necks, won_by
from imaging.segmentation.stations import Stations, outward_chord, outward_fit
from imaging.segmentation.vessel_labels import in_one_piece_each, label_vessels
from imaging.segmentation.working_grid import labels_on_scan, work_around
from imaging.types import Grid, Volume

CONTRAST = Contrast(lumen_hu=400.0, tissue_hu=20.0)


def ball(shape: tuple[int, ...], center: tuple[float, ...], radius: float) -> NDArray[np.bool_]:
    offset = np.indices(shape) - np.reshape(center, (-1, 1, 1, 1))
    return np.asarray((offset**2).sum(axis=0) <= radius**2)


def test_path_stays_in_the_bright_tube_and_keeps_off_its_wall() -> None:
    hu = np.full((20, 40, 40), 20.0, dtype=np.float32)
    hu[:, 5:16, 5:35] = 400.0
    hu[:, 5:35, 25:35] = 400.0  # an L, 10 and 11 voxels wide
    depth = ndimage.distance_transform_edt(hu > 300)
    cost = path_cost(hu, depth, CONTRAST, wide_mm=5.0, spacing_mm=1.0)
    (path,) = minimal_paths(cost, np.array([[10, 10, 6]]), np.array([[10, 33, 30]]), margin=5)
    assert path is not None
    assert (path[0] == (10, 10, 6)).all() and (path[-1] == (10, 33, 30)).all()
    assert (hu[tuple(path.T)] == 400.0).all()
    middle = path[len(path) // 4 : -len(path) // 4]
    assert depth[tuple(middle.T)].min() >= 4.0  # 5 in the middle; the bend cuts its corner


def test_path_prefers_the_lumen_as_bright_as_the_points_over_a_shorter_dimmer_one() -> None:
    hu = np.full((9, 60, 32), 20.0, dtype=np.float32)
    hu[:, 5:12, 5:27] = 400.0
    hu[:, 48:55, 5:27] = 400.0
    hu[:, 5:55, 20:27] = 400.0
    hu[:, 5:55, 5:12] = 310.0  # the short way, and as wide
    depth = ndimage.distance_transform_edt((hu > 300) & (hu < 600))
    cost = path_cost(hu, depth, CONTRAST, wide_mm=3.0, spacing_mm=1.0)
    (path,) = minimal_paths(cost, np.array([[4, 8, 13]]), np.array([[4, 51, 13]]), margin=60)
    assert path is not None
    assert (hu[tuple(path.T)] == 400.0).all()


def test_no_path_leads_through_a_dark_gap() -> None:
    hu = np.full((9, 9, 40), 400.0, dtype=np.float32)
    hu[:, :, 18:22] = 20.0
    cost = path_cost(hu, ndimage.distance_transform_edt(hu > 300), CONTRAST, 3.0, 1.0)
    found = minimal_paths(cost, np.array([[4, 4, 3]]), np.array([[4, 4, 36], [4, 4, 12]]), margin=5)
    assert found[0] is None
    assert found[1] is not None


def test_smoothing_a_path_keeps_its_ends_and_shortens_its_staircase() -> None:
    stairs = np.array([(0, n // 2, (n + 1) // 2) for n in range(80)], dtype=float)
    smooth = smooth_path(stairs, spacing_mm=1.0)
    assert np.allclose(smooth[[0, -1]], stairs[[0, -1]])
    straight = np.linalg.norm(stairs[-1] - stairs[0])
    # The staircase is 41 % longer; it stays over the last 4 mm at either end and fades out over the next 4.
    assert arc_length_mm(smooth, 1.0)[-1] < 1.05 * straight


@pytest.mark.parametrize(("neck", "joined"), [(4, False), (12, True)])
def test_a_touching_ball_is_parted_at_a_narrow_neck_and_kept_at_a_wide_one(neck: int, joined: bool) -> None:
    shape = (41, 41, 80)
    ours, other = ball(shape, (20, 20, 20), 12), ball(shape, (20, 20, 55), 15)
    offset = np.indices(shape)
    bridge = (offset[0] - 20) ** 2 + (offset[1] - 20) ** 2 <= neck**2
    mask = ours | other | (bridge & (offset[2] > 20) & (offset[2] < 55))
    path = np.zeros(shape, dtype=bool)
    path[20, 20, 14:26] = True
    part = part_at_necks(mask, path, neck_ratio=0.7)
    assert (part & ours).sum() > 0.97 * ours.sum()
    share_of_other = (part & other).sum() / other.sum()
    assert share_of_other > 0.97 if joined else share_of_other < 0.03


def test_the_border_to_something_foreign_runs_in_the_dark_valley() -> None:
    profile = np.array([400, 400, 400, 380, 330, 250, 330, 380, 400, 400, 400, 400], dtype=np.float32)
    brightness = np.broadcast_to(profile, (3, 3, 12)).copy()
    ours, foreign = np.zeros((3, 3, 12), dtype=bool), np.zeros((3, 3, 12), dtype=bool)
    ours[:, :, :2], foreign[:, :, -1] = True, True  # the markers are not at equal distances from the valley
    mine = won_by(ours, foreign, brightness, np.ones_like(ours))
    assert mine[1, 1, :5].all() and not mine[1, 1, 6:].any()


def blurred_cylinder(radius: float, outside: NDArray[np.float64], sigma: float = 0.8) -> tuple[NDArray, NDArray]:
    """Cylinder of 400 HU along k in ``outside`` HU, blurred; and its exact radius at each voxel."""
    y, x = (np.indices((305, 305)) - 152.0) / 5.0
    fine = np.where(x**2 + y**2 <= radius**2, 400.0, np.repeat(np.repeat(outside, 5, axis=0), 5, axis=1))
    image = ndimage.gaussian_filter(fine, 5 * sigma).reshape(61, 5, 61, 5).mean(axis=(1, 3))
    y, x = np.indices((61, 61)) - 30.0
    return np.repeat(image[None].astype(np.float32), 9, axis=0), np.repeat(np.sqrt(x**2 + y**2)[None], 9, axis=0)


def found_radius(shares: NDArray[np.float32]) -> float:
    """Mean radius at which the shares in one slice fall through one half."""
    angle, r = np.meshgrid(np.linspace(0, 2 * np.pi, 90, endpoint=False), np.arange(0.0, 28.0, 0.02), indexing="ij")
    ray = ndimage.map_coordinates(shares[4], [30 + r * np.sin(angle), 30 + r * np.cos(angle)], order=1)
    return float(np.mean(r[0][np.argmax(ray < 0.5, axis=1)]))


@pytest.mark.parametrize("radius", [3.0, 8.0, 15.0])
@pytest.mark.parametrize("smoothing_mm", [0.0, 0.7])
def test_wall_of_a_blurred_cylinder_is_found_within_a_tenth_of_a_voxel(radius: float, smoothing_mm: float) -> None:
    hu, _ = blurred_cylinder(radius, np.full((61, 61), 20.0))
    core = hu > CONTRAST.at(0.72)
    everywhere = np.ones_like(core)
    lumen = np.full(hu.shape, 400.0, dtype=np.float32)
    shares = lumen_shares(hu, core, everywhere, ~everywhere, lumen, 20.0, 1.0, smoothing_mm)
    # The half maximum of a blurred convex wall lies inside it by about (sigma^2 + 1/12) / (2 radius), here 0.12 voxels
    # at most; smoothing unsharpened would add 0.08 there.
    assert found_radius(shares) == pytest.approx(radius - (0.8**2 + 1 / 12) / (2 * radius), abs=0.06)


def test_wall_beside_a_dim_false_lumen_is_halfway_to_it_and_not_to_the_tissue() -> None:
    outside = np.full((61, 61), 20.0)
    outside[:, 31:] = 250.0  # the half of the surroundings at x > 0
    hu, _ = blurred_cylinder(10.0, outside)
    core = hu > CONTRAST.at(0.72)
    everywhere = np.ones_like(core)
    lumen = np.full(hu.shape, 400.0, dtype=np.float32)
    shares = lumen_shares(hu, core, everywhere, ~everywhere, lumen, 20.0, 1.0, 0.0)
    # Within 20 degrees of the x axis, away from where both halves meet.
    y, x = np.indices((61, 61)) - 30.0
    sector = (x > 0) & (np.abs(y) < 0.36 * x)
    row = shares[4][sector]
    assert np.sqrt(row.clip(0, 1).sum() / (np.arctan(0.36))) == pytest.approx(10.0, abs=0.25)
    naive = (hu[4][sector] > 210).sum()
    assert naive > 2 * row.sum()  # the plain half maximum takes the false lumen in


def test_wall_runs_through_the_middle_of_bright_struts() -> None:
    outside = np.full((61, 61), 20.0)
    hu, r = blurred_cylinder(10.0, outside)
    y, x = np.indices((61, 61)) - 30.0
    angle = np.arctan2(y, x)
    strut = (np.abs(r[4] - 10.0) < 0.8) & (np.cos(12 * angle) > 0.6)
    with_struts = hu + np.repeat(ndimage.gaussian_filter(2500.0 * strut, 0.6)[None], 9, axis=0).astype(np.float32)
    dense = with_struts > CONTRAST.dense_hu
    core = (with_struts > CONTRAST.at(0.72)) & ~dense & (r < 11)
    everywhere = np.ones_like(core)
    lumen = np.full(hu.shape, 400.0, dtype=np.float32)
    shares = lumen_shares(with_struts, core, everywhere, dense, lumen, 20.0, 1.0, 0.5)
    # Inside, the lumen's own HU lets a strut bloom farther than outside: a third of a voxel here.
    assert found_radius(shares) == pytest.approx(10.0, abs=0.35)
    assert np.sqrt((with_struts[4] > 210).sum() / np.pi) > 10.5  # the plain half maximum blooms


def test_thin_stalks_fall_off_and_kept_ones_stay() -> None:
    lumen = ball((41, 41, 60), (20, 20, 20), 12)
    lumen[19:22, 19:22, 20:55] = True
    thick = without_stalks(lumen, np.zeros_like(lumen), stalk_radius_mm=2.2, spacing_mm=1.0)
    assert not thick[20, 20, 36:].any()
    assert (thick & ball(lumen.shape, (20, 20, 20), 12)).sum() == ball(lumen.shape, (20, 20, 20), 12).sum()
    assert without_stalks(lumen, lumen, 2.2, 1.0).sum() == lumen.sum()


def test_leaflets_are_closed_only_where_asked() -> None:
    lumen = np.zeros((30, 30, 30), dtype=bool)
    lumen[5:25, 5:25, 5:25] = True
    lumen[5:25, 14:16, 5:25] = False
    where = np.zeros_like(lumen)
    where[:15] = True
    closed = closed_within(lumen, where, radius_mm=3.0, spacing_mm=1.0)
    assert closed[8:15, 14:16, 8:22].all()
    assert not closed[15:, 14:16].any()
    assert not closed[:, :5].any()


def test_directions_out_of_a_vessel() -> None:
    angle = np.linspace(0, np.pi / 2, 95)
    arc = np.stack([np.zeros(95), 60 * np.sin(angle), 60 * np.cos(angle)], axis=1)
    # On a circle a chord of 20 mm deviates by half its angle, a fit from 3 to 13 mm by the angle of its middle.
    out = np.array([0.0, -1.0, 0.0])
    assert np.degrees(np.arccos(outward_chord(arc, 20.0, 1.0) @ out)) == pytest.approx(np.degrees(10 / 60), abs=0.6)
    assert np.degrees(np.arccos(outward_fit(arc, 3.0, 10.0, 1.0) @ out)) == pytest.approx(np.degrees(8 / 60), abs=0.6)


def test_a_branch_begins_at_the_wall_of_its_parent() -> None:
    k, j, i = np.indices((60, 60, 90))
    main = (k - 20) ** 2 + (j - 30) ** 2 <= 10**2
    branch = ((j - 30) ** 2 + (i - 45) ** 2 <= 4**2) & (k >= 20)
    lumen = main | branch
    stations = Stations.along(
        {
            1: np.stack([np.full(80, 20.0), np.full(80, 30.0), np.arange(5.0, 85.0)], axis=1),
            2: np.stack([np.arange(28.0, 58.0), np.full(30, 30.0), np.full(30, 45.0)], axis=1),
        }
    )
    labels = in_one_piece_each(label_vessels(lumen, ndimage.distance_transform_edt(lumen), stations, 1.0))
    own = branch & ~main
    assert 2 * ((labels == 2) & own).sum() / ((labels == 2).sum() + own.sum()) > 0.95
    assert (labels[main & (np.abs(i - 45) > 8)] == 1).all()
    for value in (1, 2):
        assert ndimage.label(labels == value)[1] == 1


@pytest.mark.parametrize("spacing", [(1.5, 1.5, 1.5), (0.6, 0.7, 2.5), (1.0, 1.0, 1.0)])
def test_labels_come_back_onto_an_oblique_scan_where_they_were(spacing: tuple[float, float, float]) -> None:
    turn = np.deg2rad(20)
    direction = (np.cos(turn), -np.sin(turn), 0.0, np.sin(turn), np.cos(turn), 0.0, 0.0, 0.0, 1.0)
    size = tuple(int(60 / s) for s in spacing)
    grid = Grid(size, spacing, (-40.0, 12.0, 300.0), direction)
    center = grid.to_lps((np.asarray(size) - 1) / 2)
    voxels = np.moveaxis(np.indices(grid.array_shape)[::-1], 0, -1)
    r = np.linalg.norm(grid.to_lps(voxels) - center, axis=-1)
    volume = Volume((400.0 * np.clip(12.5 - r, 0, 1)).astype(np.int16), grid)
    image = work_around(volume, np.array([center]), 20.0, 1.0, 0.0)
    assert np.allclose(image.to_place(image.to_index(center)), center)
    occupancy = image.hu / 400.0
    labels = np.where(occupancy > 0.5, 1 + (np.indices(image.hu.shape)[0] > image.to_index(center)[0]), 0)
    back = labels_on_scan(image, occupancy, labels.astype(np.uint8))
    assert back.shape == volume.array.shape
    truth = r <= 12.0
    # Two linear interpolations of a wall one voxel wide move it by at most a third of the coarsest voxel.
    wrong = (back > 0) != truth
    assert (np.abs(r[wrong] - 12.0) < max(spacing) / 3 + 0.2).all()
    assert wrong.sum() < 0.01 * truth.sum()
    assert (back[truth & (voxels[..., 2] > (size[2] - 1) / 2 + 1)] != 1).all()
    assert (back[truth & (voxels[..., 2] < (size[2] - 1) / 2 - 1)] != 2).all()
