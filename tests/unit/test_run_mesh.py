"""What a run accepts as its mesh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from run_folders import tube_mesh, tube_spec

from solvers.contract.errors import ExitCode, RunError
from solvers.contract.files import MESH
from solvers.contract.mesh_file import MeshArrays, check_mesh, read_mesh, write_mesh
from solvers.contract.spec import MeshFile
from solvers.doctor.causes import CAUSES


def _refusal(mesh: MeshArrays) -> RunError:
    with pytest.raises(RunError) as refusal:
        check_mesh(mesh, tube_spec())
    assert refusal.value.code in CAUSES, "the Doctor knows it"
    assert refusal.value.exit_code is ExitCode.BAD_MESH
    return refusal.value


def test_a_mesh_survives_being_written_and_read(tmp_path: Path) -> None:
    mesh = tube_mesh()
    spec = replace(tube_spec(), mesh=MeshFile(write_mesh(tmp_path, mesh)))
    found = read_mesh(tmp_path, spec)
    for name in ("points", "tets", "facets", "facet_patch"):
        assert np.array_equal(getattr(found, name), getattr(mesh, name))


def test_an_altered_mesh_file_is_refused(tmp_path: Path) -> None:
    spec = replace(tube_spec(), mesh=MeshFile(write_mesh(tmp_path, tube_mesh())))
    (tmp_path / MESH).write_bytes((tmp_path / MESH).read_bytes()[:-1] + b"x")
    with pytest.raises(RunError, match="not the one that the run was prepared with"):
        read_mesh(tmp_path, spec)


def test_a_mesh_in_millimeters_is_refused() -> None:
    mesh = tube_mesh()
    assert "meters" in _refusal(replace(mesh, points=1e3 * mesh.points)).message


def test_an_inverted_tetrahedron_is_refused_with_its_place() -> None:
    mesh = tube_mesh()
    tets = mesh.tets.copy()
    tets[5] = tets[5][[1, 0, 2, 3]]
    refusal = _refusal(replace(mesh, tets=tets))
    assert "1 tetrahedra of the mesh are inverted" in refusal.message
    assert refusal.place is not None
    assert np.allclose(refusal.place, mesh.points[tets[5]].mean(axis=0))


def test_a_boundary_with_a_hole_is_refused() -> None:
    mesh = tube_mesh()
    assert "do not enclose" in _refusal(replace(mesh, facets=mesh.facets[1:], facet_patch=mesh.facet_patch[1:])).message


def test_a_point_that_no_tetrahedron_uses_is_refused() -> None:
    mesh = tube_mesh()
    assert "no tetrahedron" in _refusal(replace(mesh, points=np.vstack([mesh.points, [[0.0, 0.0, 0.001]]]))).message


def test_a_patch_that_one_side_does_not_know_is_refused() -> None:
    mesh = tube_mesh()
    unknown = mesh.facet_patch.copy()
    unknown[0] = 17
    assert "patch 17" in _refusal(replace(mesh, facet_patch=unknown)).message
    assert (
        "(outlet)" in _refusal(replace(mesh, facet_patch=np.where(mesh.facet_patch == 3, 1, mesh.facet_patch))).message
    )
