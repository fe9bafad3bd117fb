"""Step 2: the lumen, by preset."""

from __future__ import annotations

import dataclasses
from typing import Any

from app.workflow.parameters import declared
from app.workflow.steps import Outcome, Request
from imaging.segmentation.presets import PRESETS
from imaging.types import Progress

_DEFAULT = PRESETS["thoracic-aorta"]

Parameters = dataclasses.make_dataclass(
    "Parameters",
    [
        ("preset", str, declared(_DEFAULT.id, help="Anatomy", choices=tuple(PRESETS))),
        *(
            (f.name, f.type, dataclasses.field(default=f.default, metadata=f.metadata))
            for f in dataclasses.fields(_DEFAULT.parameters_type)
        ),
    ],
    frozen=True,
    module=__name__,
)


def compute(request: Request, out: Any, progress: Progress) -> Outcome:
    """Segment the case's image from its points."""
    from imaging.volume_io import read_volume, write_labels

    values = dataclasses.asdict(request.parameters)
    preset = PRESETS[values.pop("preset")]
    volume = read_volume(request.path("image", "volume"))
    labels = preset.segment(volume, request.case.points, preset.parameters_type(**values), progress)
    path = out / "labels.nrrd"
    write_labels(labels, path)
    counts = {name: int((labels.array == value).sum()) for value, name in labels.names.items()}
    volumes = {name: round(count * labels.grid.voxel_volume_ml, 2) for name, count in counts.items()}
    facts = {"preset": preset.id, "volume_ml": volumes}
    return Outcome(preset.title, {"labels": path}, facts)
