"""The Mesh Doctor names planted faults of a surface, and its repairs stay within their bounds."""

from __future__ import annotations

import functools
from dataclasses import replace

import numpy as np
import pytest

from app.workflow.meshdoctor import diagnose
from imaging.errors import ImagingError
from imaging.meshing import tetrahedra
from imaging.meshing.quality import assess
from imaging.meshing.rescue import NOTE, is_available, tetwild_filled
from imaging.meshing.shape import volumes_mm3
from imaging.meshing.surface_fixes import repaired
from imaging.surface.surface_findings import surface_findings
from imaging.surface.topology import enclosed_volume_mm3, is_watertight, self_intersections
from imaging.types import Branch, CenterlineTree, Patch, Surface, VesselModel, silent
from sample_data.phantoms import exact_centerlines, exact_surface, straight_tube


@functools.cache
def healthy() -> VesselModel:
    phantom = straight_tube(16.0, 2.0)
    tree = exact_centerlines(phantom, 0.5)
    patches = [Patch(1, "wall", "wall", (0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0.0, 0.0)]
    for number, end in enumerate(phantom.ends, start=2):
        area = float(np.pi * end.radius_mm**2)
        patches.append(Patch(number, end.name, end.kind, end.center_mm, end.normal, area, end.radius_mm))
    line = CenterlineTree(tree.points, tree.radius_mm, (Branch("vessel", tree.branches[0].indices),))
    return VesselModel(exact_surface(phantom, 0.6), tuple(patches), line)


def _with(points=None, triangles=None, keep=None) -> VesselModel:
    model = healthy()
    surface = model.surface
    patch = np.asarray(surface.triangle_data["patch"])
    triangles = surface.triangles if triangles is None else triangles
    extra = len(triangles) - len(patch)
    patch = np.concatenate([patch, np.ones(max(extra, 0), patch.dtype)])
    if keep is not None:
        triangles, patch = triangles[keep], patch[keep]
    return replace(
        model, surface=Surface(surface.points if points is None else points, triangles, {}, {"patch": patch})
    )


def _wall_vertex(z: float) -> int:
    points = healthy().surface.points
    return int(np.linalg.norm(points - [2.0, 0.0, z], axis=1).argmin())


def hole() -> tuple[VesselModel, np.ndarray]:
    vertex = _wall_vertex(8.0)
    keep = ~(healthy().surface.triangles == vertex).any(axis=1)
    return _with(keep=keep), healthy().surface.points[vertex]


def crossing(x: float = -2.6) -> tuple[VesselModel, np.ndarray]:
    vertex = _wall_vertex(8.0)
    points = healthy().surface.points.copy()
    points[vertex] = [x, 0.0, 8.0]
    return _with(points=points), np.array([-2.0, 0.0, 8.0])


def loose() -> tuple[VesselModel, np.ndarray]:
    surface = healthy().surface
    corner = np.array([[9.0, 0, 0], [10.0, 0, 0], [9.0, 1.0, 0], [9.0, 0, 1.0]])
    faces = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [0, 3, 2]]) + len(surface.points)
    points, triangles = np.concatenate([surface.points, corner]), np.concatenate([surface.triangles, faces])
    return _with(points, triangles), corner.mean(axis=0)


def fin() -> tuple[VesselModel, np.ndarray]:
    surface = healthy().surface
    a, b, _ = surface.triangles[
        np.argmin(np.linalg.norm(surface.points[surface.triangles].mean(axis=1) - [2, 0, 8], axis=1))
    ]
    points = np.concatenate([surface.points, [[2.5, 0.0, 8.0]]])
    triangles = np.concatenate([surface.triangles, [[a, b, len(surface.points)]]])
    return _with(points, triangles), surface.points[[a, b]].mean(axis=0)


def sliver() -> tuple[VesselModel, np.ndarray]:
    surface = healthy().surface
    a, b, c = surface.triangles[
        np.argmin(np.linalg.norm(surface.points[surface.triangles].mean(axis=1) - [2, 0, 8], axis=1))
    ]
    points = surface.points.copy()
    points[c] = 0.5 * (points[a] + points[b]) + 0.004 * (points[c] - 0.5 * (points[a] + points[b]))
    return _with(points), points[c]


def turned() -> tuple[VesselModel, np.ndarray]:
    surface = healthy().surface
    at = int(np.argmin(np.linalg.norm(surface.points[surface.triangles].mean(axis=1) - [2, 0, 8], axis=1)))
    triangles = surface.triangles.copy()
    triangles[at] = triangles[at][::-1]
    return _with(triangles=triangles), np.array([2.0, 0.0, 8.0])


