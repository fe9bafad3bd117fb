"""All operations by id, and the one way to make one: an edit in, a sparse step out."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from imaging.errors import ImagingError
from imaging.segmentation.editing import detecting, growing, learning, painting, shaping
from imaging.segmentation.editing.delta import Delta, difference
from imaging.segmentation.editing.growing import Leak
from imaging.segmentation.editing.operation import LARGEST_LABEL, Canvas, Labels, Operation, require_places
from imaging.types import Grid, Progress, Volume

OPERATIONS: Mapping[str, Operation] = {
    operation.id: operation
    for operation in (
        *painting.OPERATIONS,
        *growing.OPERATIONS,
        *shaping.OPERATIONS,
        *detecting.OPERATIONS,
        *learning.OPERATIONS,
    )
}


@dataclass(frozen=True)
class Edit:
    """One edit, as it is stored and replayed.

    Attributes
    ----------
    operation
        Id of the operation.
    parameters
        What was chosen, by name; the rest is the operation's defaults.
    label
        The label it writes.
    places_mm
        Positions (x, y, z) in mm LPS, or roles of a case's points, which stand for another place in another patient.
    direction
        Unit vector (LPS) through the plane in which something was drawn.
    """

    operation: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    label: int = 1
    places_mm: tuple[tuple[float, float, float] | str, ...] = ()
    direction: tuple[float, float, float] | None = None


@dataclass(frozen=True, eq=False)
class Applied:
    """What an edit did: the step (None when nothing changed), sentences, figures with units in the name, leaks."""

    delta: Delta | None
    notes: tuple[str, ...]
    figures: Mapping[str, float]
    leaks: tuple[Leak, ...]


def barrier_of(leak: Leak, label: int) -> Edit:
    """The barrier disk that closes a leak's neck."""
    return Edit("barrier-plane", {"radius_mm": leak.radius_mm}, label, (leak.place_mm,), leak.normal)


def operation_of(operation_id: str) -> Operation:
    """The operation of that id, or ``ImagingError("unknown_operation")``."""
    if operation_id not in OPERATIONS:
        raise ImagingError(
            "unknown_operation", f"There is no edit {operation_id!r}; there are: {', '.join(OPERATIONS)}."
        )
    return OPERATIONS[operation_id]


def apply_edit(
    labels: Labels,
    grid: Grid,
    volume: Volume | None,
    edit: Edit,
    progress: Progress,
    points: Mapping[str, tuple[float, float, float]] | None = None,
) -> Applied:
    """Work an edit out; ``labels`` (k, j, i) stay as they are, the step that changes them is handed back.

    Parameters
    ----------
    points
        Places (mm, LPS) of the roles that the edit may name.

    Raises
    ------
    ImagingError
        ``unknown_operation``, ``parameter_out_of_range``, ``missing_point``, ``bad_point``, ``point_outside_volume``,
        ``bad_label``, ``no_scan``, and those of the operation.
    """
    operation = operation_of(edit.operation)
    parameters = _parameters(operation, edit.parameters)
    if not 1 <= edit.label <= LARGEST_LABEL:
        raise ImagingError("bad_label", f"A label is a number from 1 to {LARGEST_LABEL}, not {edit.label}.")
    if operation.needs_scan and (volume is None or volume.array.shape != labels.shape):
        raise ImagingError("no_scan", f"{operation.title} needs the scan on the grid of the labels.")
    places = np.array([_place(place, points or {}) for place in edit.places_mm], dtype=float).reshape(-1, 3)
    canvas = Canvas(labels, grid, edit.label, places, _unit(edit.direction), volume)
    require_places(canvas, operation)
    change = operation.run(canvas, parameters, progress)
    progress(1.0, operation.title)
    return Applied(difference(labels, change.box, change.labels), change.notes, change.figures, change.leaks)


def _parameters(operation: Operation, values: Mapping[str, Any]) -> Any:
    """The operation's parameters with ``values`` over the defaults, checked against what they declare."""
    fields = {f.name: f for f in dataclasses.fields(operation.parameters_type)}
    for name, value in values.items():
        if name not in fields:
            known = ", ".join(fields) or "none"
            raise ImagingError("parameter_out_of_range", f"{operation.title} has no setting {name!r}; it has: {known}.")
        said, default = fields[name].metadata, fields[name].default
        if "choices" in said:
            is_good = value in said["choices"]
            wanted = "one of " + ", ".join(said["choices"])
        elif isinstance(default, str):
            is_good, wanted = isinstance(value, str), "a text"
        elif isinstance(default, bool):
            is_good, wanted = isinstance(value, bool), "true or false"
        else:
            is_good = isinstance(value, int | float) and math.isfinite(value) and said["min"] <= value <= said["max"]
            is_good &= not isinstance(default, int) or value == int(value)
            unit = "" if said["unit"] == "1" else f" {said['unit']}"
            wanted = f"from {said['min']:g} to {said['max']:g}{unit}"
        if not is_good:
            raise ImagingError(
                "parameter_out_of_range", f"The setting {name} of {operation.title} must be {wanted}, not {value!r}."
            )
    return operation.parameters_type(**values)


def _place(place: Any, points: Mapping[str, tuple[float, float, float]]) -> tuple[float, float, float]:
    if isinstance(place, str):
        if place not in points:
            raise ImagingError("missing_point", f"The edit needs the point {place}, which is not set in this case.")
        return points[place]
    try:
        x, y, z = (float(c) for c in place)
    except (TypeError, ValueError):
        x = y = z = math.nan
    if not (math.isfinite(x) and math.isfinite(y) and math.isfinite(z)):
        raise ImagingError(
            "bad_point", f"{place!r} is not a place: three numbers (x, y, z in mm, LPS) or a point's role."
        )
    return x, y, z


def _unit(direction: Any) -> tuple[float, float, float] | None:
    if direction is None:
        return None
    x, y, z = _place(direction, {})
    length = math.sqrt(x * x + y * y + z * z)
    if length == 0.0:
        raise ImagingError("bad_point", "The direction of an edit must not be zero.")
    return x / length, y / length, z / length
