"""Measurements in patient space: lengths, angles, areas, volumes, and the values of a scan inside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.types import FloatArray, LabelMap, Volume

MeasurementKind = Literal["distance", "polyline", "angle", "ellipse", "sphere", "volume"]


@dataclass(frozen=True)
class MeasurementType:
    """A kind of measurement: how many points it has (None: two or more), and what they are."""

    title: str
    n_points: int | None
    hint: str


TYPES: dict[MeasurementKind, MeasurementType] = {
    "distance": MeasurementType("Distance", 2, "Click both ends."),
    "polyline": MeasurementType("Polyline", None, "Click along the line; double click at its end."),
    "angle": MeasurementType("Angle", 3, "Click a point on the first leg, the corner, a point on the second leg."),
    "ellipse": MeasurementType("Ellipse", 3, "Click the center, the end of one half axis, the end of the other."),
    "sphere": MeasurementType("Sphere", 2, "Click the center, then a point of the surface."),
    "volume": MeasurementType("Volume of a label", 0, "Choose the label."),
}


def ellipse_axes(points_mm: Any) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Center and the two half axes (3,) of an ellipse given by center, end of one half axis and a point that fixes the
    other: of that the part across the first counts."""
    center, first, second = np.asarray(points_mm, dtype=float)
    a = first - center
    length = float(np.linalg.norm(a))
    if length == 0.0:
        raise ImagingError(
            "bad_measurement", "The ellipse has no width: move the end of its half axis from the center."
        )
    unit = a / length
    b = (second - center) - ((second - center) @ unit) * unit
    return center, a, b


def measured(
    kind: MeasurementKind,
    points_mm: Sequence[Sequence[float]],
    label: str,
    volume: Volume | None,
    labels: LabelMap | None,
) -> dict[str, float]:
    """What a measurement says, by names that carry the unit.

    Lengths and angles need no scan. Statistics of an ellipse are those of the scan's nearest voxels at points of its
    plane one smallest voxel edge apart, so that noise is not averaged away; those of a sphere and of a label are of the
    voxels whose centers lie inside.

    Parameters
    ----------
    points_mm : (n, 3)
        LPS.
    label : str
        Name of a label for ``volume``, else unused.

    Raises
    ------
    ImagingError
        ``bad_measurement`` for points that make none; ``no_such_label``.
    """
    points = np.asarray(points_mm, dtype=float).reshape(-1, 3)
    if kind in ("distance", "polyline"):
        return {"length_mm": float(np.linalg.norm(np.diff(points, axis=0), axis=1).sum())}
    if kind == "angle":
        return {"angle_deg": _angle_deg(points)}
    if kind == "ellipse":
        center, a, b = ellipse_axes(points)
        lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
        found = {
            "area_mm2": float(np.pi * lengths[0] * lengths[1]),
            "major_mm": 2.0 * max(lengths),
            "minor_mm": 2.0 * min(lengths),
        }
        return found | _statistics(_in_ellipse(volume, center, a, b), volume) if volume is not None else found
    if kind == "sphere":
        radius = float(np.linalg.norm(points[1] - points[0]))
        found = {"volume_ml": 4.0 / 3.0 * float(np.pi) * radius**3 / 1000.0, "diameter_mm": 2.0 * radius}
        return found | _statistics(_in_sphere(volume, points[0], radius), volume) if volume is not None else found
    return _of_label(label, volume, labels)


def _angle_deg(points: FloatArray) -> float:
    legs = points[0] - points[1], points[2] - points[1]
    lengths = np.linalg.norm(legs[0]), np.linalg.norm(legs[1])
    if min(lengths) == 0.0:
        raise ImagingError("bad_measurement", "A leg of the angle has no length: move its end away from the corner.")
    across = float(np.linalg.norm(np.cross(legs[0], legs[1])))
    return float(np.degrees(np.arctan2(across, float(legs[0] @ legs[1]))))


def _in_ellipse(volume: Volume, center: FloatArray, a: FloatArray, b: FloatArray) -> NDArray[Any]:
    step = min(volume.grid.spacing_mm)
    lengths = np.linalg.norm(a), np.linalg.norm(b)
    if min(lengths) == 0.0:
        return np.zeros(0)
    offsets = [np.arange(-int(length / step), int(length / step) + 1) * step / length for length in lengths]
    u, v = np.meshgrid(*offsets, indexing="ij")
    inside = u**2 + v**2 <= 1.0
    positions = center + u[inside][:, None] * a + v[inside][:, None] * b
    index = np.rint(volume.grid.to_index(positions)).astype(int)
    index = index[np.all((index >= 0) & (index < np.asarray(volume.grid.size)), axis=1)]
    values: NDArray[Any] = volume.array[index[:, 2], index[:, 1], index[:, 0]]
    return values


def _in_sphere(volume: Volume, center: FloatArray, radius_mm: float) -> NDArray[Any]:
    grid = volume.grid
    reach = radius_mm / np.asarray(grid.spacing_mm)  # the index axes are perpendicular
    middle = grid.to_index(center)
    low = np.maximum(np.floor(middle - reach).astype(int), 0)
    high = np.minimum(np.ceil(middle + reach).astype(int) + 1, np.asarray(grid.size))
    if np.any(low >= high):
        return np.zeros(0)
    k, j, i = np.ogrid[low[2] : high[2], low[1] : high[1], low[0] : high[0]]
    squared = sum(((axis - m) * s) ** 2 for axis, m, s in zip((i, j, k), middle, grid.spacing_mm, strict=True))
    values: NDArray[Any] = volume.array[low[2] : high[2], low[1] : high[1], low[0] : high[0]][squared <= radius_mm**2]
    return values


def _of_label(label: str, volume: Volume | None, labels: LabelMap | None) -> dict[str, float]:
    values = [value for value, name in labels.names.items() if name == label] if labels is not None else []
    if labels is None or not values:
        there = ", ".join(labels.names.values()) if labels is not None else "none yet"
        raise ImagingError("no_such_label", f"The case has no label {label}; its labels: {there}.")
    inside = labels.array == values[0]
    found = {"volume_ml": float(np.count_nonzero(inside)) * labels.grid.voxel_volume_ml}
    if volume is not None and volume.grid.size == labels.grid.size:
        found |= _statistics(volume.array[inside], volume)
    return found


def _statistics(values: NDArray[Any], volume: Volume) -> dict[str, float]:
    unit = "hu" if volume.unit == "HU" else "value"
    if not values.size:
        return {"n_voxels": 0.0}
    return {
        f"mean_{unit}": float(values.mean(dtype=np.float64)),
        f"sd_{unit}": float(values.std(dtype=np.float64)),
        f"min_{unit}": float(values.min()),
        f"max_{unit}": float(values.max()),
        "n_voxels": float(values.size),
    }
