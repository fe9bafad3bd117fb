"""Edits that find borders: watershed, vesselness, fast marching, geodesic active contours, bone removal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.segmentation.declaration import Place, number
from imaging.segmentation.editing.growing import connected, seed_value
from imaging.segmentation.editing.operation import Box, Canvas, Change, Mask, Operation, with_target
from imaging.segmentation.editing.shaping import signed_distance_mm
from imaging.types import IntArray, Progress

_MOST_VOXELS = 60_000_000


@dataclass(frozen=True)
class WatershedParameters:
    """Settings of the watershed."""

    reach_mm: float = number(15.0, "mm", 1.0, 500.0, "How far from the points the border is looked for.", "assumption")
    blur_mm: float = number(0.7, "mm", 0.0, 5.0, "Blur before the gradient is taken.", "assumption: a voxel")


def _watershed(canvas: Canvas, parameters: WatershedParameters, progress: Progress) -> Change:
    """Flood the gradient's size from the points, from other labels and barriers, and from the border of the reach."""
    from scipy import ndimage
    from skimage.segmentation import watershed

    box = canvas.around_places(parameters.reach_mm)
    part = canvas.scan[box].astype(np.float32)
    progress(0.1, "Taking the gradient")
    steep = ndimage.gaussian_gradient_magnitude(part, np.maximum(parameters.blur_mm / canvas.spacing_kji, 0.3))
    first = np.array([s.start for s in box])
    markers = np.zeros(part.shape, dtype=np.int32)
    k, j, i = canvas.local_mm(box)
    far = np.ones(part.shape, dtype=bool)
    for point in canvas.places_local_mm():
        far &= (k - point[0]) ** 2 + (j - point[1]) ** 2 + (i - point[2]) ** 2 > parameters.reach_mm**2
    markers[far | ~canvas.free(box)] = 2
    ours = np.zeros(part.shape, dtype=bool)
    ours[tuple((canvas.voxels - first).T)] = True
    markers[ndimage.binary_dilation(ours) & canvas.free(box)] = 1
    progress(0.3, "Flooding")
    found = watershed(steep, markers) == 1
    return Change(box, with_target(canvas, box, found))


@dataclass(frozen=True)
class VesselnessParameters:
    """Settings of the vesselness filter."""

    thinnest_mm: float = number(0.7, "mm", 0.2, 10.0, "Radius of the thinnest vessels.", "assumption: a voxel")
    thickest_mm: float = number(
        3.0, "mm", 0.2, 20.0, "Radius of the thickest vessels.", "assumption: an internal carotid"
    )
    scales: int = number(4, "1", 1, 8, "Number of radii between them.", "assumption")
    share: float = number(
        0.15, "1", 0.01, 0.95, "Share of the strongest response that counts as vessel.", "assumption, see docs"
    )
    reach_mm: float = number(40.0, "mm", 1.0, 500.0, "How far from the points vessels are looked for.", "assumption")


def _vesselness(canvas: Canvas, parameters: VesselnessParameters, progress: Progress) -> Change:
    """Bright tubes by the Hessian's eigenvalues over several scales (Frangi 1998, generalized by Antiga 2007)."""
    box = _box_of_reach(canvas, parameters.reach_mm)
    part = canvas.scan[box].astype(np.float32)
    scales = np.geomspace(
        parameters.thinnest_mm, max(parameters.thickest_mm, parameters.thinnest_mm), parameters.scales
    )
    response = vesselness(part, canvas.spacing_kji, list(scales), progress)
    seeds = canvas.voxels - np.array([s.start for s in box])
    strongest = float(max(_best_near(response, seed, 2) for seed in seeds)) if len(seeds) else float(response.max())
    if strongest <= 0.0:
        raise ImagingError(
            "nothing_grown", "There is no tube of the chosen radii at the points: change the radii or move the points."
        )
    mask = (response >= parameters.share * strongest) & canvas.free(box)
    if len(seeds):
        snapped = [_snapped(mask, seed) for seed in seeds]
        mask = connected(mask, [seed for seed in snapped if seed is not None])
    return Change(box, with_target(canvas, box, mask))


