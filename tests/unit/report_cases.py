"""Finished cases for tests of the report: a trunk with side branches, scanned, segmented and "solved" by formula."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from app.case.bundle import OpenCase, utc_now
from app.case.commands import AddRecord, SetPatientValues
from app.case.records import Recipe, Record
from app.workflow.patient import patient_assumptions
from app.workflow.result_files import (
    BranchProfile,
    CapWaveform,
    Quantity,
    ResultData,
    Streamlines,
    WallField,
    write_result,
)
from app.workflow.steps import STEPS, software_versions
from imaging.surface.surface_io import write_model
from imaging.types import Branch, CenterlineTree, Grid, LabelMap, Patch, Surface, VesselModel, Volume
from imaging.volume_io import write_labels, write_volume
from solvers.contract.events import EventWriter
from solvers.contract.scalars import column_names
from solvers.contract.spec import Inlet, MeshFile, RcrOutlet, RunSpec, Time, Waveform, write_spec

LENGTH_MM, EXTENSION_MM, REACH_MM = 200.0, 12.0, 45.0
TRUNK_RADIUS_MM, BRANCH_RADIUS_MM = 10.0, 3.5
WAIST_MM, WAIST_RADIUS_MM = 120.0, 6.0
PERIOD_S, N_FRAMES = 0.8, 4
LEFT_MARK_HU = 900
GRID = Grid((75, 40, 80), (3.0, 3.0, 3.0), (-111.0, -58.5, -10.0))


@dataclasses.dataclass(frozen=True, eq=False)
class Tree:
    """A trunk from the head down (or from right to left) with branches to alternating sides; the main outlet is last
    on the trunk."""

    names: tuple[str, ...]
    is_upright: bool = True

    @property
    def centerlines(self) -> CenterlineTree:
        trunk = np.array([(0.0, 0.0, LENGTH_MM - s) for s in np.arange(0.0, LENGTH_MM + 1.0, 2.0)])
        radius = TRUNK_RADIUS_MM - (TRUNK_RADIUS_MM - WAIST_RADIUS_MM) * np.exp(
            -(((LENGTH_MM - trunk[:, 2]) - WAIST_MM) ** 2) / 50.0
        )
        # The extensions are narrower than any place of the anatomy, so that a test sees whether they count.
        outside = (trunk[:, 2] < EXTENSION_MM) | (trunk[:, 2] > LENGTH_MM - EXTENSION_MM)
        radius[outside] = 5.0
        points, radii = [trunk], [radius]
        branches = [Branch("trunk", tuple(range(len(trunk))))]
        n = len(trunk)
        for number, name in enumerate(self.names[1:]):
            at = int((number + 1) * len(trunk) / (len(self.names) + 1))
            side = -1.0 if number % 2 else 1.0
            out = np.arange(2.0, REACH_MM + 1.0, 2.0)
            line = trunk[at] + np.stack([side * out, 0.1 * out, 0.3 * out], axis=1)
            points.append(line)
            radii.append(np.full(len(line), BRANCH_RADIUS_MM))
            branches.append(Branch(name, (at, *range(n, n + len(line))), "trunk"))
            n += len(line)
        return CenterlineTree(self._turned(np.concatenate(points)), np.concatenate(radii), tuple(branches))

    def _turned(self, points: np.ndarray) -> np.ndarray:
        if self.is_upright:
            return points
        return np.stack([points[:, 2] - LENGTH_MM / 2.0, points[:, 1], points[:, 0] + LENGTH_MM / 2.0], axis=1)

    @property
    def patches(self) -> tuple[Patch, ...]:
        tree = self.centerlines
        trunk = tree.points[list(tree.branch("trunk").indices)]
        made = [
            Patch(1, "wall", "wall", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0, 0.0),
            _cap(2, "inlet", "inlet", trunk[0], trunk[0] - trunk[1], 10.0),
            _cap(3, self.names[0], "outlet", trunk[-1], trunk[-1] - trunk[-2], 10.0),
        ]
        for number, name in enumerate(self.names[1:]):
            line = tree.points[list(tree.branch(name).indices)]
            made.append(_cap(4 + number, name, "outlet", line[-1], line[-1] - line[-2], BRANCH_RADIUS_MM))
        return tuple(made)

    @property
    def model(self) -> VesselModel:
        starts = {
            patch.id: tuple(np.asarray(patch.center_mm) - EXTENSION_MM * np.asarray(patch.normal))
            for patch in self.patches[1:]
        }
        points, triangles, _ = self.wall
        patch = np.ones(len(triangles), dtype=np.int32)
        notes = ("The false lumen is not modelled.",)
        return VesselModel(
            Surface(points, triangles, {}, {"patch": patch}), self.patches, self.centerlines, starts, {}, notes
        )

    @property
    def wall(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points, triangles, and whether a point is anatomy, of tubes around the branches."""
        tree = self.centerlines
        points, triangles, anatomy = [], [], []
        angles = np.linspace(0.0, 2.0 * np.pi, 16, endpoint=False)
        n = 0
        for branch in tree.branches:
            line, radius = tree.points[list(branch.indices)], tree.radius_mm[list(branch.indices)]
            along = (line[-1] - line[0]) / np.linalg.norm(line[-1] - line[0])
            across = np.cross(along, (0.0, 1.0, 0.0))
            ring = np.cos(angles)[:, None] * across + np.sin(angles)[:, None] * np.cross(along, across)
            points.append((line[:, None, :] + radius[:, None, None] * ring).reshape(-1, 3))
            s = np.linalg.norm(line - line[0], axis=1)
            is_inside = s <= s[-1] - EXTENSION_MM
            if branch.parent is None:
                is_inside &= s >= EXTENSION_MM
            anatomy.append(np.repeat(is_inside, 16))
            for k in range(len(line) - 1):
                for a in range(16):
                    b = (a + 1) % 16
                    low, high = n + 16 * k, n + 16 * (k + 1)
                    triangles += [(low + a, high + a, high + b), (low + a, high + b, low + b)]
            n += 16 * len(line)
        return np.concatenate(points), np.array(triangles), np.concatenate(anatomy)


