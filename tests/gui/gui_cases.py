"""Cases for tests of the window: a scan with marks at known places, labels, model, mesh, result. Made, not solved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from app.case.bundle import OpenCase, utc_now
from app.case.commands import AddRecord, SetPoints
from app.case.records import Recipe, Record
from app.workflow.result_files import (
    BranchProfile,
    CapWaveform,
    Quantity,
    ResultData,
    Streamlines,
    WallField,
    write_result,
)
from app.workflow.steps import STEPS
from imaging.meshing.mesh_io import write_mesh
from imaging.surface.surface_io import write_model
from imaging.types import Branch, CenterlineTree, Grid, LabelMap, Patch, Surface, TetMesh, VesselModel, Volume
from imaging.volume_io import write_labels, write_volume

# Anisotropic on purpose; its middle is at L 10, P 20, H 30 mm.
GRID = Grid((40, 30, 20), (2.0, 2.0, 5.0), (10.0 - 39.0, 20.0 - 29.0, 30.0 - 47.5))
BACKGROUND_HU, LEFT_MARK_HU, FRONT_MARK_HU, HEAD_MARK_HU = 100, 300, 200, 400
POINTS = {"aortic_valve": (10.0, 20.0, 30.0), "arch": (20.0, 20.0, 35.0)}
PERIOD_S = 0.8
N_FRAMES = 8


def marked_volume(grid: Grid = GRID) -> Volume:
    """100 HU with three blocks: 300 at the patient's left, 200 at the front, 400 at the head."""
    array = np.full(grid.array_shape, BACKGROUND_HU, dtype=np.int16)
    k, j, i = np.indices(grid.array_shape)
    position = grid.to_lps(np.stack([i, j, k], axis=-1))
    center = grid.to_lps((np.asarray(grid.size) - 1) / 2.0)
    away = position - center
    array[away[..., 0] > 25.0] = LEFT_MARK_HU
    array[away[..., 1] < -20.0] = FRONT_MARK_HU
    array[away[..., 2] > 35.0] = HEAD_MARK_HU
    return Volume(array, grid)


def tube_labels(grid: Grid = GRID) -> LabelMap:
    """A box of label 1 along the head axis in the middle, its left half of label 2."""
    array = np.zeros(grid.array_shape, dtype=np.uint8)
    array[3:17, 12:18, 17:20] = 1
    array[3:17, 12:18, 20:23] = 2
    return LabelMap(array, grid, {1: "aorta", 2: "left_subclavian"})


def square_tube(n: int = 10) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, tetrahedra, outward facets and their patch of a square tube along z around the grid's middle."""
    x, y, z = np.linspace(4, 16, 4), np.linspace(14, 26, 4), np.linspace(0, 60, n + 1)
    points = np.array([(a, b, c) for c in z for b in y for a in x])

    def at(i: int, j: int, k: int) -> int:
        return (k * 4 + j) * 4 + i

    tets = []
    for k in range(n):
        for j in range(3):
            for i in range(3):
                corner = [at(i + a, j + b, k + c) for c in (0, 1) for b in (0, 1) for a in (0, 1)]
                paths = ((1, 3), (3, 2), (2, 6), (6, 4), (4, 5), (5, 1))
                tets += [(corner[0], corner[a], corner[b], corner[7]) for a, b in paths]
    cells = np.array(tets)
    edges = points[cells[:, 1:]] - points[cells[:, :1]]
    flipped = np.linalg.det(edges) < 0
    cells[flipped] = cells[flipped][:, [0, 2, 1, 3]]
    faces = cells[:, [[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]]].reshape(-1, 3)
    _, first, counts = np.unique(np.sort(faces, axis=1), axis=0, return_index=True, return_counts=True)
    facets = faces[first[counts == 1]]
    height = points[facets][:, :, 2]
    patch = np.where((height == 0).all(axis=1), 2, np.where((height == 60).all(axis=1), 3, 1)).astype(np.int32)
    return points, cells, facets, patch