def vesselness(
    part: NDArray[np.float32], spacing_kji: NDArray[np.float64], radii_mm: list[float], progress: Progress
) -> NDArray[np.float32]:
    """Largest response (k, j, i) over tubes of the radii; a tube answers most at ``sigma = radius / sqrt(2)``."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(part)
    image.SetSpacing(tuple(float(s) for s in spacing_kji[::-1]))
    best = np.zeros(part.shape, dtype=np.float32)
    for n, radius in enumerate(radii_mm):
        progress(0.1 + 0.8 * n / len(radii_mm), f"Looking for tubes of {radius:.1f} mm radius")
        sigma = float(radius / np.sqrt(2.0))
        smooth = sitk.SmoothingRecursiveGaussian(image, sigma)
        found = sitk.ObjectnessMeasure(
            smooth, alpha=0.5, beta=0.5, gamma=5.0, scaleObjectnessMeasure=True, objectDimension=1, brightObject=True
        )
        np.maximum(best, sigma**2 * sitk.GetArrayFromImage(found).astype(np.float32), out=best)
    return best


@dataclass(frozen=True)
class MarchingParameters:
    """Settings of fast marching between points."""

    width_mm: float = number(6.0, "mm", 0.5, 60.0, "How far from the way the lumen may reach.", "assumption: a carotid")
    surroundings: float = number(
        50.0, "HU", -100000.0, 100000.0, "Value of what surrounds the vessel.", "assumption: vessel wall and muscle"
    )


def _marching(canvas: Canvas, parameters: MarchingParameters, progress: Progress) -> Change:
    """Fast marching (Sethian 1996) through what is as bright as the points; the way back is the vessel's course.

    The lumen is what lies above the half maximum, hangs together with the way, and is near it.
    """
    from scipy import ndimage

    bright = seed_value(canvas)
    step = bright - parameters.surroundings
    if step <= 0.0:
        raise ImagingError(
            "not_enhanced", "The points are not brighter than the surroundings: move them.", _at(canvas, 0)
        )
    box = canvas.around_places(30.0 + parameters.width_mm)
    part = canvas.scan[box].astype(np.float32)
    free = canvas.free(box)
    speed = np.clip((part - parameters.surroundings) / step, 0.0, None)
    speed = np.where(speed > 1.0, 1.0 / (1.0 + 4.0 * (speed - 1.0) ** 2), speed) ** 4 + 1e-4
    speed[~free] = 0.0
    voxels = canvas.voxels - np.array([s.start for s in box])
    way: list[IntArray] = []
    for n in range(len(voxels) - 1):
        progress(0.1 + 0.7 * n / len(voxels), "Marching")
        found = _way(speed.astype(np.float32), voxels[n], voxels[n + 1], canvas.spacing_kji)
        if found is None:
            raise ImagingError("no_path", "No way leads from one point to the next: move them.", _at(canvas, n + 1))
        way.append(found)
    course = np.concatenate(way)
    mask = (part > parameters.surroundings + 0.5 * step) & (part < bright + 0.6 * step) & free
    on_way = np.ones(part.shape, dtype=bool)
    on_way[tuple(course.T)] = False
    near = ndimage.distance_transform_edt(on_way, sampling=canvas.spacing_kji) <= parameters.width_mm
    mask = (mask | ~on_way) & near & free
    lumen = connected(mask, voxels[:1])
    return Change(box, with_target(canvas, box, lumen), (), {"way_mm": _length_mm(course, canvas.spacing_kji)})


def _way(speed: NDArray[np.float32], start: IntArray, end: IntArray, spacing: NDArray[np.float64]) -> IntArray | None:
    """Voxels (n, 3) from the end back to the start down the arrival time."""
    import SimpleITK as sitk

    image = sitk.GetImageFromArray(speed)
    image.SetSpacing(tuple(float(s) for s in spacing[::-1]))
    time = sitk.GetArrayFromImage(
        sitk.FastMarching(image, trialPoints=[tuple(int(x) for x in start[::-1])], stoppingValue=1e12)
    )
    if not time[tuple(end)] < 1e12:
        return None
    at, way = end.copy(), [end.copy()]
    shape = np.asarray(time.shape)
    steps = np.argwhere(np.ones((3, 3, 3))) - 1
    lengths = np.linalg.norm(steps * spacing, axis=1)
    lengths[13] = 1.0
    for _ in range(int(shape.sum()) * 10):
        if (at == start).all():
            break
        around = np.clip(at + steps, 0, shape - 1)
        drop = (time[tuple(at)] - time[tuple(around.T)]) / lengths
        n = int(np.argmax(drop))
        if drop[n] <= 0.0:
            return None
        at = around[n]
        way.append(at.copy())
    return np.asarray(way)


@dataclass(frozen=True)
class ContourParameters:
    """Settings of the geodesic active contour."""

    rounds: int = number(150, "1", 1, 2000, "Number of steps of the contour.", "assumption")
    push: float = number(0.5, "1", -5.0, 5.0, "Outward push, inward below 0.", "assumption")
    stiffness: float = number(0.7, "1", 0.0, 5.0, "Weight of the curvature, which smooths.", "assumption")
    pull: float = number(1.0, "1", 0.0, 10.0, "Pull towards edges.", "assumption")
    blur_mm: float = number(0.7, "mm", 0.1, 5.0, "Blur before edges are taken.", "assumption: a voxel")
    edge: float = number(
        60.0, "HU/mm", 0.1, 10000.0, "Gradient at which the speed is halved.", "assumption: a quarter of a CTA's wall"
    )
    reach_mm: float = number(5.0, "mm", 1.0, 50.0, "How far from the label it may go.", "assumption")


def _contour(canvas: Canvas, parameters: ContourParameters, progress: Progress) -> Change:
    """Geodesic active contour from the label's surface (Caselles, Kimmel and Sapiro 1997)."""
    import SimpleITK as sitk

    box = canvas.around_target(parameters.reach_mm)
    _require_small(box, canvas)
    spacing = tuple(float(s) for s in canvas.spacing_kji[::-1])

    def image_of(array: NDArray[np.float32]) -> sitk.Image:
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(spacing)
        return image

    progress(0.05, "Taking edges")
    steep = sitk.GradientMagnitudeRecursiveGaussian(image_of(canvas.scan[box].astype(np.float32)), parameters.blur_mm)
    speed = 1.0 / (1.0 + (sitk.GetArrayFromImage(steep) / parameters.edge) ** 2)
    speed[~canvas.free(box)] = 0.0
    progress(0.2, "Moving the contour")
    found = sitk.GeodesicActiveContourLevelSet(
        image_of(signed_distance_mm(canvas, box).astype(np.float32)),
        image_of(speed.astype(np.float32)),
        maximumRMSError=0.005,
        propagationScaling=parameters.push,
        curvatureScaling=parameters.stiffness,
        advectionScaling=parameters.pull,
        numberOfIterations=parameters.rounds,
    )
    return Change(box, with_target(canvas, box, sitk.GetArrayFromImage(found) <= 0.0, replace=True))