def _cap(id: int, name: str, kind: Any, center: np.ndarray, outward: np.ndarray, radius: float) -> Patch:
    normal = outward / np.linalg.norm(outward)
    return Patch(id, name, kind, tuple(center), tuple(normal), float(np.pi * radius**2), radius)


def scan(tree: Tree) -> tuple[Volume, LabelMap]:
    """A CT with 400 HU in the lumen, soft tissue around it, and a bright block at the patient's left."""
    from scipy.spatial import cKDTree

    k, j, i = np.indices(GRID.array_shape)
    position = GRID.to_lps(np.stack([i, j, k], axis=-1))
    lines = tree.centerlines
    distance, nearest = cKDTree(lines.points).query(position.reshape(-1, 3))
    inside = (distance < lines.radius_mm[nearest]).reshape(GRID.array_shape)
    array = np.where(inside, 400, 40).astype(np.int16)
    array[position[..., 0] > 90.0] = LEFT_MARK_HU
    return Volume(array, GRID), LabelMap(inside.astype(np.uint8), GRID, {1: "trunk"})


def result_data(tree: Tree) -> ResultData:
    """Pressure falls by 10 mmHg down the patient, TAWSS rises from 1 to 3 Pa; extensions carry 1000 Pa."""
    points, triangles, anatomy = tree.wall
    share = (points[:, 2] - points[:, 2].min()) / np.ptp(points[:, 2])
    stress = np.where(anatomy, 3.0 - 2.0 * share, 1000.0).astype(np.float32)
    fields = (
        WallField(Quantity("tawss_pa", "Time-averaged wall shear stress", "Pa", "mean of the magnitude"), stress),
        WallField(Quantity("osi", "Oscillatory shear index", "1", "from 0 to 0.5"), (0.2 * share).astype(np.float32)),
        WallField(
            Quantity("pressure_mean_mmhg", "Mean pressure", "mmHg", "mean over the beat"),
            (85.0 + 10.0 * share).astype(np.float32),
        ),
    )
    lines = tree.centerlines
    trunk = lines.points[list(lines.branch("trunk").indices)].astype(np.float32)
    streamlines = Streamlines(
        np.tile(trunk, (N_FRAMES, 1)),
        np.tile(np.linspace(0.2, 1.0, len(trunk), dtype=np.float32), N_FRAMES),
        np.arange(0, len(trunk) * N_FRAMES + 1, len(trunk), dtype=np.int32),
        np.arange(N_FRAMES, dtype=np.int32),
    )
    times = np.arange(80) / 80 * PERIOD_S
    pulse = np.maximum(0.0, np.sin(2.0 * np.pi * times / PERIOD_S))
    n = len(tree.names)
    waves = [CapWaveform("inlet", "inlet", tuple(400.0 * pulse), tuple(80.0 + 40.0 * pulse))]
    waves += [CapWaveform(name, "outlet", tuple(400.0 / n * pulse), tuple(78.0 + 38.0 * pulse)) for name in tree.names]
    return ResultData(
        times_s=tuple(np.arange(N_FRAMES) / N_FRAMES * PERIOD_S),
        period_s=PERIOD_S,
        wall_points_mm=points.astype(np.float32),
        wall_triangles=triangles.astype(np.int32),
        wall_is_anatomy=anatomy,
        wall_fields={field.quantity.id: field for field in fields},
        streamlines=streamlines,
        waveform_times_s=tuple(times.tolist()),
        waveforms=tuple(waves),
        profiles=tuple(_profile(lines, branch) for branch in lines.branches),
    )