PATCHES = (
    Patch(1, "wall", "wall", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0, 0.0),
    Patch(2, "ascending", "inlet", (10.0, 20.0, 0.0), (0.0, 0.0, -1.0), 144.0, 6.8),
    Patch(3, "descending", "outlet", (10.0, 20.0, 60.0), (0.0, 0.0, 1.0), 144.0, 6.8),
)
EXTENSION_START = {2: (10.0, 20.0, 6.0), 3: (10.0, 20.0, 54.0)}


def tube_model() -> VesselModel:
    points, _, facets, patch = square_tube()
    line = np.array([(10.0, 20.0, z) for z in np.linspace(0, 60, 25)])
    tree = CenterlineTree(line, np.full(25, 6.0), (Branch("aorta", tuple(range(25))),))
    return VesselModel(Surface(points, facets, {}, {"patch": patch}), PATCHES, tree, EXTENSION_START, {}, ())


def branched_model() -> VesselModel:
    """The tube, with a narrower one that leaves it to the patient's left at 30 mm: two pieces of surface, one tree."""
    points, _, facets, patch = square_tube()
    aside = np.column_stack(
        [10.0 + points[:, 2], 20.0 + (points[:, 1] - 20.0) / 2.0, 30.0 + (points[:, 0] - 10.0) / 2.0]
    )
    ends = {1: 1, 2: 1, 3: 4}
    side = np.array([ends[p] for p in patch.tolist()], dtype=np.int32)
    main = np.array([(10.0, 20.0, z) for z in np.linspace(0, 60, 61)])
    way = np.array([(x, 20.0, 30.0) for x in np.linspace(11.0, 70.0, 60)])
    branches = (Branch("aorta", tuple(range(61))), Branch("left_subclavian", (30, *range(61, 121)), "aorta"))
    tree = CenterlineTree(np.concatenate([main, way]), np.repeat([6.0, 3.0], [61, 60]), branches)
    surface = Surface(
        np.concatenate([points, aside]),
        np.concatenate([facets, facets[:, ::-1] + len(points)]),
        {},
        {"patch": np.concatenate([patch, side])},
    )
    outlet = Patch(4, "left_subclavian", "outlet", (70.0, 20.0, 30.0), (1.0, 0.0, 0.0), 36.0, 3.4)
    return VesselModel(surface, (*PATCHES, outlet), tree, EXTENSION_START, {}, ())


def tube_mesh() -> TetMesh:
    points, cells, facets, patch = square_tube()
    center = points[cells].mean(axis=1)
    is_layer = (np.abs(center[:, 0] - 10) > 2) | (np.abs(center[:, 1] - 20) > 2)
    return TetMesh(points, cells, facets, patch, is_layer.astype(np.int8), PATCHES)


def tube_result() -> ResultData:
    """Wall shear stress in Pa = frame + height / 100 on the anatomy, 1000 on the extensions; a waveform with its peak
    at a quarter of the beat."""
    model = tube_model()
    wall = model.surface.triangle_data["patch"] == 1
    used, inverse = np.unique(model.surface.triangles[wall], return_inverse=True)
    points = model.surface.points[used].astype(np.float32)
    anatomy = (points[:, 2] >= 6.0) & (points[:, 2] <= 54.0)
    wss = np.arange(N_FRAMES)[:, None] + points[None, :, 2] / 100.0
    wss = np.where(anatomy, wss, 1000.0).astype(np.float32)
    osi = np.where(anatomy, 0.25, 0.0).astype(np.float32)
    fields = {
        "wss": WallField(Quantity("wss", "Wall shear stress", "Pa", "Tangential traction."), wss),
        "osi": WallField(Quantity("osi", "Oscillatory shear index", "", "Share of reversal."), osi),
    }
    line = np.array([(10.0, 20.0, z) for z in np.linspace(2, 58, 15)], dtype=np.float32)
    lines = Streamlines(
        np.tile(line, (N_FRAMES, 1)),
        np.repeat(np.linspace(0.1, 1.0, N_FRAMES), 15).astype(np.float32),
        np.arange(0, 15 * N_FRAMES + 1, 15, dtype=np.int32),
        np.arange(N_FRAMES, dtype=np.int32),
    )
    times = tuple(float(t) for t in np.arange(N_FRAMES) / N_FRAMES * PERIOD_S)
    wave_times = tuple(float(t) for t in np.arange(40) / 40 * PERIOD_S)
    flow = tuple(400.0 * max(0.0, float(np.sin(2 * np.pi * t / PERIOD_S))) for t in wave_times)
    waves = tuple(CapWaveform(p.name, p.kind, flow, tuple(80.0 + f / 10 for f in flow)) for p in PATCHES[1:])
    along = tuple(float(s) for s in np.linspace(0, 60, 25))
    profile = BranchProfile(
        "aorta", along, tuple((10.0, 20.0, s) for s in along), (6.0,) * 25, (95.0,) * 25, (110.0,) * 25
    )
    return ResultData(
        times,
        PERIOD_S,
        points,
        inverse.reshape(-1, 3).astype(np.int32),
        anatomy,
        fields,
        lines,
        wave_times,
        waves,
        (profile,),
    )