FAULTS = {
    "hole": hole,
    "self_crossing": crossing,
    "loose_piece": loose,
    "not_manifold": fin,
    "sliver": sliver,
    "turned_triangles": turned,
}


def test_nothing_is_said_of_a_healthy_surface() -> None:
    assert surface_findings(healthy()) == ()


@pytest.mark.parametrize("code", FAULTS)
def test_planted_fault_is_named_at_its_place_with_triangles_to_light(code: str) -> None:
    model, place = FAULTS[code]()
    found = {finding.code: finding for finding in surface_findings(model)}
    assert code in found
    assert np.linalg.norm(np.asarray(found[code].place_mm) - place) < 2.0
    assert len(found[code].triangles)
    assert found[code].fixes
    assert diagnose(model).offers[0].number == 1


@pytest.mark.parametrize(
    ("code", "fix"),
    [("hole", "meshfix"), ("loose_piece", "drop_pieces"), ("not_manifold", "meshfix"), ("sliver", "remesh")],
)
def test_repair_takes_the_fault_away_and_moves_the_wall_by_no_more_than_its_bound(code: str, fix: str) -> None:
    model, _ = FAULTS[code]()
    finding = next(f for f in surface_findings(model) if f.code == code)
    done = repaired(model, finding, fix)
    surface = done.model.surface
    assert is_watertight(surface.triangles)
    assert len(self_intersections(surface.points, surface.triangles)) == 0
    assert code not in {f.code for f in surface_findings(done.model)}
    assert fix == "drop_pieces" or done.moved_mm <= done.bound_mm
    volume = enclosed_volume_mm3(surface.points, surface.triangles)
    assert volume == pytest.approx(enclosed_volume_mm3(healthy().surface.points, healthy().surface.triangles), rel=0.03)
    assert {1, 2, 3} <= set(np.asarray(surface.triangle_data["patch"]).tolist())


def test_repair_that_would_move_the_wall_too_far_is_refused_with_the_place() -> None:
    model, _ = crossing(-6.0)
    finding = next(f for f in surface_findings(model) if f.code == "self_crossing")
    with pytest.raises(ImagingError) as refusal:
        repaired(model, finding, "meshfix")
    assert refusal.value.code == "fix_moves_too_far"
    assert refusal.value.place_mm is not None


NEEDS_TETWILD = pytest.mark.skipif(not is_available(), reason="the package pytetwild is not installed")


def _fail(*_):
    raise tetrahedra.MeshingFailure("planted", (0.0, 0.0, 8.0))


@NEEDS_TETWILD
def test_what_every_rung_of_the_ladder_gave_up_is_filled_by_the_envelope_mesher(monkeypatch) -> None:
    monkeypatch.setattr(tetrahedra, "_meshed", _fail)
    mesh = tetrahedra.mesh_model(healthy())
    assert NOTE in mesh.notes
    quality = assess(mesh, healthy())
    assert quality.is_watertight and quality.is_tagged and quality.min_volume_mm3 > 0.0
    assert abs(quality.volume_error) < 0.03
    assert quality.n_boundary_layers == 0
    for patch in healthy().patches[1:]:
        on_cap = mesh.points[np.unique(mesh.facets[mesh.facet_patch == patch.id])]
        assert np.abs((on_cap - np.asarray(patch.center_mm)) @ np.asarray(patch.normal)).max() < 1e-9


def test_without_the_envelope_mesher_the_failure_is_named_with_its_place(monkeypatch) -> None:
    monkeypatch.setattr(tetrahedra, "_meshed", _fail)
    monkeypatch.setattr(tetrahedra, "is_available", lambda: False)
    with pytest.raises(ImagingError) as refusal:
        tetrahedra.mesh_model(healthy())
    assert refusal.value.code == "meshing_failed"
    assert "planted" in refusal.value.message
    assert refusal.value.place_mm == (0.0, 0.0, 8.0)


@NEEDS_TETWILD
def test_envelope_mesher_fills_a_surface_with_a_gap() -> None:
    model, _ = hole()
    points, tets = tetwild_filled(model.surface.points, model.surface.triangles, 0.8, silent, 0.0)
    assert volumes_mm3(points, tets).min() > 0.0
    whole = enclosed_volume_mm3(healthy().surface.points, healthy().surface.triangles)
    assert volumes_mm3(points, tets).sum() == pytest.approx(whole, rel=0.05)
