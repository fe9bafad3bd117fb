"""A model built from labels is closed, cut across its vessels, extended, named and on the wall of the phantom."""

import functools

import numpy as np
import pytest

import imaging.centerline.central_lines as central_lines_module
import imaging.surface.model as model_module
from imaging.errors import ImagingError
from imaging.isolated import IsolatedError
from imaging.surface.model import build_model
from imaging.surface.parameters import ModelParameters
from imaging.surface.surface_io import read_model, write_model
from imaging.surface.topology import (
    enclosed_volume_mm3,
    has_manifold_vertices,
    is_watertight,
    self_intersections,
    triangle_pieces,
)
from imaging.types import Grid, LabelMap, VesselEnd
from sample_data.phantoms import RenderSettings, render_ct, y_bifurcation


@functools.cache
def _rendered():
    return render_ct(y_bifurcation(), 0.8, RenderSettings(), rng_seed=1)


def _ends(phantom):
    return [VesselEnd(end.name, end.kind, end.center_mm) for end in phantom.ends]


@functools.cache
def _model():
    rendered = _rendered()
    return build_model(rendered.labels, rendered.volume, _ends(rendered.phantom))


def _tube_labels(length=60, radius=6.0, spacing=1.0):
    k, j, i = np.indices((length + 20, 40, 40)).astype(float)
    mask = (np.hypot(i - 20, j - 20) < radius) & (k >= 10) & (k < 10 + length)
    grid = Grid((40, 40, length + 20), (spacing,) * 3, (0.0, 0.0, 0.0))
    return LabelMap(mask.astype(np.uint8), grid, {1: "vessel"})


TUBE_ENDS = [VesselEnd("in", "inlet", (20.0, 20.0, 11.0)), VesselEnd("out", "outlet", (20.0, 20.0, 68.0))]


def test_surface_is_closed_manifold_outward_and_does_not_cross_itself():
    surface = _model().surface
    assert is_watertight(surface.triangles)
    assert has_manifold_vertices(surface.triangles)
    assert triangle_pieces(surface.triangles, len(surface.points)).max() == 0
    assert enclosed_volume_mm3(surface.points, surface.triangles) > 0
    assert len(self_intersections(surface.points, surface.triangles)) == 0


def test_patches_are_named_numbered_flat_and_of_the_phantoms_size():
    model, phantom = _model(), _rendered().phantom
    patch_of = np.asarray(model.surface.triangle_data["patch"])
    assert [(p.id, p.name, p.kind) for p in model.patches] == [
        (1, "wall", "wall"),
        (2, "inlet", "inlet"),
        (3, "outlet_1", "outlet"),
        (4, "outlet_2", "outlet"),
    ]
    assert set(np.unique(patch_of)) == {1, 2, 3, 4}
    for patch, end in zip(model.patches[1:], sorted(phantom.ends, key=lambda e: e.kind), strict=True):
        corners = model.surface.points[np.unique(model.surface.triangles[patch_of == patch.id])]
        assert np.abs((corners - patch.center_mm) @ np.asarray(patch.normal)).max() < 1e-6
        assert np.degrees(np.arccos(np.dot(patch.normal, end.normal))) < 10.0
        # A fifth of a voxel of 0.8 mm on the radius.
        assert patch.radius_mm == pytest.approx(end.radius_mm, abs=0.16)
        assert patch.area_mm2 == pytest.approx(np.pi * patch.radius_mm**2)


def test_extensions_start_at_the_cut_and_have_the_wished_length():
    model = _model()
    wished = {"inlet": 1.0, "outlet": 2.5}
    for patch in model.patches[1:]:
        along = np.asarray(patch.center_mm) - model.extension_start_mm[patch.id]
        assert np.linalg.norm(along) == pytest.approx(wished[patch.kind] * patch.radius_mm, rel=0.03)
        assert along @ patch.normal == pytest.approx(np.linalg.norm(along), rel=1e-3)


def test_wall_lies_on_the_phantom_to_a_part_of_a_voxel():
    model, phantom = _model(), _rendered().phantom
    wall = np.unique(model.surface.triangles[np.asarray(model.surface.triangle_data["patch"]) == 1])
    points = model.surface.points[wall]
    for end in phantom.ends:
        points = points[np.linalg.norm(points - end.center_mm, axis=1) > 4.5 * end.radius_mm]
    error = phantom.implicit(points)
    assert len(points) > 500
    # Noise and smoothing; the voxel is 0.8 mm.
    assert abs(error.mean()) < 0.05
    assert error.std() < 0.15