def add_record(opened: OpenCase, step_id: str, files: dict[str, Path], facts: dict[str, Any]) -> Record:
    """Take files into a case as the result of a step."""
    step = STEPS[step_id]
    record_id = f"{step.makes}-{len(opened.case.records)}"
    inputs = {name: opened.case.input_digest(name) or "" for name in step.inputs}
    recipe = Recipe(step=step_id, parameters={}, inputs=inputs, software={}, created_utc=utc_now(), seconds=1.5)
    refs = opened.take_in(files, f"{step.folder}/{record_id}")
    record = Record(id=record_id, kind=step.makes, title=step.title, files=refs, facts=facts, recipe=recipe)
    opened.do(AddRecord(record))
    return record


def make_branched_case(folder: Path) -> Path:
    """A case whose model has two vessels; nothing is solved yet."""
    make_case(folder, upto="segment")
    with OpenCase.open(folder) as opened, opened.staging() as out:
        _add_model(opened, out, branched_model())
    return folder


def make_case(folder: Path, *, upto: str = "import", title: str = "Tube", grid: Grid = GRID) -> Path:
    """A case folder whose steps up to one are done."""
    with OpenCase.create(folder, title) as opened, opened.staging() as out:
        volume = marked_volume(grid)
        write_volume(volume, out / "ct.nrrd")
        facts = {"size": list(grid.size), "spacing_mm": list(grid.spacing_mm), "modality": "CT", "unit": "HU"}
        add_record(opened, "import", {"volume": out / "ct.nrrd"}, facts)
        opened.do(SetPoints(POINTS))
        for step_id in list(STEPS)[1 : list(STEPS).index(upto) + 1]:
            _ADD[step_id](opened, out)
    return folder


def _add_segmentation(opened: OpenCase, out: Path) -> None:
    write_labels(tube_labels(), out / "labels.nrrd")
    facts = {"preset": "thoracic-aorta", "volume_ml": {"aorta": 1.68, "left_subclavian": 1.68}}
    add_record(opened, "segment", {"labels": out / "labels.nrrd"}, facts)


def _add_model(opened: OpenCase, out: Path, model: VesselModel | None = None) -> None:
    write_model(model or tube_model(), out / "model")
    add_record(opened, "model", {path.stem: path for path in (out / "model").iterdir()}, {"n_outlets": 1})


def _add_mesh(opened: OpenCase, out: Path) -> None:
    write_mesh(tube_mesh(), out / "mesh")
    facts = {"n_cells": 540, "scaled_jacobian_counts": {"layers": [0, 180, 0, 0], "core": [0, 60, 300, 0]}}
    add_record(opened, "mesh", {path.stem: path for path in (out / "mesh").iterdir()}, facts)


def _add_run(opened: OpenCase, out: Path) -> None:
    (out / "spec.json").write_text("{}")
    add_record(opened, "simulate", {"spec": out / "spec.json"}, {})


def _add_result(opened: OpenCase, out: Path) -> None:
    (out / "result").mkdir()
    add_record(opened, "results", write_result(tube_result(), out / "result"), {"osi_max": 0.25})


_ADD = {
    "segment": _add_segmentation,
    "model": _add_model,
    "mesh": _add_mesh,
    "simulate": _add_run,
    "results": _add_result,
}