@dataclass(frozen=True)
class BoneParameters:
    """Settings of bone removal."""

    cortex: float = number(
        650.0, "HU", 200.0, 3000.0, "Cortical bone is at least so bright.", "assumption: above enhanced blood"
    )
    smallest_ml: float = number(0.5, "mL", 0.0, 100.0, "Smaller bright pieces are calcium, not bone.", "assumption")
    gap_mm: float = number(2.0, "mm", 0.0, 20.0, "Gaps in bone up to twice this are closed (marrow).", "assumption")
    core_mm: float = number(
        1.0, "mm", 0.2, 20.0, "Only what is at least so deep in the label is surely vessel.", "assumption: two voxels"
    )


def _bone(canvas: Canvas, parameters: BoneParameters, progress: Progress) -> Change:
    """Part the label from bone: a watershed of the brightness between what is surely vessel and surely bone.

    Surely bone are pieces of cortical brightness and a volume; surely vessel is what holds the points (or else the
    largest piece that is deep within the label and away from bone).
    """
    from scipy import ndimage
    from skimage.segmentation import watershed

    box = canvas.around_target(5.0)
    part = canvas.scan[box].astype(np.float32)
    mine = canvas.labels[box] == canvas.target
    spacing = canvas.spacing_kji
    progress(0.1, "Finding bone")
    pieces, n = ndimage.label(part >= parameters.cortex)
    sizes = np.bincount(pieces.ravel(), minlength=n + 1) * canvas.grid.voxel_volume_ml
    is_bone = sizes >= parameters.smallest_ml
    is_bone[0] = False
    cortex = is_bone[pieces]
    if not cortex.any():
        raise ImagingError(
            "no_bone",
            f"Nothing near the label is bone: no piece above {parameters.cortex:g} HU is larger than "
            f"{parameters.smallest_ml:g} mL; lower the one or the other.",
        )
    bone = _closed(cortex, parameters.gap_mm, spacing)
    progress(0.4, "Finding the vessel")
    deep = ndimage.distance_transform_edt(mine & ~bone, sampling=spacing) >= parameters.core_mm
    cores, n = ndimage.label(deep, np.ones((3, 3, 3)))
    if n == 0:
        raise ImagingError("nothing_grown", "Nothing deep enough is left beside the bone: lower the depth of the core.")
    kept = np.zeros(n + 1, dtype=bool)
    if len(canvas.places_mm):
        voxels = canvas.voxels - np.array([s.start for s in box])
        near = [_snapped(cores > 0, voxel) for voxel in voxels]
        kept[[int(cores[tuple(v)]) for v in near if v is not None]] = True
    else:
        kept[1 + int(np.argmax(np.bincount(cores.ravel())[1:]))] = True
    kept[0] = False
    if not kept.any():
        raise ImagingError(
            "bad_seed", "None of the points lies in the vessel away from bone: move them.", _at(canvas, 0)
        )
    progress(0.6, "Parting")
    markers = np.where(kept[cores], 1, np.where(bone, 2, 0)).astype(np.int32)
    depth = ndimage.distance_transform_edt(mine | bone, sampling=spacing)
    # The border runs where the label is thin, and where it is dark.
    calm = -depth / float(spacing.min()) - part / parameters.cortex
    ours = (watershed(calm, markers, mask=mine | bone) == 1) & mine & ~bone
    removed = float(mine.sum() - ours.sum()) * canvas.grid.voxel_volume_ml
    return Change(box, with_target(canvas, box, ours, replace=True), (f"{removed:.2f} mL removed as bone.",))