def test_volume_changes_by_less_than_two_percent_and_figures_say_so():
    figures = _model().figures
    assert abs(figures["volume_change_relative"]) < 0.02
    scanned = figures["label_volume_ml"] * (1.0 + figures["scan_volume_change_relative"])
    assert figures["wall_volume_ml"] == pytest.approx(scanned, rel=0.02)
    assert figures["min_triangle_quality"] > 0.3
    assert figures["n_loops"] == 0


def test_centerlines_follow_the_labels_from_cap_to_cap_with_inscribed_radii():
    model, phantom = _model(), _rendered().phantom
    tree = model.centerlines
    assert [(b.name, b.parent) for b in tree.branches] == [
        ("parent", None),
        ("daughter_1", "parent"),
        ("daughter_2", "parent"),
    ]
    caps = {patch.name: np.asarray(patch.center_mm) for patch in model.patches[1:]}
    assert np.allclose(tree.points[tree.branch("parent").indices[0]], caps["inlet"], atol=0.3)
    for name, cap in (("daughter_1", "outlet_1"), ("daughter_2", "outlet_2")):
        branch = tree.branch(name)
        assert np.allclose(tree.points[branch.indices[-1]], caps[cap], atol=0.8)
        assert branch.indices[0] == tree.branch("parent").indices[-1]
    trunk = np.asarray(tree.branch("parent").indices)
    middle = trunk[np.abs(tree.points[trunk] @ [0, 0, 1] - 20.0) < 8.0]
    # The inscribed sphere feels the roughest point of the wall around: half a voxel of 0.8 mm.
    assert np.allclose(tree.radius_mm[middle], 5.0, atol=0.4)
    assert np.linalg.norm(tree.points[middle][:, :2], axis=1).max() < 0.4
    assert any("VMTK" in note for note in model.notes)
    assert phantom.kind == "y_bifurcation"


def test_model_survives_files_exactly(tmp_path):
    model = _model()
    write_model(model, tmp_path)
    again = read_model(tmp_path)
    assert np.array_equal(again.surface.points, model.surface.points)
    assert np.array_equal(again.surface.triangles, model.surface.triangles)
    assert np.array_equal(again.surface.triangle_data["patch"], model.surface.triangle_data["patch"])
    assert again.surface.triangle_data["patch"].dtype == model.surface.triangle_data["patch"].dtype
    assert np.array_equal(again.centerlines.points, model.centerlines.points)
    assert np.array_equal(again.centerlines.radius_mm, model.centerlines.radius_mm)
    assert again.centerlines.branches == model.centerlines.branches
    assert (again.patches, again.extension_start_mm) == (model.patches, model.extension_start_mm)
    assert (dict(again.figures), again.notes) == (dict(model.figures), model.notes)


def test_damaged_or_missing_model_files_are_one_sentence(tmp_path):
    with pytest.raises(ImagingError) as missing:
        read_model(tmp_path / "nothing")
    assert missing.value.code == "surface_unreadable"
    write_model(_model(), tmp_path)
    (tmp_path / "surface.vtp").write_text("not a surface")
    with pytest.raises(ImagingError) as damaged:
        read_model(tmp_path)
    assert damaged.value.code == "surface_unreadable"


def test_minimal_path_takes_over_when_vmtk_fails(monkeypatch):
    def fail(*arguments):
        raise IsolatedError("Voronoi diagram failed")

    monkeypatch.setattr(central_lines_module, "vmtk_centerlines", fail)
    model = build_model(_tube_labels(), None, TUBE_ENDS)
    assert any("minimal paths" in note and "Voronoi diagram failed" in note for note in model.notes)
    tree = model.centerlines
    inside = (tree.points[:, 2] > 20) & (tree.points[:, 2] < 60)
    assert np.linalg.norm(tree.points[inside, :2] - 20.0, axis=1).max() < 0.3
    assert np.allclose(tree.radius_mm[inside], 6.0, atol=0.5)


def test_minimal_path_takes_over_when_vmtk_leaves_the_lumen(monkeypatch):
    def shortcut(points, triangles, source, targets, step_mm, progress):
        return [np.linspace(points[source], points[target], 50) for target in targets]

    monkeypatch.setattr(central_lines_module, "vmtk_centerlines", shortcut)
    model = build_model(_rendered().labels, None, _ends(_rendered().phantom))
    assert any("did not follow the lumen" in note for note in model.notes)


def test_progress_rises_and_cancel_comes_through():
    class Cancelled(Exception):
        pass

    seen = []

    def watch(fraction, text):
        seen.append(fraction)
        if fraction > 0.3:
            raise Cancelled

    with pytest.raises(Cancelled):
        build_model(_tube_labels(), None, TUBE_ENDS, None, watch)
    assert seen == sorted(seen)


def _refusal(labels, ends, parameters=None):
    with pytest.raises(ImagingError) as refused:
        build_model(labels, None, ends, parameters)
    error = refused.value
    assert error.message.endswith(".")
    assert "\n" not in error.message
    return error


