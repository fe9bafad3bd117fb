"""A mesh laid open by a plane, so that its boundary layers can be seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imaging.types import IntArray, TetMesh
from solvers.contract.mesh_file import facet_keys

_FACES = np.array([[1, 2, 3], [0, 3, 2], [0, 1, 3], [0, 2, 1]])


@dataclass(frozen=True, eq=False)
class CutMesh:
    """What is seen of the cells behind a plane.

    ``facet_is_kept`` (f,) tells which boundary facets stay; ``triangles`` (c, 3) are the laid-open faces, and ``layer``
    (c,) the boundary layer of the cell behind each (0: core).
    """

    facet_is_kept: NDArray[np.bool_]
    triangles: IntArray
    layer: NDArray[np.int8]


def cut_mesh(mesh: TetMesh, position_mm: Any, normal: Any) -> CutMesh:
    """Keep the cells whose center lies behind a plane (against its normal); no cell is divided."""
    height = (mesh.points - np.asarray(position_mm, dtype=float)) @ np.asarray(normal, dtype=float)
    corner = height[mesh.tets]
    is_kept = corner.mean(axis=1) <= 0.0
    thickest = float(np.ptp(corner, axis=1).max())
    near = np.flatnonzero((corner.min(axis=1) <= thickest) & (corner.max(axis=1) >= -thickest))
    faces = mesh.tets[near][:, _FACES].reshape(-1, 3)
    owner = np.repeat(near, len(_FACES))
    keys = facet_keys(faces, len(mesh.points))
    order = np.argsort(keys, kind="stable")
    faces, owner, keys = faces[order], owner[order], keys[order]
    first = np.flatnonzero(keys[1:] == keys[:-1])
    opened = first[is_kept[owner[first]] != is_kept[owner[first + 1]]]
    behind = np.where(is_kept[owner[opened]], opened, opened + 1)

    facet_is_kept = height[mesh.facets].mean(axis=1) <= 0.0
    at = np.searchsorted(keys, facet_keys(mesh.facets, len(mesh.points)))
    at = np.minimum(at, max(0, len(keys) - 1))
    if len(keys):
        is_known = keys[at] == facet_keys(mesh.facets, len(mesh.points))
        facet_is_kept = np.where(is_known, is_kept[owner[at]], facet_is_kept)
    return CutMesh(facet_is_kept, faces[behind], mesh.layer[owner[behind]])
