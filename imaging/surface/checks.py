"""What a label and the wished ends must fulfil before a model is built; each refusal is one sentence with a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from imaging.errors import ImagingError
from imaging.types import FloatArray, Grid, LabelMap, VesselEnd


def position_text(position_mm: Sequence[float]) -> str:
    """A position for a sentence."""
    x, y, z = position_mm
    return f"({x:.0f}, {y:.0f}, {z:.0f}) mm"


def triple(position: FloatArray) -> tuple[float, float, float]:
    """Three plain floats."""
    x, y, z = (float(c) for c in position)
    return x, y, z


def ordered_ends(ends: Sequence[VesselEnd]) -> tuple[VesselEnd, ...]:
    """The inlet first, then the outlets as given.

    Raises
    ------
    ImagingError
        ``needs_inlet_and_outlet``, ``duplicate_end``.
    """
    inlets = [end for end in ends if end.kind == "inlet"]
    outlets = [end for end in ends if end.kind == "outlet"]
    if len(inlets) != 1 or not outlets:
        raise ImagingError(
            "needs_inlet_and_outlet",
            f"Blood must be able to flow through: the model needs exactly one inlet and at least one outlet, but "
            f"{len(inlets)} inlet(s) and {len(outlets)} outlet(s) are given. Mark the missing end of the vessel.",
        )
    names = [end.name for end in ends]
    for name in names:
        if names.count(name) > 1:
            raise ImagingError(
                "duplicate_end", f"Two ends are called '{name}': give each end of the vessel its own name."
            )
    return (inlets[0], *outlets)


def lumen_with_ends(
    labels: LabelMap, ends: Sequence[VesselEnd], snap_mm: float
) -> tuple[NDArray[np.bool_], tuple[VesselEnd, ...], tuple[str, ...]]:
    """The one connected lumen that holds all ends, the ends moved into it, and notes on what was left out.

    Raises
    ------
    ImagingError
        ``empty_label``, ``label_in_pieces``, ``end_outside_label``.
    """
    mask = np.asarray(labels.array) > 0
    if not mask.any():
        raise ImagingError("empty_label", "The segmentation is empty: segment the vessel before building its model.")
    from scipy import ndimage

    pieces, n_pieces = ndimage.label(mask)
    sizes = np.bincount(pieces.ravel())
    sizes[0] = 0
    largest = int(sizes.argmax())
    mask = pieces == largest
    moved = tuple(_moved_into(labels.grid, mask, pieces, end, snap_mm) for end in ends)
    notes = []
    left_out = int(sizes.sum() - sizes[largest])
    if left_out:
        volume = left_out * labels.grid.voxel_volume_ml
        notes.append(f"{n_pieces - 1} separate piece(s) of the segmentation without an end ({volume:.2f} mL) left out.")
    return mask, moved, tuple(notes)


def _moved_into(
    grid: Grid, mask: NDArray[np.bool_], pieces: NDArray[np.int32], end: VesselEnd, snap_mm: float
) -> VesselEnd:
    reach_mm = max(snap_mm, 0.75 * max(grid.spacing_mm))
    nearest, distance = _nearest(grid, mask, end.position_mm, reach_mm)
    if nearest is not None:
        inside = distance <= 0.5 * max(grid.spacing_mm)
        return end if inside else replace(end, position_mm=triple(nearest))
    other, _ = _nearest(grid, pieces > 0, end.position_mm, reach_mm)
    at = position_text(end.position_mm)
    if other is not None:
        raise ImagingError(
            "label_in_pieces",
            f"The segmented lumen is in several pieces, and the end '{end.name}' at {at} lies on a piece that is not "
            "connected to the largest one: close the gap in the segmentation, or leave this end out.",
            end.position_mm,
        )
    raise ImagingError(
        "end_outside_label",
        f"The end '{end.name}' at {at} lies outside the segmented lumen, more than {reach_mm:.0f} mm away from it: "
        "move this point into the vessel, or extend the segmentation to it.",
        end.position_mm,
    )


def _nearest(
    grid: Grid, mask: NDArray[np.bool_], position_mm: Sequence[float], reach_mm: float
) -> tuple[FloatArray | None, float]:
    """The nearest voxel center of the mask within reach, and its distance."""
    index = grid.to_index(position_mm)
    reach = np.ceil(reach_mm / np.asarray(grid.spacing_mm)).astype(int) + 1
    first = np.maximum(np.round(index).astype(int) - reach, 0)
    last = np.minimum(np.round(index).astype(int) + reach + 1, grid.size)
    if (first >= last).any():
        return None, np.inf
    window = mask[first[2] : last[2], first[1] : last[1], first[0] : last[0]]
    found = np.argwhere(window)
    if len(found) == 0:
        return None, np.inf
    centers = grid.to_lps(found[:, ::-1] + first)
    distance = np.linalg.norm(centers - np.asarray(position_mm), axis=1)
    best = int(distance.argmin())
    if distance[best] > reach_mm:
        return None, np.inf
    return centers[best], float(distance[best])
