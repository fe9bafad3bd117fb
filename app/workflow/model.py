"""Step 3: the smooth, cut, capped and named vessel model with its centerlines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from app.workflow.segment import further_inputs, points_of, required_preset
from app.workflow.steps import Outcome, Request
from app.workflow.vessel_names import with_typed_names
from imaging.segmentation.presets import PRESETS
from imaging.surface.parameters import ModelParameters as Parameters
from imaging.types import Progress, VesselModel

__all__ = ["Parameters", "compute", "facts_of"]


def compute(request: Request, out: Path, progress: Progress) -> Outcome:
    """Build the model from the case's labels, image and points."""
    from imaging.surface.model import build_model
    from imaging.surface.surface_io import write_model
    from imaging.volume_io import read_labels, read_volume

    preset_id = request.record("segmentation").facts.get("preset") or required_preset(request.case).id
    preset = PRESETS[preset_id]
    ends = preset.ends_at(points_of(request.case, preset))
    progress(0.0, "Reading the segmentation")
    labels = read_labels(request.path("segmentation", "labels"))
    volume = read_volume(request.path("image", "volume"))
    model = build_model(labels, volume, ends, request.parameters, progress)
    model = with_typed_names(model, request.case.vessel_names)
    write_model(model, out)
    files = {path.stem: path for path in sorted(out.iterdir())}
    return Outcome("Vessel model", files, facts_of(model), further_inputs(preset))


def facts_of(model: VesselModel) -> dict[str, Any]:
    """What a model's record says of it."""
    from app.workflow.lesions import vessels_of
    from imaging.surface.topology import is_watertight

    lesions = [lesion.sentence for _, found in vessels_of(model) for lesion in found]
    caps = {patch.name: patch for patch in model.patches if patch.kind != "wall"}
    return {
        **{name: round(value, 6) for name, value in model.figures.items()},
        "is_watertight": is_watertight(model.surface.triangles),
        "n_outlets": sum(patch.kind == "outlet" for patch in model.patches),
        "cap_radius_mm": {name: round(patch.radius_mm, 3) for name, patch in caps.items()},
        "findings": lesions,
        "notes": list(model.notes),
    }
