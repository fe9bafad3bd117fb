"""A mesh of a model is positive, layered, tagged and of the model's size; failures climb a ladder and end in words."""

import dataclasses
import functools
import itertools
import json

import numpy as np
import pytest

import imaging.meshing.tetrahedra as tetrahedra_module
from imaging.errors import ImagingError
from imaging.isolated import IsolatedError
from imaging.meshing.boundary_layers import LayerError, grow_layers
from imaging.meshing.core import fill_core
from imaging.meshing.mesh_io import read_mesh, write_mesh
from imaging.meshing.parameters import MeshParameters
from imaging.meshing.quality import assess
from imaging.meshing.repair import LADDER
from imaging.meshing.shape import dihedral_angles_deg, scaled_jacobian, volumes_mm3
from imaging.meshing.tetrahedra import mesh_model
from imaging.surface.model import build_model
from imaging.types import Surface, VesselEnd, silent
from sample_data.phantoms import RenderSettings, render_ct, stenosed_tube, y_bifurcation

COARSE = MeshParameters(level="coarse")


@functools.cache
def _model():
    phantom = y_bifurcation()
    labels = render_ct(phantom, 1.2, RenderSettings(), rng_seed=1).labels
    return build_model(labels, None, [VesselEnd(e.name, e.kind, e.center_mm) for e in phantom.ends])


@functools.cache
def _mesh():
    return mesh_model(_model())


@functools.cache
def _quality():
    return assess(_mesh(), _model())


def test_cells_are_positive_and_fill_the_model():
    mesh, quality = _mesh(), _quality()
    assert (volumes_mm3(mesh.points, mesh.tets) > 0).all()
    # Facets are fitted to the wall, so that chords do not cost volume.
    assert abs(quality.volume_error) < 0.002
    assert quality.is_watertight
    assert quality.n_pieces == 1
    assert quality.min_scaled_jacobian > 0.02
    assert quality.min_scaled_jacobian_core > 0.08
    assert quality.findings == () and quality.faults == ()
    in_layers, in_core = (sum(quality.scaled_jacobian_counts[where]) for where in ("layers", "core"))
    assert in_layers == (mesh.layer > 0).sum() and in_core == (mesh.layer == 0).sum()
    # Prisms cut into tetrahedra are flatter than the core, whose cells MMG improves.
    assert quality.scaled_jacobian_mean < quality.scaled_jacobian_mean_core
    assert quality.scaled_jacobian_mean_core > 0.5


def test_three_layers_lie_under_the_whole_wall():
    quality = _quality()
    assert quality.n_boundary_layers == 3
    assert quality.layered_wall_fraction == 1.0
    # A quarter of the radius (3.4 to 5 mm) together, and 1 / (1 + 1.3 + 1.69) of that the first.
    assert quality.layer_thickness_mm[1] == pytest.approx(0.25 * 4.2, rel=0.2)
    assert quality.first_layer_mm[1] == pytest.approx(quality.layer_thickness_mm[1] / 3.99, rel=0.1)


def test_every_facet_is_tagged_and_caps_have_the_models_area():
    mesh, quality, model = _mesh(), _quality(), _model()
    assert quality.is_tagged
    assert set(np.unique(mesh.facet_patch)) == {1, 2, 3, 4}
    for patch in model.patches[1:]:
        on_cap = np.unique(mesh.facets[mesh.facet_patch == patch.id])
        assert np.abs((mesh.points[on_cap] - patch.center_mm) @ np.asarray(patch.normal)).max() < 1e-5
    # A polygon with 15 corners against one with 21: the ring is fitted too.
    assert all(abs(error) < 0.02 for error in quality.patch_area_error.values())


def test_edges_shrink_with_the_vessel_and_with_the_level():
    phantom = stenosed_tube()
    labels = render_ct(phantom, 0.6, RenderSettings(), rng_seed=1).labels
    model = build_model(labels, None, [VesselEnd(e.name, e.kind, e.center_mm) for e in phantom.ends])
    mesh = mesh_model(model)
    wall = mesh.facets[mesh.facet_patch == 1]
    edge = np.linalg.norm(mesh.points[wall[:, 0]] - mesh.points[wall[:, 1]], axis=1)
    height = mesh.points[wall].mean(axis=1)[:, 2]
    # The throat at 20 mm has half the radius of the tube.
    assert np.median(edge[np.abs(height - 20) < 1.5]) < 0.7 * np.median(edge[height > 30])
    assert assess(mesh, model).cells_across[0] > 6
    assert len(mesh_model(model, COARSE).tets) < 0.75 * len(mesh.tets)


