"""What a mesh is, counted and measured on the mesh itself: nothing is taken over from the program that made it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from imaging.meshing.core import boundary_of
from imaging.meshing.shape import aspect_ratio, dihedral_angles_deg, scaled_jacobian, volumes_mm3
from imaging.surface.polydata import SignedDistance
from imaging.surface.topology import areas_mm2, compact, enclosed_volume_mm3, is_watertight
from imaging.types import WALL_PATCH_ID, FloatArray, IntArray, TetMesh, VesselModel

_FLAT = 0.02
_VOLUME_OFF = 0.01
_AREA_OFF = 0.02
_LAYERED_PART = 0.99
_FEW_CELLS_ACROSS = 6.0
_STEPS = 20


@dataclass(frozen=True)
class MeshQuality:
    """Figures of a mesh; lengths in mm, volumes in mL, angles in degrees.

    Attributes
    ----------
    n_cells, n_points, n_facets
    n_boundary_layers : int
        Layers that were found on at least 99 % of the wall's facets.
    layered_wall_fraction : float
        Part of the wall's facets under which all layers lie.
    layer_thickness_mm, first_layer_mm : (least, median, largest)
        Distance from the wall of the innermost and of the first layer's inner points.
    min_volume_mm3, min_scaled_jacobian, min_scaled_jacobian_layers, min_scaled_jacobian_core
        Scaled Jacobian as Verdict defines it.
    scaled_jacobian_p1, scaled_jacobian_median, scaled_jacobian_mean, scaled_jacobian_mean_core
        First percentile, median and mean over all cells, mean over those of the core.
    scaled_jacobian_counts : mapping
        Cells of the boundary ``layers`` and of the ``core`` in 20 equal steps of the scaled Jacobian from 0 to 1 (what
        is inverted counts in the first).
    min_dihedral_deg, dihedral_p1_deg, max_dihedral_deg
        Least, first percentile of each cell's least, and largest dihedral angle.
    max_aspect_ratio : float
        Longest edge over inscribed diameter, 1 for a regular cell.
    volume_ml, volume_error : float
        Volume and its relative difference to the model's (NaN without a model).
    patch_area_mm2, patch_area_error : mapping
        Area of each patch by name, and the relative difference to the model's.
    cells_across : (least, median)
        Cells along the local inscribed diameter (NaN without a model): layers on both sides plus core edges.
    is_watertight, is_tagged, n_pieces
        Whether the facets are exactly the boundary of the cells and closed; whether each has a known patch; connected
        pieces.
    findings : tuple of str
        What is wrong or weak, in plain sentences; empty when nothing is.
    """

    n_cells: int
    n_points: int
    n_facets: int
    n_boundary_layers: int
    layered_wall_fraction: float
    layer_thickness_mm: tuple[float, float, float]
    first_layer_mm: tuple[float, float, float]
    min_volume_mm3: float
    min_scaled_jacobian: float
    min_scaled_jacobian_layers: float
    min_scaled_jacobian_core: float
    scaled_jacobian_p1: float
    scaled_jacobian_median: float
    scaled_jacobian_mean: float
    scaled_jacobian_mean_core: float
    scaled_jacobian_counts: Mapping[str, tuple[int, ...]]
    min_dihedral_deg: float
    dihedral_p1_deg: float
    max_dihedral_deg: float
    max_aspect_ratio: float
    volume_ml: float
    volume_error: float
    patch_area_mm2: Mapping[str, float]
    patch_area_error: Mapping[str, float]
    cells_across: tuple[float, float]
    is_watertight: bool
    is_tagged: bool
    n_pieces: int
    findings: tuple[str, ...] = field(default=())

    @property
    def faults(self) -> tuple[str, ...]:
        """Those findings with which a mesh does not stand its check; the others are weaknesses."""
        return _faults(self)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def assess(mesh: TetMesh, model: VesselModel | None = None) -> MeshQuality:
    """Count and measure a mesh.

    Parameters
    ----------
    mesh : TetMesh
    model : VesselModel, optional
        What it was made from, to compare volume and to find the local diameter.
    """
    volumes = volumes_mm3(mesh.points, mesh.tets)
    scaled = scaled_jacobian(mesh.points, mesh.tets)
    angles = dihedral_angles_deg(mesh.points, mesh.tets)
    in_layer = mesh.layer > 0
    n_layers, layered, total, first = _layers(mesh)
    volume = float(volumes.sum()) / 1000.0
    wanted = float("nan")
    across = (float("nan"), float("nan"))
    if model is not None:
        wanted = enclosed_volume_mm3(model.surface.points, model.surface.triangles) / 1000.0
        across = _cells_across(mesh, model, n_layers, total[1])
    areas, area_errors = _patch_areas(mesh, model)
    quality = MeshQuality(
        n_cells=len(mesh.tets),
        n_points=len(mesh.points),
        n_facets=len(mesh.facets),
        n_boundary_layers=n_layers,
        layered_wall_fraction=layered,
        layer_thickness_mm=total,
        first_layer_mm=first,
        min_volume_mm3=float(volumes.min()),
        min_scaled_jacobian=float(scaled.min()),
        min_scaled_jacobian_layers=_least(scaled[in_layer]),
        min_scaled_jacobian_core=_least(scaled[~in_layer]),
        scaled_jacobian_p1=float(np.percentile(scaled, 1)),
        scaled_jacobian_median=float(np.median(scaled)),
        scaled_jacobian_mean=float(scaled.mean()),
        scaled_jacobian_mean_core=float(scaled[~in_layer].mean()) if not in_layer.all() else float("nan"),
        scaled_jacobian_counts={"layers": _counts(scaled[in_layer]), "core": _counts(scaled[~in_layer])},
        min_dihedral_deg=float(angles.min()),
        dihedral_p1_deg=float(np.percentile(angles.min(axis=1), 1)),
        max_dihedral_deg=float(angles.max()),
        max_aspect_ratio=float(aspect_ratio(mesh.points, mesh.tets).max()),
        volume_ml=volume,
        volume_error=volume / wanted - 1.0,
        patch_area_mm2=areas,
        patch_area_error=area_errors,
        cells_across=across,
        is_watertight=_is_closed_boundary(mesh),
        is_tagged=bool(np.isin(mesh.facet_patch, [patch.id for patch in mesh.patches]).all()),
        n_pieces=_pieces(mesh.tets, len(mesh.points)),
    )
    findings = _findings(quality)
    return MeshQuality(**{**vars(quality), "findings": findings})


def _counts(scaled: FloatArray) -> tuple[int, ...]:
    return tuple(np.histogram(np.clip(scaled, 0.0, 1.0), _STEPS, (0.0, 1.0))[0].tolist())


def _least(values: FloatArray) -> float:
    return float(values.min()) if len(values) else float("nan")


def _layers(mesh: TetMesh) -> tuple[int, float, tuple[float, float, float], tuple[float, float, float]]:
    """Layers under the wall, found by peeling the cells off from the wall inward.

    Under a full stack of prisms each level has one face per wall facet: first the wall facet itself, which must belong
    to a cell of layer 1, then the face between layer 1 and layer 2, and so on to the face that looks into the core.
    """
    nothing = (0.0, 0.0, 0.0)
    wall = mesh.facets[mesh.facet_patch == WALL_PATCH_ID]
    deepest = int(mesh.layer.max(initial=0))
    if deepest == 0 or len(wall) == 0:
        return 0, 0.0, nothing, nothing
    faces, outer, inner = _faces_between(mesh)
    wall_keys = _keys(np.sort(wall, axis=1), len(mesh.points))
    on_wall = np.isin(_keys(faces, len(mesh.points)), wall_keys)
    fractions = [float((on_wall & (outer == 1) & (inner == -1)).sum()) / len(wall)]
    levels: list[IntArray] = []
    for number in range(1, deepest + 1):
        # The core is layer 0, so that it stands on the lower side of the deepest layer.
        low, high = (number, number + 1) if number < deepest else (0, number)
        between = (outer == low) & (inner == high)
        fractions.append(float(between.sum()) / len(wall))
        levels.append(faces[between])
    found = 0
    for number in range(1, deepest + 1):
        if min(fractions[: number + 1]) < _LAYERED_PART:
            break
        found = number
    distance = SignedDistance(*compact(mesh.points, wall))
    spans = [_span(np.abs(distance(mesh.points[np.unique(level)]))) if len(level) else nothing for level in levels]
    return found, min(1.0, *fractions), spans[-1], spans[0]


def _span(values: FloatArray) -> tuple[float, float, float]:
    return float(values.min()), float(np.median(values)), float(values.max())


def _faces_between(mesh: TetMesh) -> tuple[IntArray, IntArray, IntArray]:
    """All faces, sorted; the layer on one side and on the other, the lower first except that -1 (outside) is last."""
    tets = mesh.tets
    faces = np.sort(np.concatenate([tets[:, c] for c in ([0, 1, 2], [0, 1, 3], [1, 2, 3], [0, 2, 3])]), axis=1)
    layer = np.tile(mesh.layer.astype(np.int64), 4)
    order = np.lexsort((layer, faces[:, 2], faces[:, 1], faces[:, 0]))
    faces, layer = faces[order], layer[order]
    same = np.concatenate([(faces[1:] == faces[:-1]).all(axis=1), [False]])
    first = np.concatenate([[True], ~same[:-1]])
    other = np.where(same, np.roll(layer, -1), -1)
    return faces[first], layer[first], other[first]


def _keys(sorted_faces: IntArray, n_points: int) -> IntArray:
    keys: IntArray = (sorted_faces[:, 0] * n_points + sorted_faces[:, 1]) * n_points + sorted_faces[:, 2]
    return keys


def _patch_areas(mesh: TetMesh, model: VesselModel | None) -> tuple[dict[str, float], dict[str, float]]:
    areas = areas_mm2(mesh.points, mesh.facets)
    wanted = {patch.id: patch.area_mm2 for patch in mesh.patches}
    if model is not None:
        wall = np.asarray(model.surface.triangle_data["patch"]) == WALL_PATCH_ID
        wanted[WALL_PATCH_ID] = float(areas_mm2(model.surface.points, model.surface.triangles[wall]).sum())
    found = {patch.name: float(areas[mesh.facet_patch == patch.id].sum()) for patch in mesh.patches}
    errors = {patch.name: found[patch.name] / wanted[patch.id] - 1.0 for patch in mesh.patches if wanted[patch.id] > 0}
    return found, errors


def _cells_across(mesh: TetMesh, model: VesselModel, n_layers: int, thickness_mm: float) -> tuple[float, float]:
    from scipy.spatial import cKDTree

    core = mesh.tets[mesh.layer == 0]
    edges = np.unique(np.sort(np.concatenate([core[:, [0, 1]], core[:, [1, 2]], core[:, [0, 3]]]), axis=1), axis=0)
    length = np.linalg.norm(mesh.points[edges[:, 0]] - mesh.points[edges[:, 1]], axis=1)
    middles = cKDTree(mesh.points[edges].mean(axis=1))
    tree = model.centerlines
    _, near = middles.query(tree.points, k=min(20, len(edges)))
    local = length[near].mean(axis=1)
    layers = np.minimum(2.0 * thickness_mm, tree.radius_mm)
    across = 2.0 * n_layers + np.maximum(2.0 * tree.radius_mm - layers, 0.0) / local
    return float(across.min()), float(np.median(across))


def _is_closed_boundary(mesh: TetMesh) -> bool:
    boundary = np.unique(np.sort(boundary_of(mesh.tets), axis=1), axis=0)
    facets = np.unique(np.sort(mesh.facets, axis=1), axis=0)
    return np.array_equal(boundary, facets) and is_watertight(mesh.facets)


def _pieces(tets: IntArray, n_points: int) -> int:
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    rows, columns = tets[:, [0, 0, 0]].ravel(), tets[:, 1:].ravel()
    graph = coo_matrix((np.ones(len(rows), np.int8), (rows, columns)), shape=(n_points, n_points))
    return int(connected_components(graph, directed=False)[0])


def _faults(quality: MeshQuality) -> tuple[str, ...]:
    found = []
    if quality.min_volume_mm3 <= 0:
        found.append("The mesh has inverted cells: it cannot be solved on.")
    if not quality.is_watertight:
        found.append("The boundary facets are not the closed boundary of the cells.")
    if not quality.is_tagged:
        found.append("Some boundary facets belong to no patch.")
    if quality.n_pieces != 1:
        found.append(f"The mesh is in {quality.n_pieces} pieces (points without cells count as pieces).")
    if quality.n_boundary_layers < 3:
        found.append(f"Only {quality.n_boundary_layers} boundary layer(s) lie under the whole wall.")
    if abs(quality.volume_error) > _VOLUME_OFF:
        found.append(f"The mesh volume differs from the model's by {100 * quality.volume_error:+.2f} %.")
    return tuple(found)


def _findings(quality: MeshQuality) -> tuple[str, ...]:
    found = list(quality.faults)
    if quality.n_boundary_layers >= 3 and quality.layered_wall_fraction < 1.0:
        found.append(f"All boundary layers lie under {100 * quality.layered_wall_fraction:.2f} % of the wall only.")
    if quality.min_scaled_jacobian < _FLAT:
        found.append(f"The flattest cell has a scaled Jacobian of {quality.min_scaled_jacobian:.4f}.")
    for name, error in quality.patch_area_error.items():
        if abs(error) > _AREA_OFF:
            found.append(f"The area of '{name}' differs from the model's by {100 * error:+.2f} %.")
    if quality.cells_across[0] < _FEW_CELLS_ACROSS:
        found.append(f"At the narrowest resolved place only {quality.cells_across[0]:.1f} cells lie across the vessel.")
    return tuple(found)
