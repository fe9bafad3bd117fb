"""Smoothing of a part of a surface."""

from __future__ import annotations

import numpy as np

from imaging.surface.topology import area_vectors, open_loops, unique_edges, vertex_normals
from imaging.types import FloatArray, IntArray

_SHRINK, _SWELL = 0.5, -0.52
_SHARP_COSINE = 0.4
_BLUNTING_PASSES = 10


def taubin_smoothed(points: FloatArray, triangles: IntArray, weight: FloatArray, passes: int) -> FloatArray:
    """Points (n, 3) after alternate shrinking and swelling passes, which keep the volume nearly (Taubin 1995).

    Parameters
    ----------
    weight : (n,)
        How much each point takes part: 0 stays, 1 moves fully.
    passes : int
        Pairs of passes.
    """
    points = points.copy()
    edges, _ = unique_edges(triangles)
    both = np.concatenate([edges, edges[:, ::-1]])
    count = np.maximum(np.bincount(both[:, 0], minlength=len(points)), 1)[:, None]
    for _ in range(passes):
        for factor in (_SHRINK, _SWELL):
            total = np.zeros_like(points)
            np.add.at(total, both[:, 0], points[both[:, 1]])
            points += factor * weight[:, None] * (total / count - points)
    return points


def least_cosine(direction: FloatArray, triangles: IntArray, normals: FloatArray) -> tuple[FloatArray, IntArray]:
    """For each point the least cosine between its direction (n, 3) and the normals (m, 3) of the triangles around it.

    Returns
    -------
    (cosine, triangle)
        (n,) each; every point must belong to a triangle.
    """
    vertex = triangles.T.ravel()
    facet = np.tile(np.arange(len(triangles)), 3)
    cosine = np.einsum("ij,ij->i", direction[vertex], normals[facet])
    order = np.lexsort((cosine, vertex))
    _, first = np.unique(vertex[order], return_index=True)
    return cosine[order][first], facet[order][first]


def blunted(points: FloatArray, triangles: IntArray) -> tuple[FloatArray, int]:
    """Blunt knife edges: move points that hardly see a triangle around them toward their neighbors.

    A point is sharp where its normal makes a cosine below 0.4 with the normal of one of its triangles, as on the ridge
    between two vessels that touch. It moves by less than an edge length; the points of open borders stay.

    Returns
    -------
    (points, n_moved)
    """
    points = points.copy()
    edges, _ = unique_edges(triangles)
    both = np.concatenate([edges, edges[:, ::-1]])
    count = np.maximum(np.bincount(both[:, 0], minlength=len(points)), 1)[:, None]
    fixed = np.zeros(len(points), bool)
    for loop in open_loops(triangles):
        fixed[loop] = True
    moved = np.zeros(len(points), bool)
    for _ in range(_BLUNTING_PASSES):
        faces = area_vectors(points, triangles)
        faces /= np.maximum(np.linalg.norm(faces, axis=1, keepdims=True), 1e-300)
        cosine, _ = least_cosine(vertex_normals(points, triangles), triangles, faces)
        sharp = (cosine < _SHARP_COSINE) & ~fixed
        if not sharp.any():
            break
        total = np.zeros_like(points)
        np.add.at(total, both[:, 0], points[both[:, 1]])
        points[sharp] += 0.5 * (total / count - points)[sharp]
        moved |= sharp
    return points, int(moved.sum())