def test_number_and_thickness_of_layers_can_be_set():
    mesh = mesh_model(_model(), dataclasses.replace(COARSE, n_layers=5, layer_thickness_radii=0.3))
    quality = assess(mesh, _model())
    assert quality.n_boundary_layers == 5
    assert quality.layer_thickness_mm[1] == pytest.approx(0.3 * 4.2, rel=0.25)


def test_same_model_gives_the_same_mesh():
    once, again = mesh_model(_model(), COARSE), mesh_model(_model(), COARSE)
    assert np.array_equal(once.points, again.points)
    assert np.array_equal(once.tets, again.tets)


def test_mesh_survives_files_exactly_and_damage_is_one_sentence(tmp_path):
    mesh = _mesh()
    write_mesh(mesh, tmp_path)
    again = read_mesh(tmp_path)
    for name in ("points", "tets", "facets", "facet_patch", "layer"):
        assert np.array_equal(getattr(again, name), getattr(mesh, name))
        assert getattr(again, name).dtype == getattr(mesh, name).dtype
    assert again.patches == mesh.patches
    assert json.loads((tmp_path / "mesh.json").read_text())["schema_version"] == 1
    (tmp_path / "volume.vtu").write_text("")
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(ImagingError) as refused:
            read_mesh(folder)
        assert refused.value.code == "mesh_unreadable"


def test_failed_attempt_is_repaired_where_it_failed_and_said(monkeypatch):
    calls = []

    def fail_once(points, triangles, *rest):
        calls.append(len(triangles))
        if len(calls) == 1:
            raise LayerError(points[0])
        return grow_layers(points, triangles, *rest)

    monkeypatch.setattr(tetrahedra_module, "grow_layers", fail_once)
    mesh = mesh_model(_model(), COARSE)
    assert calls[1] > calls[0]
    assert "Finer triangles were taken near" in mesh.notes[0]
    assert assess(mesh, _model()).n_boundary_layers == 3


def test_every_rung_is_tried_before_one_sentence_with_a_place(monkeypatch):
    calls = []

    def fail(points, triangles, timeout_s, progress, fraction):
        calls.append(len(triangles))
        raise IsolatedError("the library gave up")

    def fail_too(model, edge_mm, progress):
        raise IsolatedError("so did the last one")

    monkeypatch.setattr(tetrahedra_module, "fill_core", fail)
    monkeypatch.setattr(tetrahedra_module, "is_available", lambda: True)
    monkeypatch.setattr(tetrahedra_module, "rescued", fail_too)
    with pytest.raises(ImagingError) as refused:
        mesh_model(_model(), COARSE)
    assert refused.value.code == "meshing_failed"
    assert "the library gave up" in refused.value.message and "so did the last one" in refused.value.message
    assert refused.value.place_mm is not None
    assert len(calls) == len(LADDER) + 1


def test_surface_with_a_hole_is_refused():
    model = _model()
    data = {"patch": np.asarray(model.surface.triangle_data["patch"])[1:]}
    torn = dataclasses.replace(model, surface=Surface(model.surface.points, model.surface.triangles[1:], {}, data))
    with pytest.raises(ImagingError) as refused:
        mesh_model(torn)
    assert refused.value.code == "model_not_closed"


def test_cancel_comes_through():
    class Cancelled(Exception):
        pass

    def cancel(fraction, text):
        if "core" in text:
            raise Cancelled

    with pytest.raises(Cancelled):
        mesh_model(_model(), COARSE, cancel)


def test_core_keeps_its_surface_triangle_for_triangle():
    corners = np.array([[x, y, z] for x in (0, 1.0) for y in (0, 1.0) for z in (0, 1.0)])
    quads = np.array([[0, 1, 3, 2], [4, 6, 7, 5], [0, 4, 5, 1], [2, 3, 7, 6], [0, 2, 6, 4], [1, 5, 7, 3]])
    faces = np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])
    points, tets = fill_core(corners, faces, 60.0, silent, 0.5)
    assert np.array_equal(points[:8], corners)
    assert volumes_mm3(points, tets).sum() == pytest.approx(1.0)
    assert volumes_mm3(points, tets).min() > 0


