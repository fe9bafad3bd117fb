"""Step 2: the lumen, by preset."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.case.commands import RemovePoint, SetLandmarks, SetPoint
from app.case.errors import CaseError
from app.case.records import Case, Position
from app.workflow.landmarks import placing, removing
from app.workflow.parameters import declared
from app.workflow.steps import Outcome, Request
from imaging.anatomy.landmarks import LANDMARKS
from imaging.segmentation.declaration import Preset
from imaging.segmentation.presets import PRESETS
from imaging.types import Progress

_FIELDS = {field.name: field for preset in PRESETS.values() for field in dataclasses.fields(preset.parameters_type)}

Parameters = dataclasses.make_dataclass(
    "Parameters",
    [
        (
            "preset",
            str,
            declared("", help="Anatomy (empty: that to which the points belong)", choices=("", *PRESETS)),
        ),
        *((f.name, f.type, dataclasses.field(default=f.default, metadata=f.metadata)) for f in _FIELDS.values()),
    ],
    frozen=True,
    module=__name__,
)


POINT_ROLES = tuple(
    dict.fromkeys(role.id for preset in PRESETS.values() for role in preset.roles if role.id not in LANDMARKS)
)
"""Roles of all points that are kept for segmenting; those that are landmarks are kept among the landmarks."""


def further_inputs(preset: Preset) -> tuple[str, ...]:
    """What a segmentation and a model by a preset rest on besides scan and points (see `Case.input_digest`)."""
    return ("hinges",) if any(opening.plane for opening in preset.openings) else ()


def settings_of(preset: Preset) -> tuple[str, ...]:
    """The settings that a preset has."""
    return tuple(field.name for field in dataclasses.fields(preset.parameters_type))


def placed_points(case: Case) -> dict[str, Position]:
    """All points that are placed, with the landmarks from which an anatomy can be segmented as well."""
    return {**case.points, **{name: mark.position_mm for name, mark in case.landmarks.items() if name in LANDMARKS}}


def points_of(case: Case, preset: Preset) -> dict[str, Position]:
    """The points of an anatomy that are placed."""
    placed = placed_points(case)
    return {role.id: placed[role.id] for role in preset.roles if role.id in placed}


def placing_point(role: str, position_mm: Position) -> SetPoint | SetLandmarks:
    """The command that places what a click was wanted for: a point of an anatomy, or a landmark."""
    return SetPoint(role, position_mm) if role in POINT_ROLES else placing(role, position_mm)


def removing_point(case: Case, role: str) -> RemovePoint | SetLandmarks:
    """The command that takes a point of an anatomy, or a landmark, away."""
    return RemovePoint(role) if role in POINT_ROLES else removing(case, (role,))


def preset_by_points(case: Case) -> Preset | None:
    """The one anatomy all of whose points are placed, or else the one that has all points placed so far."""
    complete = [
        preset
        for preset in PRESETS.values()
        if {role.id for role in preset.roles if not role.is_optional} <= set(points_of(case, preset))
    ]
    begun = [p for p in PRESETS.values() if case.points and set(case.points) <= {role.id for role in p.roles}]
    fitting = complete or begun
    return fitting[0] if len(fitting) == 1 else None


def chosen_preset(case: Case, chosen: str | None = None) -> Preset | None:
    """The anatomy that was chosen for a case, or else that to which its points belong; nothing is assumed."""
    name = case.parameters.get("segment", {}).get("preset", "") if chosen is None else chosen
    return PRESETS[name] if name in PRESETS else preset_by_points(case)


def required_preset(case: Case, chosen: str | None = None) -> Preset:
    """As `chosen_preset`; CaseError ``no_preset`` when there is none."""
    preset = chosen_preset(case, chosen)
    if preset is None:
        raise CaseError(
            "no_preset",
            "It is not known which anatomy this is: choose one (--preset, or in the window), or place all points of "
            f"just one of these: {', '.join(PRESETS)}.",
        )
    return preset


def compute(request: Request, out: Any, progress: Progress) -> Outcome:
    """Segment the case's image from its points."""
    from imaging.volume_io import read_volume, write_labels

    values = dataclasses.asdict(request.parameters)
    preset = required_preset(request.case, values.pop("preset"))
    volume = read_volume(request.path("image", "volume"))
    points = points_of(request.case, preset)
    parameters = preset.parameters_type(**{name: values[name] for name in settings_of(preset)})
    labels = preset.segment(volume, points, parameters, progress)
    path = out / "labels.nrrd"
    write_labels(labels, path)
    counts = {name: int((labels.array == value).sum()) for value, name in labels.names.items()}
    volumes = {name: round(count * labels.grid.voxel_volume_ml, 2) for name, count in counts.items()}
    facts = {"preset": preset.id, "volume_ml": volumes}
    if preset.facts.inflow:
        facts["usual_inflow_shape"] = preset.facts.inflow
    if preset.facts.other_inlets:
        facts["usual_further_inlets"] = ", ".join(preset.facts.other_inlets)
    return Outcome(preset.title, {"labels": path}, facts, further_inputs(preset))
