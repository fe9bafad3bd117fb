"""Whether the slices of a DICOM series form a straight, even grid; every complaint says by how many millimetres."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imaging.dicom.images import Image
from imaging.errors import ImagingError
from imaging.finding import Finding, Place
from imaging.types import FloatArray, Grid, IntArray

_DIRECTION_TOLERANCE = 1e-3
_SIDEWAYS_TOLERANCE_MM = 0.2
_DUPLICATE_TOLERANCE_MM = 0.01
_UNEVEN_TOLERANCE = 0.02
"""Of the slice distance; positions are often rounded to 0.01 mm."""

WIDEST_STEP_REPAIRED_MM = 3.0
"""Assumption: between slices farther apart than the widest that a CT angiogram is made of, nothing is interpolated."""
MOST_SLICES_BRIDGED = 1
"""Assumption: one missing slice between two others may be interpolated, more are a hole."""
STEEPEST_TILT_REPAIRED_DEG = 31.0
"""Assumption: gantries of CT scanners tilt by up to 30 degrees; more is no tilt but a damaged series."""
PLAUSIBLE_SPACING_MM = (0.01, 20.0)
LONGEST_STACK_MM = 3000.0
"""Assumptions: what lies outside is a damaged header or another unit than mm."""


@dataclass(frozen=True, eq=False)
class StackGeometry:
    """How the slices of a series lie, measured; lengths in mm, LPS.

    Attributes
    ----------
    order : (n,) int
        Indices of the images along the normal of their plane.
    row, column, normal : (3,) float
        Unit vectors; ``row`` is the direction along a row, in which the column index grows.
    positions : (n, 3) float
        Centers of the first pixels, in order; ``along`` (n,) are their heights on the normal.
    sideways : (n, 3) float
        Shift of each slice in its own plane against the first.
    """

    size: tuple[int, int]
    spacing_mm: tuple[float, float]
    order: IntArray
    row: FloatArray
    column: FloatArray
    normal: FloatArray
    positions: FloatArray
    along: FloatArray
    sideways: FloatArray

    @property
    def n_slices(self) -> int:
        """Number of slices."""
        return len(self.order)

    @property
    def steps(self) -> FloatArray:
        """Distances between neighboring slices (n - 1,)."""
        return np.diff(self.along)

    @property
    def length_mm(self) -> float:
        """From the first slice to the last."""
        return float(self.along[-1] - self.along[0])

    @property
    def shift_mm(self) -> float:
        """Largest shift sideways."""
        return float(np.linalg.norm(self.sideways, axis=1).max())

    @property
    def tilt_deg(self) -> float:
        """Angle between the stack and the normal of its slices."""
        return float(np.degrees(np.arctan2(self.shift_mm, self.length_mm)))

    @property
    def bend_mm(self) -> float:
        """Largest distance of a slice from the straight oblique line through the stack."""
        fraction = (self.along - self.along[0]) / self.length_mm
        return float(np.linalg.norm(self.sideways - np.outer(fraction, self.sideways[-1]), axis=1).max())

    @property
    def n_missing(self) -> int:
        """Slices that lack, when every step is a whole multiple of the smallest; else 0."""
        multiples = self.steps / self.steps.min()
        if np.abs(multiples - np.rint(multiples)).max() >= 0.1:
            return 0
        return int(np.rint(multiples).sum()) - len(self.steps)

    @property
    def is_even(self) -> bool:
        """Whether all steps are the same, within rounding."""
        return not float(np.ptp(self.steps)) > _UNEVEN_TOLERANCE * float(np.median(self.steps))

    @property
    def is_straight(self) -> bool:
        """Whether no slice is shifted sideways, within rounding."""
        return not self.shift_mm > _SIDEWAYS_TOLERANCE_MM

    @property
    def grid(self) -> Grid:
        """The grid of a straight and even stack."""
        first = self.positions[0]
        return Grid(
            size=(*self.size, self.n_slices),
            spacing_mm=(*self.spacing_mm, self.length_mm / (self.n_slices - 1)),
            origin_mm=(float(first[0]), float(first[1]), float(first[2])),
            direction=tuple(float(x) for x in np.column_stack([self.row, self.column, self.normal]).ravel()),
        )

    def place(self, n: int) -> Place:
        """Where the n-th slice begins."""
        x, y, z = (float(c) for c in self.positions[n])
        return x, y, z


def measure(images: Sequence[Image]) -> StackGeometry:
    """How slices lie, once they are pictures of one size and orientation.

    Raises
    ------
    ImagingError
        ``not_3d``, ``geometry_missing``, ``spacing_invalid``, ``mixed_size``, ``mixed_orientation``.
    """
    if len(images) < 2:
        raise ImagingError(
            "not_3d", "This DICOM series holds a single image; choose the folder with the whole series of slices."
        )
    if any(image.position_mm is None or image.orientation is None or image.spacing_mm is None for image in images):
        raise ImagingError(
            "geometry_missing",
            "Some images of this series do not say where they lie in the patient; export the original slices again.",
        )
    spacings = np.array([image.spacing_mm for image in images])
    _check_sizes(images, spacings)
    orientations = np.array([image.orientation for image in images])
    row, column = orientations[0, :3], orientations[0, 3:]
    _check_directions(orientations, row, column)
    normal = np.cross(row, column)
    normal = normal / np.linalg.norm(normal)
    positions = np.array([image.position_mm for image in images])
    order = np.argsort(positions @ normal, kind="stable")
    positions = positions[order]
    along = positions @ normal
    across = positions - np.outer(along, normal)
    if along[-1] - along[0] > LONGEST_STACK_MM or np.abs(positions).max() > 1e5:
        raise ImagingError(
            "spacing_invalid",
            f"The slices of this series lie over {along[-1] - along[0]:.4g} mm, longer than any patient, so their "
            "positions are damaged; export the series again.",
        )
    return StackGeometry(
        (images[0].columns, images[0].rows),
        (float(spacings[0, 1]), float(spacings[0, 0])),
        order,
        row,
        column,
        normal,
        positions,
        along,
        across - across[0],
    )


def _check_sizes(images: Sequence[Image], spacings: FloatArray) -> None:
    low, high = float(spacings.min()), float(spacings.max())
    if low < PLAUSIBLE_SPACING_MM[0] or high > PLAUSIBLE_SPACING_MM[1]:
        odd = low if low < PLAUSIBLE_SPACING_MM[0] else high
        raise ImagingError(
            "spacing_invalid",
            f"The images of this series state pixels of {odd:.3g} mm, which no scan has, so sizes would be wrong; "
            "export the series again.",
        )
    sizes = Counter((image.columns, image.rows) for image in images)
    if len(sizes) > 1 or np.ptp(spacings, axis=0).max() > 1e-4:
        found = ", ".join(f"{n} of {columns} x {rows}" for (columns, rows), n in sizes.most_common())
        raise ImagingError(
            "mixed_size",
            f"The images of this series differ in size ({found}; pixels of {low:.3g} to {high:.3g} mm); export one "
            "reconstruction.",
        )


def _check_directions(orientations: FloatArray, row: FloatArray, column: FloatArray) -> None:
    if np.abs(orientations - orientations[0]).max() > _DIRECTION_TOLERANCE:
        cosines = np.einsum("ij,j->i", orientations[:, :3], row), np.einsum("ij,j->i", orientations[:, 3:], column)
        angle = float(np.degrees(np.arccos(np.clip(np.minimum(*cosines).min(), -1.0, 1.0))))
        raise ImagingError(
            "mixed_orientation",
            f"The images of this series are turned against each other by up to {angle:.1f} degrees; export one "
            "reconstruction.",
        )
    lengths = np.linalg.norm(row), np.linalg.norm(column)
    if abs(row @ column) > _DIRECTION_TOLERANCE or max(abs(float(length) - 1.0) for length in lengths) > 1e-3:
        raise ImagingError(
            "geometry_missing", "The images of this series have no valid orientation; export the original slices again."
        )


def defects(geometry: StackGeometry) -> list[Finding]:
    """What keeps the slices from being a straight, even grid, the gravest first; empty when nothing does."""
    g, steps = geometry, geometry.steps
    if steps.min() < _DUPLICATE_TOLERANCE_MM:
        n = int(steps.argmin())
        count = int((steps < _DUPLICATE_TOLERANCE_MM).sum())
        message = (
            f"{count} slices lie at the place of another (the first at {g.along[n]:.1f} mm): several phases or "
            "reconstructions in one series; export one of them."
        )
        return [Finding("duplicate_slices", "refused", message, count, "slices", 0.0, g.place(n))]
    if steps.max() > LONGEST_STACK_MM or (g.is_even and np.median(steps) > PLAUSIBLE_SPACING_MM[1]):
        message = (
            f"The slices of this series lie {float(np.median(steps)):.4g} mm apart, too far to see a vessel between "
            "them; choose another series."
        )
        return [Finding("spacing_invalid", "refused", message, float(np.median(steps)), "mm", PLAUSIBLE_SPACING_MM[1])]
    return [*_tilt(g), *_unevenness(g)]


def _tilt(g: StackGeometry) -> list[Finding]:
    if g.is_straight:
        return []
    start = f"The slices of this series shift sideways by {g.shift_mm:.1f} mm over the stack"
    if g.bend_mm > _SIDEWAYS_TOLERANCE_MM or g.tilt_deg > STEEPEST_TILT_REPAIRED_DEG:
        why = (
            f"and not along a line (by up to {g.bend_mm:.1f} mm off it), as no tilted gantry makes them"
            if g.bend_mm > _SIDEWAYS_TOLERANCE_MM
            else f"({g.tilt_deg:.1f} degrees), more than a gantry tilts"
        )
        message = f"{start} {why}, so they cannot be put straight; export the series again."
        return [Finding("gantry_tilt", "refused", message, g.shift_mm, "mm", _SIDEWAYS_TOLERANCE_MM)]
    message = (
        f"{start} (gantry tilt of {g.tilt_deg:.1f} degrees); export a reconstruction without tilt, or import it with "
        "the repair, which straightens the stack."
    )
    return [Finding("gantry_tilt", "repairable", message, g.shift_mm, "mm", _SIDEWAYS_TOLERANCE_MM)]


def _unevenness(g: StackGeometry) -> list[Finding]:
    if g.is_even:
        return []
    steps, smallest = g.steps, float(g.steps.min())
    n = int(steps.argmax())
    widest = float(steps[n])
    is_safe = widest <= WIDEST_STEP_REPAIRED_MM and widest <= (MOST_SLICES_BRIDGED + 1.1) * float(np.median(steps))
    offer = ", or import it with the repair, which interpolates between slices" if is_safe else ""
    if g.n_missing:
        message = (
            f"{g.n_missing} slices are missing from this series: slices lie {smallest:.2f} mm apart, but "
            f"{widest:.2f} mm between {g.along[n]:.1f} and {g.along[n + 1]:.1f} mm; export the whole series{offer}."
        )
    else:
        message = (
            f"The slices of this series lie unevenly, {smallest:.2f} to {widest:.2f} mm apart (the widest step at "
            f"{g.along[n]:.1f} mm); export one reconstruction with even steps{offer}."
        )
    code = "missing_slices" if g.n_missing else "uneven_slices"
    limit = min(WIDEST_STEP_REPAIRED_MM, (MOST_SLICES_BRIDGED + 1.1) * float(np.median(steps)))
    return [Finding(code, "repairable" if is_safe else "refused", message, widest, "mm", round(limit, 3), g.place(n))]
