"""What a run writes: scalars, checkpoints, temporal grids, indices."""

from __future__ import annotations

import errno
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import numpy as np
import pytest
from run_folders import tube_mesh, tube_spec
from vtkmodules.util.numpy_support import vtk_to_numpy
from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline
from vtkmodules.vtkIOHDF import vtkHDFReader

from solvers.contract.errors import RunError
from solvers.contract.files import FIELDS, INDICES, SCALARS, WALL
from solvers.contract.scalars import column_names, read_scalars
from solvers.contract.sections import SAMPLES, Section, read_sections, section_columns
from solvers.contract.spec import Time
from solvers.run import checkpoint
from solvers.run.checkpoint import checkpoint_steps, read_checkpoint, write_checkpoint
from solvers.run.frames import PRESSURE, TAWSS, VELOCITY, WSS, FrameStore, frame_steps
from solvers.run.results import wall_fields, write_indices
from solvers.run.section_history import BYTES_PER_NUMBER, SectionHistory


def test_scalars_are_read_by_name_without_a_torn_last_row(tmp_path: Path) -> None:
    names = column_names(tube_spec())
    row = ",".join(str(index) for index in range(len(names)))
    (tmp_path / SCALARS).write_text(",".join(names) + "\n" + row + "\n" + row[: len(row) // 2], encoding="utf-8")
    scalars = read_scalars(tmp_path)
    assert list(scalars) == names
    assert scalars["flow[outlet]"].shape == (1,)


class FakeMeasure:
    """One section inside the vessel and one outside, whose flow counts the rows."""

    def __init__(self, *_: object) -> None:
        self.area, self.n_rows = np.array([1.0, 0.0]), 0

    def measure(self, *_: object) -> np.ndarray:
        self.n_rows += 1
        return np.array([[self.n_rows, np.nan], [0.5, np.nan], [3.0, np.nan]], dtype=float)


def test_sections_are_appended_gone_on_with_and_bounded_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    axis = (0.0, 0.0, 1.0)
    sections = (Section('the "old", one', (0.0, 0.0, 0.01), axis, "aorta", 0.01), Section("out", axis, axis))
    spec = replace(tube_spec(), sections=sections, time=Time(0.8, 2 * SAMPLES))
    columns = section_columns(sections)
    monkeypatch.setattr("solvers.run.section_history.SectionMeasure", FakeMeasure)
    monkeypatch.setattr("solvers.run.section_history.MOST_BYTES", int(3.5 * SAMPLES * BYTES_PER_NUMBER * len(columns)))
    flow = SimpleNamespace(mesh=None, velocity=None, kinematic_pressure=None)
    history = SectionHistory(tmp_path, spec, flow, None)  # type: ignore[arg-type]
    assert history.missed == ["out"]
    history.open(0)

    def solve(first: int, last: int) -> None:
        for step in range(first, last + 1):
            history.measure(step, step * spec.time.dt)
            history.write()

    solve(1, 3 * SAMPLES)
    table = read_sections(tmp_path)
    assert list(table) == columns and table["step"].tolist() == list(range(2, 3 * SAMPLES + 1, 2))
    assert history.means(0) == {
        'the "old", one': {
            "branch": "aorta", "arc_length": 0.01, "center": (0.0, 0.0, 0.01), "flow_mean": (1 + SAMPLES) / 2,
            "pressure_mean": 530.0, "pressure_max": 530.0, "pressure_min": 530.0, "speed_mean": 3.0,
        }
    }  # fmt: skip
    history.open(SAMPLES)  # a restart, or a step that is halved
    assert read_sections(tmp_path)["step"].tolist() == list(range(2, SAMPLES + 1, 2))
    solve(SAMPLES + 1, 20 * SAMPLES)
    table = read_sections(tmp_path)
    assert SAMPLES <= len(table["step"]) <= 3.5 * SAMPLES, "the last whole beat is there, the first are not"
    assert table["step"][-1] == 20 * SAMPLES and (np.diff(table["step"]) == 2).all()


def test_two_checkpoints_are_kept_and_the_newest_whole_one_is_read(tmp_path: Path) -> None:
    for step in (10, 20, 30):
        write_checkpoint(tmp_path, step, "print", {"velocity": np.full((3, 3), step)})
    assert checkpoint_steps(tmp_path) == [20, 30]
    newest = tmp_path / "checkpoint" / "00000030.npz"
    newest.write_bytes(newest.read_bytes()[:200])
    step, arrays = read_checkpoint(tmp_path, "print")
    assert step == 20
    assert np.array_equal(arrays["velocity"], np.full((3, 3), 20.0))


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    write_checkpoint(tmp_path, 10, "print", {})
    with pytest.raises(RunError) as refusal:
        read_checkpoint(tmp_path, "other")
    assert refusal.value.code == "other_checkpoint"


def test_a_full_disk_leaves_the_last_checkpoint_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path, 10, "print", {"velocity": np.ones(3)})

    def full(path: Path, write: Callable[[BinaryIO], None]) -> None:
        with path.with_name("part").open("wb") as stream:
            write(stream)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "write_atomically", full)
    with pytest.raises(OSError):
        write_checkpoint(tmp_path, 20, "print", {"velocity": np.zeros(3)})
    assert read_checkpoint(tmp_path, "print")[0] == 10


