"""Whether the slices of a DICOM series form a straight, even grid; every complaint says by how many millimetres."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from imaging.errors import ImagingError
from imaging.types import FloatArray, Grid

if TYPE_CHECKING:
    from pydicom import Dataset

_DIRECTION_TOLERANCE = 1e-3
_SIDEWAYS_TOLERANCE_MM = 0.2
_DUPLICATE_TOLERANCE_MM = 0.01
_UNEVEN_TOLERANCE = 0.02
"""Of the slice distance; positions are often rounded to 0.01 mm."""


def slice_order(headers: Sequence[Dataset]) -> tuple[list[int], Grid]:
    """Indices of the slices along the normal of their plane, and the grid on which they lie.

    Raises
    ------
    ImagingError
        ``mixed_size``, ``mixed_orientation``, ``geometry_missing``, ``duplicate_slices``, ``gantry_tilt``,
        ``missing_slices``, ``uneven_slices``.
    """
    sizes = Counter((int(header.Columns), int(header.Rows)) for header in headers)
    spacings = np.array([[float(x) for x in header.PixelSpacing] for header in headers])
    if len(sizes) > 1 or np.ptp(spacings, axis=0).max() > 1e-4:
        found = ", ".join(f"{n} of {columns} x {rows}" for (columns, rows), n in sizes.most_common())
        low, high = spacings.min(), spacings.max()
        raise ImagingError(
            "mixed_size",
            f"The images of this series differ in size ({found}; pixels of {low:.3g} to {high:.3g} mm); export one "
            "reconstruction.",
        )
    orientations = np.array([[float(x) for x in header.ImageOrientationPatient] for header in headers])
    row, column = orientations[0, :3], orientations[0, 3:]
    turned = np.abs(orientations - orientations[0]).max(axis=1)
    if turned.max() > _DIRECTION_TOLERANCE:
        cosines = np.einsum("ij,j->i", orientations[:, :3], row), np.einsum("ij,j->i", orientations[:, 3:], column)
        angle = float(np.degrees(np.arccos(np.clip(np.minimum(*cosines).min(), -1.0, 1.0))))
        raise ImagingError(
            "mixed_orientation",
            f"The images of this series are turned against each other by up to {angle:.1f} degrees; export one "
            "reconstruction.",
        )
    if abs(row @ column) > _DIRECTION_TOLERANCE or abs(np.linalg.norm(row) * np.linalg.norm(column) - 1.0) > 1e-3:
        raise ImagingError(
            "geometry_missing", "The images of this series have no valid orientation; export the original slices again."
        )
    normal = np.cross(row, column)
    positions = np.array([[float(x) for x in header.ImagePositionPatient] for header in headers])
    order = np.argsort(positions @ normal, kind="stable")
    positions = positions[order]
    distance = _slice_distance(positions, normal)
    grid = Grid(
        size=(int(headers[0].Columns), int(headers[0].Rows), len(headers)),
        spacing_mm=(float(spacings[0, 1]), float(spacings[0, 0]), distance),
        origin_mm=(float(positions[0, 0]), float(positions[0, 1]), float(positions[0, 2])),
        direction=tuple(float(x) for x in np.column_stack([row, column, normal]).ravel()),
    )
    return [int(n) for n in order], grid


def _slice_distance(positions: FloatArray, normal: FloatArray) -> float:
    """Distance between neighboring slices, mm, after checking that there is only one; positions are in order."""
    along = positions @ normal
    steps = np.diff(along)

    def place(n: int) -> tuple[float, float, float]:
        x, y, z = (float(c) for c in positions[n])
        return x, y, z

    if steps.min() < _DUPLICATE_TOLERANCE_MM:
        n = int(steps.argmin())
        count = int((steps < _DUPLICATE_TOLERANCE_MM).sum())
        raise ImagingError(
            "duplicate_slices",
            f"{count} slices lie at the place of another (the first at {along[n]:.1f} mm): several phases or "
            "reconstructions in one series; export one of them.",
            place(n),
        )
    sideways = positions - np.outer(along, normal)
    shift = float(np.linalg.norm(sideways - sideways[0], axis=1).max())
    if shift > _SIDEWAYS_TOLERANCE_MM:
        tilt = float(np.degrees(np.arctan2(shift, along[-1] - along[0])))
        raise ImagingError(
            "gantry_tilt",
            f"The slices of this series shift sideways by {shift:.1f} mm over the stack (gantry tilt of {tilt:.1f} "
            "degrees); export a reconstruction without tilt.",
        )
    smallest = float(steps.min())
    typical = float(np.median(steps))
    if steps.max() - smallest > _UNEVEN_TOLERANCE * typical:
        n = int(steps.argmax())
        multiples = steps / smallest
        if np.abs(multiples - np.rint(multiples)).max() < 0.1:
            missing = int(np.rint(multiples).sum()) - len(steps)
            raise ImagingError(
                "missing_slices",
                f"{missing} slices are missing from this series: slices lie {smallest:.2f} mm apart, but "
                f"{steps[n]:.2f} mm between {along[n]:.1f} and {along[n + 1]:.1f} mm; export the whole series.",
                place(n),
            )
        raise ImagingError(
            "uneven_slices",
            f"The slices of this series lie unevenly, {smallest:.2f} to {steps[n]:.2f} mm apart (the widest step at "
            f"{along[n]:.1f} mm); export one reconstruction with even steps.",
            place(n),
        )
    return float((along[-1] - along[0]) / (len(along) - 1))
