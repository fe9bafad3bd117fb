"""Step 4: tetrahedra with boundary layers, and a check of what was really made."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from app.workflow.steps import Outcome, Request
from imaging.meshing.parameters import MeshParameters as Parameters
from imaging.types import Progress

__all__ = ["Parameters", "compute"]


def compute(request: Request, out: Path, progress: Progress) -> Outcome:
    """Mesh the case's model and measure the mesh."""
    from imaging.meshing.mesh_io import write_mesh
    from imaging.meshing.quality import assess
    from imaging.meshing.tetrahedra import mesh_model
    from imaging.surface.surface_io import read_model

    model = read_model(request.path("model", "surface").parent)
    mesh = mesh_model(model, request.parameters, lambda fraction, text: progress(0.9 * fraction, text))
    progress(0.9, "Checking the mesh")
    quality = assess(mesh, model)
    write_mesh(mesh, out)
    progress(1.0, "Mesh finished")
    files = {path.stem: path for path in sorted(out.iterdir())}
    return Outcome("Mesh", files, {**dataclasses.asdict(quality), "notes": list(mesh.notes)})
