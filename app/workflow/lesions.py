"""Sections, shape and lesions of the vessels of a case's model."""

from __future__ import annotations

from typing import Any

import numpy as np

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from imaging.centerline.lesions import Lesion, LesionParameters, find_lesions
from imaging.centerline.vessel_sections import VesselSections, vessel_sections
from imaging.types import Progress, VesselModel, silent


def vessels_of(
    model: VesselModel, parameters: LesionParameters | None = None, progress: Progress = silent
) -> list[tuple[VesselSections, tuple[Lesion, ...]]]:
    """The sections of every vessel of a model with the lesions found in them."""
    return [(found, find_lesions(found, parameters)) for found in vessel_sections(model, progress)]


def vessel_report(
    opened: OpenCase, parameters: LesionParameters | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Vessels with sections and lesions of the case's current model, as JSON has it; lengths in mm.

    Raises
    ------
    CaseError
        ``step_missing`` when no model was built.
    """
    from imaging.surface.surface_io import read_model

    record = opened.case.current("model")
    if record is None:
        raise CaseError("step_missing", "Lesions are found in the vessel model: run Model first.")
    model = read_model(opened.path_of(record.files["surface"]).parent)
    found = vessels_of(model, parameters, progress)
    progress(1.0, "Vessels measured")
    return {
        "model": record.id,
        "vessels": [_vessel(sections) for sections, _ in found],
        "lesions": [_lesion(lesion) for _, lesions in found for lesion in lesions],
    }


def _vessel(sections: VesselSections) -> dict[str, Any]:
    columns = (
        "along_mm",
        "area_mm2",
        "diameter_mm",
        "min_diameter_mm",
        "max_diameter_mm",
        "hydraulic_diameter_mm",
        "inscribed_radius_mm",
        "curvature_per_mm",
        "torsion_per_mm",
    )
    table = {name: _numbers(getattr(sections, name)) for name in columns}
    return {
        "name": sections.branch,
        "parent": sections.parent,
        "length_mm": round(sections.length_mm, 3),
        "tortuosity": round(sections.tortuosity, 4),
        "n_sections": len(sections.along_mm),
        "diameter_mm": [round(float(v), 3) for v in np.percentile(sections.diameter_mm, (0, 50, 100))],
        "max_curvature_per_mm": round(float(sections.curvature_per_mm.max()), 4),
        "sections": {**table, "center_mm": np.round(sections.center_mm, 3).tolist()},
    }


def _numbers(values: Any) -> list[float | None]:
    return [round(float(v), 4) if np.isfinite(v) else None for v in values]


def _lesion(lesion: Lesion) -> dict[str, Any]:
    def segment(found: Any) -> dict[str, float] | None:
        return {name: round(value, 3) for name, value in vars(found).items()} if found else None

    plain = {name: round(v, 3) if isinstance(v, float) else v for name, v in vars(lesion).items()}
    return {
        **plain,
        "place_mm": [round(c, 2) for c in lesion.place_mm],
        "length_mm": round(lesion.length_mm, 3),
        "proximal": segment(lesion.proximal),
        "distal": segment(lesion.distal),
        "sentence": lesion.sentence,
    }