def _profile(tree: CenterlineTree, branch: Branch) -> BranchProfile:
    line = tree.points[list(branch.indices)]
    s = np.linalg.norm(line - line[0], axis=1)
    return BranchProfile(
        branch.name,
        tuple(s.tolist()),
        tuple((float(x), float(y), float(z)) for x, y, z in line),
        tuple(tree.radius_mm[list(branch.indices)].tolist()),
        tuple((95.0 - s / 20.0).tolist()),
        tuple((110.0 - s / 10.0).tolist()),
    )


def result_facts(tree: Tree, **run: Any) -> dict[str, Any]:
    """Facts as the results step writes them; ``run`` replaces some of those of the solver."""
    n = len(tree.names)
    caps = ("inlet", *tree.names)
    return {
        "pressure_drop_mmhg": dict.fromkeys(tree.names, 7.25),
        "pressure_drop_peak_flow_mmhg": dict.fromkeys(tree.names, 21.5),
        "flow_split": {name: round(1.0 / n, 4) for name in tree.names},
        "mean_flow_ml_s": {"inlet": 90.0, **{name: round(90.0 / n, 2) for name in tree.names}},
        "pressures_mmhg": {name: {"systolic": 124.0, "diastolic": 79.0, "mean": 94.0} for name in caps},
        "peak_inflow_ml_s": 400.0,
        "tawss_pa": {"mean": 2.0, "p1": 1.0, "p50": 2.11, "p99": 2.98, "max": 3.0},
        "osi_max": 0.2,
        "osi_p99": 0.19,
        "tuning": {
            "site": tree.names[0],
            "rounds": 1,
            "is_met": True,
            "target_mmhg": {"systolic": 120.0, "diastolic": 80.0},
            "reached_mmhg": {"systolic": 121.0, "diastolic": 80.5},
        },
        "run": {
            "status": "finished",
            "n_ranks": 2,
            "n_cycles": 4,
            "periodicity_error": 0.004,
            "mass_imbalance_rel": 2e-5,
            "splitting_imbalance_rel": 0.12,
            "wall_s": 123.4,
            "dt_ms": 1.25,
        }
        | run,
    }


MESH_FACTS = {
    "n_cells": 123456,
    "n_boundary_layers": 3,
    "layered_wall_fraction": 1.0,
    "min_scaled_jacobian": 0.05,
    "volume_error": 1e-4,
    "cells_across": [7.2, 9.1],
    "is_watertight": True,
    "is_tagged": True,
    "n_pieces": 1,
    "findings": [],
    "notes": ["One sliver was moved."],
}


def make_case(
    folder: Path,
    names: Sequence[str] = ("descending", "left_subclavian"),
    *,
    title: str = "Phantom tree",
    is_upright: bool = True,
    notes: Sequence[str] = (),
    run: dict[str, Any] | None = None,
    patient: dict[str, float | None] | None = None,
) -> OpenCase:
    """A case with everything but a report, open for writing."""
    tree = Tree(tuple(names), is_upright)
    opened = OpenCase.create(folder, title)
    if patient:
        opened.do(SetPatientValues(patient))
    volume, labels = scan(tree)
    with opened.staging() as out:
        write_volume(volume, out / "ct.nrrd")
        add(opened, "import", {"volume": out / "ct.nrrd"}, _image_facts(volume, notes))
        write_labels(labels, out / "labels.nrrd")
        add(opened, "segment", {"labels": out / "labels.nrrd"}, {"preset": "thoracic-aorta"})
        add_model(opened, tree)
        (out / "volume.vtu").write_text("mesh", encoding="utf-8")
        add(opened, "mesh", {"volume": out / "volume.vtu"}, MESH_FACTS)
        add(opened, "simulate", _run_files(out, tree), _run_facts(tree, opened), {"periodicity_limit": 0.01})
        _solver_files(opened.path_of(_current(opened, "run").files["spec"]).parent, tree)
        add(opened, "results", write_result(result_data(tree), out), result_facts(tree, **(run or {})))
    return opened


