"""Step 4: tetrahedra with boundary layers, and a check of what was really made."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.workflow.steps import Outcome, Request
from imaging.meshing.parameters import MeshParameters as Parameters
from imaging.types import Progress

__all__ = ["Parameters", "compute", "verdict_of"]


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
    facts = {"is_verified": not quality.faults, **dataclasses.asdict(quality), "notes": list(mesh.notes)}
    return Outcome("Mesh", files, facts)


def verdict_of(facts: Mapping[str, Any]) -> str:
    """What the check of a mesh says as a whole; empty for a mesh that was made before there was such a verdict."""
    if "is_verified" not in facts:
        return ""
    if not facts["is_verified"]:
        return "Not fit to be solved on: the findings below say why."
    return (
        f"Verified: one closed piece, no inverted cell, {facts['n_boundary_layers']} layers under "
        f"{100.0 * facts['layered_wall_fraction']:.4g} % of the wall, volume within "
        f"{100.0 * abs(facts['volume_error']):.2g} % of the model's."
    )
