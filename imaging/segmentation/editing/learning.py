"""The edit that asks a learned segmenter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from imaging.errors import ImagingError
from imaging.segmentation.agreement import on_grid_of
from imaging.segmentation.editing.operation import Canvas, Change, Operation, text, with_target
from imaging.segmentation.segmenters import segmenter_of
from imaging.types import Progress


@dataclass(frozen=True)
class LearnedParameters:
    """Settings of a learned segmenter."""

    segmenter: str = text("totalsegmentator", "Which: totalsegmentator, nnunet, onnx, or the name of a plug-in")
    model: str = text("", "Its model: a task, a data set's id, or a file, as the segmenter needs it")
    structure: str = text("", "What is taken of what it finds, by name or value; all of it when left empty")


def _learned(canvas: Canvas, parameters: LearnedParameters, progress: Progress) -> Change:
    segmenter = segmenter_of(parameters.segmenter)
    missing = segmenter.missing(parameters.model)
    if missing:
        raise ImagingError("segmenter_missing", missing)
    assert canvas.volume is not None
    progress(0.05, f"{segmenter.title} is started")
    found, _ = on_grid_of(
        segmenter.segment(canvas.volume, parameters.model, parameters.structure, progress), canvas.grid
    )
    wanted = parameters.structure
    values = [value for value, name in found.names.items() if wanted in (name, str(value))]
    if wanted and not values and len(found.names) == 1:
        values = list(found.names)  # it was asked for this one alone
    mask = np.isin(found.array, values) if wanted else found.array > 0
    if not mask.any():
        there = ", ".join(found.names.values()) or "nothing"
        raise ImagingError("nothing_grown", f"{segmenter.title} found no {wanted or 'vessel'}; it found {there}.")
    return Change(
        canvas.whole,
        with_target(canvas, canvas.whole, mask),
        (f"Made by {segmenter.title}: a network's answer, to be looked over.",),
        {"volume_ml": float(mask.sum()) * canvas.grid.voxel_volume_ml},
    )


OPERATIONS = (
    Operation(
        "learned",
        "Learned segmenter",
        "Take what a network finds that you have installed: TotalSegmentator, nnU-Net, an ONNX file, or a plug-in.",
        LearnedParameters,
        _learned,
        needs_scan=True,
    ),
)