def _read_steps(path: Path) -> list[tuple[float, dict[str, np.ndarray]]]:
    reader = vtkHDFReader()
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    times = reader.GetOutputInformation(0).Get(vtkStreamingDemandDrivenPipeline.TIME_STEPS())
    found = []
    for time in times:
        reader.UpdateTimeStep(time)
        data = reader.GetOutput().GetPointData()
        arrays = {data.GetArrayName(i): vtk_to_numpy(data.GetArray(i)).copy() for i in range(data.GetNumberOfArrays())}
        arrays["points"] = vtk_to_numpy(reader.GetOutput().GetPoints().GetData()).copy()
        arrays["cells"] = vtk_to_numpy(reader.GetOutput().GetCells().GetConnectivityArray()).copy()
        found.append((time, arrays))
    return found


def test_vtk_reads_back_the_fields_of_a_cycle_and_of_its_wall(tmp_path: Path) -> None:
    mesh = tube_mesh()
    wall_vertices = np.unique(mesh.facets[mesh.facet_patch == 1])
    store = FrameStore(tmp_path, mesh, (1,), wall_vertices)
    rng = np.random.default_rng(1)
    fields = {}
    for step in (10, 20):
        fields[step] = (
            rng.random((len(mesh.points), 3)),
            rng.random(len(mesh.points)),
            rng.random((len(wall_vertices), 3)),
        )
        store.put(step, *fields[step])
    store.write_cycle([10, 20], np.array([0.1, 0.2]), {TAWSS: wall_vertices.astype(float)})
    inside, on_wall = _read_steps(tmp_path / FIELDS), _read_steps(tmp_path / WALL)
    assert [time for time, _ in inside] == pytest.approx([0.1, 0.2])
    for (_, found), (_, found_wall), step in zip(inside, on_wall, (10, 20), strict=True):
        velocity, pressure, stress = fields[step]
        assert np.allclose(found[VELOCITY], velocity, atol=1e-6)
        assert np.allclose(found[PRESSURE], pressure, atol=1e-6)
        assert np.allclose(found["points"], mesh.points, atol=1e-8)
        assert np.array_equal(found["cells"].reshape(-1, 4), mesh.tets)
        assert np.allclose(found_wall[WSS], stress, atol=1e-6)
        assert np.allclose(found_wall[TAWSS], wall_vertices)
        assert np.allclose(found_wall["points"], mesh.points[wall_vertices], atol=1e-8)
        triangles = wall_vertices[found_wall["cells"].reshape(-1, 3)]
        assert np.array_equal(triangles, mesh.facets[mesh.facet_patch == 1])


def test_snapshots_are_spread_over_the_cycle_and_end_with_it() -> None:
    assert sorted(frame_steps(100, 4)) == [25, 50, 75, 100]
    assert sorted(frame_steps(10, 3)) == [4, 7, 10]


def test_indices_leave_flow_extensions_out(tmp_path: Path) -> None:
    from dataclasses import replace

    mesh = tube_mesh(2, 10)
    spec = tube_spec()
    spec = replace(spec, outlets=(replace(spec.outlets[0], extension_start=(0.0, 0.0, 0.011)),))
    wall_vertices = np.unique(mesh.facets[mesh.facet_patch == 1])
    beyond = mesh.points[wall_vertices, 2] > 0.011
    magnitude = np.where(beyond, 50.0, 2.0)
    vector = np.zeros((len(wall_vertices), 3))
    vector[:, 2] = magnitude
    wall = wall_fields(spec, mesh, wall_vertices, vector, magnitude, 1.0)
    waveforms = np.zeros((40, 2, 2))
    waveforms[:, 0] = [-1e-5, 1e-5]
    waveforms[:, 1] = [1.2e4, 1.1e4]
    write_indices(
        tmp_path, spec, 1, waveforms, 0.001, 0.0, 0.0, {"power_in_W": 1.0}, wall, np.ones(len(wall_vertices)), None
    )
    indices = json.loads((tmp_path / INDICES).read_text())
    assert indices["wall"]["tawss_Pa"]["max"] == 2.0
    assert indices["energy"] == {"power_in_W": 1.0}
    assert indices["caps"]["outlet"]["pressure_drop"] == pytest.approx(1000.0)
    assert indices["caps"]["inlet"]["mean_flow"] == pytest.approx(1e-5)
    assert indices["caps"]["outlet"]["flow_fraction"] == pytest.approx(1.0)
