"""Checks of the shape of sacs: against bodies in closed form, and against necks that a neurosurgeon drew."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from imaging.aneurysm.morphology import Morphology, morphology_of
from imaging.aneurysm.neck import proposed_neck
from imaging.aneurysm.parent import parent_vessel
from imaging.aneurysm.sac import NeckPlane, SacCutter
from imaging.centerline.vmtk_centerlines import vmtk_centerlines
from imaging.surface.polydata import SignedDistance
from imaging.surface.topology import areas_mm2, enclosed_volume_mm3, open_loops
from imaging.types import Branch, CenterlineTree, FloatArray, IntArray, Surface
from solvers.verification.registry import Check
from solvers.verification.row import Progress, Row

SHAPE, NECK = "aneurysm_shape", "aneurysm_neck"
LABELED = Path(__file__).parents[2].parent / "shared" / "data" / "intracranial_aneurysm_surfaces"
WITHIN = 0.01
CLOSED = "closed form"
NECK_GOAL_MM, AREA_GOAL = 1.0, 0.1
_BY_SURGEON = "IntrA (Yang et al., CVPR 2020): neck drawn by a neurosurgeon"
_N_AROUND, _N_ALONG = 96, 64


def check_shape(progress: Progress, long: bool) -> list[Row]:
    """Spheres, an ellipsoid and two spheres that overlap are cut by planes and measured as sacs (radius 2 mm)."""
    r = 2.0
    cap = 1.5 * r
    rim = np.sqrt(cap * (2.0 * r - cap))
    volume, area = np.pi * cap**2 * (3.0 * r - cap) / 3.0, 2.0 * np.pi * r * cap
    rows = _rows(
        "sphere cut at 1.5 radii",
        measured(_sphere(r), np.array([0.0, 0.0, -0.5 * r])),
        {
            "volume_mm3": volume,
            "area_mm2": area,
            "neck_mm": 2.0 * rim,
            "neck_area_mm2": np.pi * rim**2,
            "height_mm": cap,
            "height_from_center_mm": cap,
            "width_mm": 2.0 * r,
            "size_mm": 2.0 * r,
            "aspect_ratio": cap / (2.0 * rim),
            "bottleneck_ratio": r / rim,
            "height_to_width": 0.75,
            "nonsphericity_index": _nonsphericity(volume, area),
            "ellipticity_index": _nonsphericity(volume, area),
            "undulation_index": 0.0,
        },
    )
    half = measured(_sphere(r), np.zeros(3))
    rows += _rows("hemisphere", half, {"nonsphericity_index": 0.0, "aspect_ratio": 0.5, "neck_mm": 2.0 * r})
    progress(0.4, "half an ellipsoid")
    length = 1.75 * r
    e = np.sqrt(1.0 - (r / length) ** 2)
    volume, area = 2.0 / 3.0 * np.pi * r**2 * length, np.pi * r**2 * (1.0 + length / (r * e) * np.arcsin(e))
    rows += _rows(
        "half a prolate ellipsoid, 1 : 1 : 1.75",
        measured(_sphere(r) * np.array([1.0, 1.0, 1.75]), np.zeros(3)),
        {
            "volume_mm3": volume,
            "area_mm2": area,
            "aspect_ratio": length / (2.0 * r),
            "height_to_width": length / (2.0 * r),
            "nonsphericity_index": _nonsphericity(volume, area),
            "ellipticity_index": _nonsphericity(volume, area),
        },
    )
    progress(0.7, "two spheres")
    apart = 1.2 * r
    hull = np.pi * r**2 * apart + 2.0 / 3.0 * np.pi * r**3
    lens = 2.0 * np.pi * (r - apart / 2.0) ** 2 * (3.0 * r - (r - apart / 2.0)) / 3.0
    volume = 2.0 * np.pi * r**3 - lens
    rows += _rows(
        "two spheres 1.2 radii apart, cut through the lower one",
        measured(_two_spheres(r, apart), np.zeros(3)),
        {
            "volume_mm3": volume,
            "undulation_index": 1.0 - volume / hull,
            "ellipticity_index": _nonsphericity(hull, 2.0 * np.pi * r * (apart + r)),
            "size_mm": r + np.hypot(r, apart),
        },
    )
    return rows


def measured(points: FloatArray, center_mm: FloatArray) -> Morphology:
    """The shape beyond a plane across z of a closed body of revolution, given as :func:`_sphere` gives it."""
    surface = Surface(points, _grid_triangles())
    plane = NeckPlane(center_mm, np.array([0.0, 0.0, 1.0]))
    return morphology_of(SacCutter(surface, len(points) - 1).cut(plane))


def _rows(body: str, found: Morphology, exact: dict[str, float]) -> list[Row]:
    values = found.as_dict()
    return [
        Row(
            *(SHAPE, f"{body}: {name.replace('_', ' ')}", "", values[name], value, WITHIN, CLOSED),
            is_absolute=value == 0.0,
        )
        for name, value in exact.items()
    ]


def _nonsphericity(volume: float, area: float) -> float:
    return float(1.0 - (18.0 * np.pi) ** (1.0 / 3.0) * volume ** (2.0 / 3.0) / area)


def _sphere(radius: float) -> FloatArray:
    """Points (n, 3) of a sphere: the lower pole, rings from below, the upper pole."""
    polar = np.linspace(np.pi, 0.0, _N_ALONG + 1)
    return _revolved(radius * np.sin(polar), radius * np.cos(polar))


def _two_spheres(radius: float, apart: float) -> FloatArray:
    """Points of the union of two spheres, one above the other."""
    waist = np.arccos(apart / 2.0 / radius)
    lower = np.linspace(np.pi, waist, _N_ALONG // 2 + 1)
    upper = np.linspace(np.pi - waist, 0.0, _N_ALONG // 2 + 1)[1:]
    across = radius * np.concatenate([np.sin(lower), np.sin(upper)])
    along = np.concatenate([radius * np.cos(lower), apart + radius * np.cos(upper)])
    return _revolved(across, along)


def _revolved(across: FloatArray, along: FloatArray) -> FloatArray:
    angle = 2.0 * np.pi * np.arange(_N_AROUND) / _N_AROUND
    rings = [
        np.column_stack([a * np.cos(angle), a * np.sin(angle), np.full(_N_AROUND, z)])
        for a, z in zip(across[1:-1], along[1:-1], strict=True)
    ]
    return np.concatenate([[[0.0, 0.0, along[0]]], *rings, [[0.0, 0.0, along[-1]]]])


def _grid_triangles() -> IntArray:
    """Triangles (m, 3), outward, of points in the order of :func:`_revolved`."""
    k = np.arange(_N_AROUND)
    ring = 1 + np.arange(_N_ALONG - 1)[:, None] * _N_AROUND
    here, beside = ring + k, ring + (k + 1) % _N_AROUND
    low, high = slice(None, -1), slice(1, None)
    side = [
        np.stack([here[low], beside[low], beside[high]], axis=-1),
        np.stack([here[low], beside[high], here[high]], axis=-1),
    ]
    last = int(here[-1, -1]) + 1
    bottom = np.column_stack([np.zeros_like(k), beside[0], here[0]])
    top = np.column_stack([np.full_like(k, last), here[-1], beside[-1]])
    return np.concatenate([bottom, *(part.reshape(-1, 3) for part in side), top]).astype(np.int64)


def check_neck(progress: Progress, long: bool) -> list[Row]:
    """The neck proposed on eight aneurysms against the one that a neurosurgeon drew: distance, area of the sac."""
    files = sorted(LABELED.glob("*_full.obj")) if LABELED.is_dir() else []
    if not files:
        progress(1.0, "skipped: the labeled surfaces are not there (shared/data beside the checkout)")
        return []
    distances, shares, rows = [], [], []
    for number, path in enumerate(files):
        progress(number / len(files), f"neck of {path.name[:-9]}")
        distance, share = neck_against_label(path)
        distances.append(distance)
        shares.append(share)
        words = f"{path.name[:-9]}: area of the sac by that of the label"
        rows.append(Row(NECK, words, "", share, 1.0, AREA_GOAL, _BY_SURGEON, is_absolute=True))
    mean = f"distance of the label's neck from the rim, mean of {len(files)}"
    return [
        Row(NECK, mean, "mm", float(np.mean(distances)), 0.0, NECK_GOAL_MM, _BY_SURGEON, is_absolute=True),
        *rows,
    ]


def neck_against_label(path: Path) -> tuple[float, float]:
    """Mean distance [mm] of the labeled neck from the rim of the proposed one, and area of the sac by the label's.

    Vertices on the label's neck count half to its sac.
    """
    from scipy.spatial import cKDTree

    points, triangles = _read_obj(path)
    label = np.loadtxt(path.with_name(path.name.replace("_full.obj", "-_norm.ad")))[:, 6].astype(int)
    closed, tree, is_opening = closed_with_lines(points, triangles)
    parent = parent_vessel(closed, tree)
    cutter = SacCutter(closed, parent.dome, is_opening)
    sac = cutter.cut(proposed_neck(closed, parent, cutter))
    distance, _ = cKDTree(sac.rim).query(points[label == 2])
    weight = np.choose(label, [0.0, 1.0, 0.5])[triangles].mean(axis=1)
    return float(np.mean(distance)), sac.area_mm2 / float((areas_mm2(points, triangles) * weight).sum())


def closed_with_lines(points: FloatArray, triangles: IntArray) -> tuple[Surface, CenterlineTree, np.ndarray]:
    """An open piece of vessel closed by fans, its centerlines from the widest opening on, and which vertices are on
    the fans' centers.
    """
    rings = open_loops(triangles)
    centers = np.array([points[ring].mean(axis=0) for ring in rings])
    radii = [
        float(np.linalg.norm(points[ring] - center, axis=1).mean()) for ring, center in zip(rings, centers, strict=True)
    ]
    tips = len(points) + np.arange(len(rings))
    fans = [
        np.column_stack([np.roll(ring, -1), ring, np.full(len(ring), tip)])
        for ring, tip in zip(rings, tips, strict=True)
    ]
    closed = np.concatenate([points, centers])
    corners = np.concatenate([triangles, *fans])
    if enclosed_volume_mm3(closed, corners) < 0.0:
        corners = corners[:, ::-1].copy()
    widest = int(np.argmax(radii))
    targets = [int(tip) for k, tip in enumerate(tips) if k != widest]
    step = 0.15 * float(np.median(radii))
    lines = vmtk_centerlines(closed, corners, int(tips[widest]), targets, step, lambda fraction, text: None)
    inside = SignedDistance(closed, corners)
    offsets = np.cumsum([0, *(len(line) for line in lines)])
    branches = tuple(Branch(f"way_{k}", tuple(range(int(offsets[k]), int(offsets[k + 1])))) for k in range(len(lines)))
    along = np.concatenate(lines)
    tree = CenterlineTree(along, np.maximum(-inside(along), 1e-3), branches)
    return Surface(closed, corners), tree, np.arange(len(closed)) >= len(points)


def _read_obj(path: Path) -> tuple[FloatArray, IntArray]:
    points, triangles = [], []
    for line in path.read_text(encoding="ascii").splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            points.append([float(word) for word in rest.split()[:3]])
        elif kind == "f":
            triangles.append([int(word.split("/")[0]) - 1 for word in rest.split()[:3]])
    return np.array(points), np.array(triangles, dtype=np.int64)


ANEURYSM_CHECKS = {
    check.name: check
    for check in (
        Check(SHAPE, "Shape of sacs in closed form", check_shape),
        Check(NECK, "Necks of aneurysms that a neurosurgeon labeled", check_neck, is_long=True),
    )
}
