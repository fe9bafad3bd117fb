"""Typed names of vessels and openings: kept in the case, carried by model, mesh and outlets."""

from __future__ import annotations

import dataclasses
import shutil
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from app.case.bundle import OpenCase, utc_now
from app.case.commands import RenameVessels
from app.case.errors import CaseError
from app.case.records import Record
from app.workflow.steps import path_of
from imaging.anatomy.vessel_names import names_in, plain_name, renamed_model, renamed_patches, suggested_names
from imaging.errors import ImagingError
from imaging.types import VesselModel


def with_typed_names(model: VesselModel, names: Mapping[str, str]) -> VesselModel:
    """A model just built, with the names that were typed for it before; a name that no longer fits is left out."""
    try:
        return renamed_model(model, names)
    except ImagingError as error:
        note = f"The names that were typed before were not used. {error.message}"
        return dataclasses.replace(model, notes=(*model.notes, note))


def name_rows(model: VesselModel) -> list[dict[str, Any]]:
    """Each name of a model: what it names, and what is suggested instead, likeliest first."""
    found = names_in(model)
    return [
        {"name": name, "names": list(kinds), "suggestions": list(suggested_names(tuple(found), name))}
        for name, kinds in found.items()
    ]


def read_names(opened: OpenCase) -> list[dict[str, Any]]:
    """The names of the case's model.

    Raises
    ------
    CaseError
        ``step_missing``.
    """
    from imaging.surface.surface_io import read_model

    return name_rows(read_model(opened.path_of(_model_record(opened).files["surface"]).parent))


def rename(opened: OpenCase, changes: Mapping[str, str]) -> dict[str, str]:
    """Give vessels and openings other names; returns old name to new name.

    The model, and the mesh that was made from it, become new records whose points and cells are the same; one undo
    takes all back. Runs keep the old names and are out of date.

    Raises
    ------
    CaseError
        ``step_missing``; ``no_such_vessel``.
    ImagingError
        ``bad_name``, ``name_taken``.
    """
    from imaging.meshing.mesh_io import read_mesh, write_mesh
    from imaging.surface.surface_io import read_model, write_model

    record = _model_record(opened)
    model = read_model(opened.path_of(record.files["surface"]).parent)
    known = names_in(model)
    for old in changes:
        if old not in known:
            raise CaseError("no_such_vessel", f"The model has no vessel {old}; there are: {', '.join(known)}.")
    names = {old: plain_name(new) for old, new in changes.items()}
    names = {old: new for old, new in names.items() if old != new}
    if not names:
        return {}
    renamed = renamed_model(model, names)
    from app.workflow.model import facts_of

    with opened.staging() as out:
        facts = {**record.facts, **facts_of(renamed)}
        records = [_taken(opened, record, out / "model", lambda folder: write_model(renamed, folder), facts, {})]
        mesh_record = opened.case.current("mesh")
        if mesh_record is not None and mesh_record.recipe.inputs.get("model") == record.digest:
            mesh = read_mesh(opened.path_of(next(iter(mesh_record.files.values()))).parent)
            mesh = dataclasses.replace(mesh, patches=renamed_patches(mesh.patches, names))
            facts = {name: _renamed_keys(value, names) for name, value in mesh_record.facts.items()}
            inputs = {"model": records[0].digest}
            records.append(
                _taken(opened, mesh_record, out / "mesh", lambda folder: write_mesh(mesh, folder), facts, inputs)
            )
        said = ", ".join(f"{old} to {new}" for old, new in names.items())
        opened.do(RenameVessels(_typed(opened.case.vessel_names, names), tuple(records), f"Rename {said}"))
    return names


def _model_record(opened: OpenCase) -> Record:
    record = opened.case.current("model")
    if record is None:
        raise CaseError("step_missing", "Vessels have names once there is a model: run Model first.")
    return record


def _taken(
    opened: OpenCase,
    record: Record,
    folder: Path,
    write: Callable[[Path], None],
    facts: dict[str, Any],
    inputs: dict[str, str],
) -> Record:
    """A record like another one, with files written anew; those that the writer leaves out are copied."""
    write(folder)
    for ref in record.files.values():
        if not (folder / Path(ref.path).name).exists():
            shutil.copy2(opened.path_of(ref), folder)
    record_id = f"{record.kind}-{uuid.uuid4().hex[:8]}"
    step = next(step for step in path_of(opened.case).values() if step.makes == record.kind)
    refs = opened.take_in({path.stem: path for path in sorted(folder.iterdir())}, f"{step.folder}/{record_id}")
    recipe = record.recipe.model_copy(
        update={"created_utc": utc_now(), "inputs": {**record.recipe.inputs, **inputs}, "seconds": 0.0}
    )
    return record.model_copy(update={"id": record_id, "files": refs, "facts": facts, "recipe": recipe})


def _typed(before: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    """Given names to typed ones after another renaming; a vessel that gets its given name back is left out."""
    given = {typed: first for first, typed in before.items()}
    after = dict(before)
    for old, new in names.items():
        first = given.get(old, old)
        after.pop(first, None)
        if first != new:
            after[first] = new
    return after


def _renamed_keys(value: Any, names: Mapping[str, str]) -> Any:
    return {names.get(key, key): item for key, item in value.items()} if isinstance(value, dict) else value