def _closed(mask: Mask, by_mm: float, spacing: NDArray[np.float64]) -> Mask:
    """A mask with gaps up to twice a length closed."""
    from scipy import ndimage

    if by_mm == 0.0:
        return mask
    reach = np.ceil(by_mm / spacing).astype(int) + 1
    padded = np.pad(mask, [(int(r), int(r)) for r in reach])
    wide = ndimage.distance_transform_edt(~padded, sampling=spacing) <= by_mm
    closed = ndimage.distance_transform_edt(wide, sampling=spacing) > by_mm
    inner: Mask = closed[tuple(slice(int(r), -int(r)) for r in reach)]
    return inner | mask


def _box_of_reach(canvas: Canvas, reach_mm: float) -> Box:
    box = canvas.around_places(reach_mm) if len(canvas.places_mm) else canvas.whole
    _require_small(box, canvas)
    return box


def _require_small(box: Box, canvas: Canvas) -> None:
    """Refuse what would need several times the memory of a large scan."""
    n = float(np.prod([s.stop - s.start for s in box]))
    if n > _MOST_VOXELS:
        raise ImagingError(
            "region_too_large",
            f"The region has {n / 1e6:.0f} million voxels, and this works on {_MOST_VOXELS // 10**6} million at most: "
            "set points and a smaller reach, or crop the scan.",
        )


def _best_near(response: NDArray[np.float32], voxel: IntArray, reach: int) -> float:
    low = np.maximum(voxel - reach, 0)
    return float(response[tuple(slice(int(a), int(b)) for a, b in zip(low, voxel + reach + 1, strict=True))].max())


def _snapped(mask: Mask, voxel: IntArray, reach: int = 4) -> IntArray | None:
    """The voxel of a mask nearest to a voxel, within a few voxels."""
    low = np.maximum(voxel - reach, 0)
    inside = np.argwhere(mask[tuple(slice(int(a), int(b)) for a, b in zip(low, voxel + reach + 1, strict=True))]) + low
    if not len(inside):
        return None
    nearest: IntArray = inside[int(np.argmin(((inside - voxel) ** 2).sum(axis=1)))]
    return nearest


def _length_mm(voxels: IntArray, spacing: NDArray[np.float64]) -> float:
    return float(np.linalg.norm(np.diff(voxels * spacing, axis=0), axis=1).sum())


def _at(canvas: Canvas, n: int) -> Place:
    x, y, z = (float(c) for c in canvas.places_mm[n])
    return x, y, z


OPERATIONS = (
    Operation(
        "watershed",
        "Watershed",
        "Find the border around points by flooding the gradient; other labels and barriers are the other side.",
        WatershedParameters,
        _watershed,
        "points",
        1,
        needs_scan=True,
    ),
    Operation(
        "vesselness",
        "Vesselness",
        "Take bright tubes of a range of radii, connected with the points if there are some.",
        VesselnessParameters,
        _vesselness,
        "points",
        0,
        needs_scan=True,
    ),
    Operation(
        "march",
        "Between points",
        "Follow the vessel from point to point by fast marching, and take its lumen.",
        MarchingParameters,
        _marching,
        "points",
        2,
        needs_scan=True,
    ),
    Operation(
        "active-contour",
        "Active contour",
        "Let the label's surface move to the edges around it.",
        ContourParameters,
        _contour,
        needs_scan=True,
    ),
    Operation(
        "remove-bone",
        "Remove bone",
        "Part the label from the bone that it runs into.",
        BoneParameters,
        _bone,
        "points",
        0,
        needs_scan=True,
    ),
)
