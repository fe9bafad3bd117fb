"""Step 2: the lumen, by preset."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from app.case.errors import CaseError
from app.case.records import Case, Position
from app.workflow.parameters import declared
from app.workflow.steps import Outcome, Request
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


def settings_of(preset: Preset) -> tuple[str, ...]:
    """The settings that a preset has."""
    return tuple(field.name for field in dataclasses.fields(preset.parameters_type))


def preset_by_points(points: Mapping[str, Position]) -> Preset | None:
    """The one anatomy all of whose points are placed, or else the one that has all points placed so far."""
    placed = set(points)
    complete = [p for p in PRESETS.values() if {role.id for role in p.roles if not role.is_optional} <= placed]
    begun = [p for p in PRESETS.values() if placed and placed <= {role.id for role in p.roles}]
    fitting = complete or begun
    return fitting[0] if len(fitting) == 1 else None


def chosen_preset(case: Case, chosen: str | None = None) -> Preset | None:
    """The anatomy that was chosen for a case, or else that to which its points belong; nothing is assumed."""
    name = case.parameters.get("segment", {}).get("preset", "") if chosen is None else chosen
    return PRESETS[name] if name in PRESETS else preset_by_points(case.points)


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
    # A case may hold points of another anatomy as well.
    roles = {role.id for role in preset.roles}
    points = {role: position for role, position in request.case.points.items() if role in roles}
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
    return Outcome(preset.title, {"labels": path}, facts)