def test_one_opening_only_is_refused():
    assert _refusal(_tube_labels(), TUBE_ENDS[:1]).code == "needs_inlet_and_outlet"
    assert _refusal(_tube_labels(), TUBE_ENDS[1:]).code == "needs_inlet_and_outlet"
    twins = [TUBE_ENDS[0], VesselEnd("in", "outlet", TUBE_ENDS[1].position_mm)]
    assert _refusal(_tube_labels(), twins).code == "duplicate_end"


def test_empty_label_is_refused():
    labels = _tube_labels()
    empty = LabelMap(np.zeros_like(labels.array), labels.grid, labels.names)
    assert _refusal(empty, TUBE_ENDS).code == "empty_label"


def test_broken_label_names_the_end_that_is_cut_off():
    labels = _tube_labels()
    labels.array[50:54] = 0
    error = _refusal(labels, TUBE_ENDS)
    assert (error.code, error.place_mm) == ("label_in_pieces", TUBE_ENDS[1].position_mm)
    assert "'out'" in error.message


def test_end_outside_the_label_is_refused_and_a_near_one_is_taken():
    far = [TUBE_ENDS[0], VesselEnd("out", "outlet", (20.0, 20.0, 78.5))]
    error = _refusal(_tube_labels(), far)
    assert (error.code, error.place_mm) == ("end_outside_label", far[1].position_mm)
    near = [TUBE_ENDS[0], VesselEnd("out", "outlet", (23.0, 20.0, 72.0))]
    assert build_model(_tube_labels(), None, near).patches[2].radius_mm == pytest.approx(6.0, abs=0.3)


def test_end_too_close_to_a_junction_is_refused():
    phantom = _rendered().phantom
    fork = np.asarray(phantom.ends[0].center_mm) + 40.0 * -np.asarray(phantom.ends[0].normal)
    outlet = next(end for end in phantom.ends if end.name == "outlet_1")
    place = fork + 0.12 * (np.asarray(outlet.center_mm) - fork)
    ends = [e if e.name != "outlet_1" else VesselEnd(e.name, e.kind, tuple(place)) for e in _ends(phantom)]
    error = _refusal(_rendered().labels, ends)
    assert error.code in {"end_near_junction", "end_on_the_way"}
    assert error.place_mm is not None


def test_end_on_the_way_to_another_is_refused():
    ends = [*TUBE_ENDS, VesselEnd("middle", "outlet", (20.0, 20.0, 40.0))]
    error = _refusal(_tube_labels(), ends)
    assert error.code == "end_on_the_way"
    assert "'middle'" in error.message


def test_thread_of_single_voxels_is_refused():
    labels = _tube_labels()
    labels.array[:] = 0
    labels.array[10:70, 20, 20] = 1
    assert _refusal(labels, TUBE_ENDS).code in {"lumen_too_thin", "label_in_pieces", "end_not_tubular"}


def test_scan_on_another_grid_is_refused():
    rendered = _rendered()
    with pytest.raises(ImagingError) as refused:
        build_model(_tube_labels(), rendered.volume, TUBE_ENDS)
    assert refused.value.code == "scan_and_labels_differ"


def test_surface_that_crosses_itself_is_refused_with_a_place(monkeypatch):
    monkeypatch.setattr(model_module, "self_intersections", lambda points, triangles: np.array([0]))
    error = _refusal(_tube_labels(), TUBE_ENDS)
    assert error.code == "self_crossing"
    assert error.place_mm is not None


def test_extension_that_meets_another_vessel_is_shortened():
    k, j, i = np.indices((70, 40, 60)).astype(float)
    leg = (np.hypot(i - 20, j - 20) < 5) & (k > 8) & (k < 50)
    bend = (np.hypot(k - 50, j - 20) < 5) & (i > 20) & (i < 50) | (np.hypot(np.hypot(k - 50, j - 20), i - 20) < 5)
    back = (np.hypot(i - 50, j - 20) < 5) & (k > 20) & (k <= 52)
    turn = (np.hypot(k - 20, j - 20) < 5) & (i > 34) & (i < 50) | (np.hypot(np.hypot(k - 20, j - 20), i - 50) < 5)
    labels = LabelMap((leg | bend | back | turn).astype(np.uint8), Grid((60, 40, 70), (1.0,) * 3, (0.0,) * 3), {1: "v"})
    ends = [VesselEnd("in", "inlet", (20.0, 20.0, 10.0)), VesselEnd("out", "outlet", (36.0, 20.0, 20.0))]
    model = build_model(labels, None, ends, ModelParameters(outlet_extension_radii=4.0))
    assert any("'out' was shortened" in note for note in model.notes)
    assert len(self_intersections(model.surface.points, model.surface.triangles)) == 0