def test_assessment_sees_what_is_wrong():
    mesh = _mesh()
    turned = mesh.tets.copy()
    turned[7] = turned[7][[1, 0, 2, 3]]
    assert assess(dataclasses.replace(mesh, tets=turned)).min_volume_mm3 < 0
    untagged = mesh.facet_patch.copy()
    untagged[3] = 9
    assert not assess(dataclasses.replace(mesh, facet_patch=untagged)).is_tagged
    assert not assess(dataclasses.replace(mesh, facets=mesh.facets[1:], facet_patch=mesh.facet_patch[1:])).is_watertight
    two = np.where(mesh.layer == 3, 0, mesh.layer).astype(np.int8)
    found = assess(dataclasses.replace(mesh, layer=two))
    assert found.n_boundary_layers == 2
    assert any("2 boundary layer(s)" in finding for finding in found.findings)
    none = assess(dataclasses.replace(mesh, layer=np.zeros_like(mesh.layer)))
    assert none.n_boundary_layers == 0
    gone = mesh.layer.copy()
    gone[np.flatnonzero(gone == 1)[:60]] = 0
    assert assess(dataclasses.replace(mesh, layer=gone)).layered_wall_fraction < 1.0
    moved = dataclasses.replace(
        mesh,
        tets=np.concatenate([mesh.tets, len(mesh.points) + np.arange(4)[None]]),
        points=np.concatenate([mesh.points, np.eye(4, 3) + 500.0]),
        layer=np.concatenate([mesh.layer, np.zeros(1, np.int8)]),
    )
    assert assess(moved).n_pieces == 2


def test_scaled_jacobian_is_that_of_verdict():
    from vtkmodules.util.numpy_support import numpy_to_vtk, vtk_to_numpy
    from vtkmodules.vtkCommonCore import vtkPoints
    from vtkmodules.vtkCommonDataModel import vtkUnstructuredGrid
    from vtkmodules.vtkFiltersVerdict import vtkMeshQuality

    regular = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], float)
    one = np.array([[1, 0, 2, 3]])
    assert scaled_jacobian(regular, one)[0] == pytest.approx(1.0)
    assert dihedral_angles_deg(regular, one)[0] == pytest.approx(np.degrees(np.arccos(1 / 3)))
    points = np.random.default_rng(0).standard_normal((400, 3))
    tets = np.arange(400).reshape(100, 4)
    tets = np.where((volumes_mm3(points, tets) < 0)[:, None], tets[:, [1, 0, 2, 3]], tets)
    grid = vtkUnstructuredGrid()
    vtk_points = vtkPoints()
    vtk_points.SetData(numpy_to_vtk(points, deep=True))
    grid.SetPoints(vtk_points)
    grid.Allocate(100)
    for tet in tets.tolist():
        grid.InsertNextCell(10, 4, tet)
    quality = vtkMeshQuality()
    quality.SetInputData(grid)
    quality.SetTetQualityMeasureToScaledJacobian()
    quality.Update()
    verdict = vtk_to_numpy(quality.GetOutput().GetCellData().GetArray("Quality"))
    assert np.allclose(scaled_jacobian(points, tets), verdict, atol=1e-6)


def test_dihedral_angles_are_the_angles_between_the_faces_around_each_edge():
    # Verdict's least angle leaves some edges out, so that the angle is built here by hand.
    points = np.random.default_rng(0).standard_normal((200, 3))
    tets = np.arange(200).reshape(50, 4)
    tets = np.where((volumes_mm3(points, tets) < 0)[:, None], tets[:, [1, 0, 2, 3]], tets)
    for tet, found in zip(tets, dihedral_angles_deg(points, tets), strict=True):
        by_hand = []
        for a, b in itertools.combinations(range(4), 2):
            along = points[tet[b]] - points[tet[a]]
            along /= np.linalg.norm(along)
            c, d = (points[tet[k]] - points[tet[a]] for k in range(4) if k not in (a, b))
            c, d = c - c @ along * along, d - d @ along * along
            by_hand.append(np.degrees(np.arccos(c @ d / np.linalg.norm(c) / np.linalg.norm(d))))
        assert np.allclose(np.sort(found), np.sort(by_hand), atol=1e-6)