def add_model(opened: OpenCase, tree: Tree) -> Record:
    """Take a model into the case."""
    facts = {
        "volume_change_relative": 0.001,
        "wall_volume_ml": 61.5,
        "is_watertight": True,
        "cap_radius_mm": {patch.name: patch.radius_mm for patch in tree.patches[1:]},
        "notes": list(tree.model.notes),
    }
    with opened.staging() as out:
        write_model(tree.model, out)
        files = {path.stem: path for path in sorted(out.iterdir())}
        return add(opened, "model", files, facts, {"volume_change_limit": 0.02})


def add(
    opened: OpenCase,
    step_id: str,
    files: dict[str, Path],
    facts: dict[str, Any],
    parameters: dict[str, Any] | None = None,
) -> Record:
    """Take a record into the case as its step would."""
    step = STEPS[step_id]
    record_id = f"{step.makes}-{len(opened.case.records):08d}"
    refs = opened.take_in(files, f"{step.folder}/{record_id}")
    inputs = {name: opened.case.input_digest(name) or "" for name in step.inputs}
    recipe = Recipe(
        step=step_id,
        parameters=parameters or {},
        inputs=inputs,
        software=software_versions(),
        created_utc=utc_now(),
        seconds=1.0,
    )
    record = Record(id=record_id, kind=step.makes, title=step.title, files=refs, facts=facts, recipe=recipe)
    opened.do(AddRecord(record))
    return record


def _current(opened: OpenCase, kind: Any) -> Record:
    record = opened.case.current(kind)
    assert record is not None
    return record


def _image_facts(volume: Volume, notes: Sequence[str]) -> dict[str, Any]:
    return {
        "size": list(volume.grid.size),
        "spacing_mm": list(volume.grid.spacing_mm),
        "modality": "CT",
        "source_sha256": "ab" * 32,
        "notes": list(notes),
    }


def _run_files(out: Path, tree: Tree) -> dict[str, Path]:
    spec = RunSpec(
        MeshFile("0" * 64),
        (Inlet(2, "inlet", Waveform.constant(9e-5)),),
        tuple(
            RcrOutlet(3 + n, name, r_proximal=1e7, c=1e-8, r_distal=1e8, p_initial=1e4)
            for n, name in enumerate(tree.names)
        ),
        Time(period=PERIOD_S, steps_per_cycle=640),
    )
    write_spec(out, spec)
    (out / "mesh.npz").write_bytes(b"mesh")
    return {"spec": out / "spec.json", "mesh": out / "mesh.npz"}


def _run_facts(tree: Tree, opened: OpenCase) -> dict[str, Any]:
    return {
        "flow_shares": {name: round(1.0 / len(tree.names), 4) for name in tree.names},
        "assumptions": [
            *(vars(assumption) for assumption in patient_assumptions(opened.case.patient)),
            {"name": "Inflow curve", "value": "sine-squared ejection", "unit": "", "source": "assumption, see theory"},
            {"name": "Wall", "value": "rigid", "unit": "", "source": "assumption: wall motion is left out"},
            {"name": "Blood", "value": "Newtonian", "unit": "", "source": "assumption: no turbulence model"},
        ],
    }


def _solver_files(folder: Path, tree: Tree) -> None:
    from solvers.contract.spec import read_spec

    columns = column_names(read_spec(folder))
    rows = [",".join("7.5" if name == "cfl" else "0" for name in columns)]
    (folder / "scalars.csv").write_text("\n".join([",".join(columns), *rows]) + "\n", encoding="utf-8")
    with EventWriter(folder, heartbeat_seconds=None) as events:
        events.emit("warning", code="high_reynolds", text="The flow may be disturbed at the inlet.", place=None)


def read_json(opened: OpenCase, record: Record) -> Any:
    """The report's data."""
    return json.loads(opened.path_of(record.files["json"]).read_text(encoding="utf-8"))
