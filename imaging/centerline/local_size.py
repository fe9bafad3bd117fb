"""How wide the vessel is at any place on its wall, read from the centerline tree."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

from imaging.surface.topology import areas_mm2
from imaging.types import CenterlineTree, FloatArray, IntArray

_FLATTEST = 2.5


def nearest_on_tree(centers: FloatArray, radius_mm: FloatArray, xyz_mm: FloatArray) -> IntArray:
    """Index of the inscribed sphere that each position (n, 3) is nearest to in the sense of the tube function.

    Least ``|x - c|^2 - r^2`` (Antiga and Steinman 2004) is least distance after lifting each center to the height
    ``sqrt(r_max^2 - r^2)`` in a fourth dimension.
    """
    height = np.sqrt(np.maximum(float(radius_mm.max()) ** 2 - radius_mm**2, 0.0))
    lifted = cKDTree(np.column_stack([centers, height]))
    _, index = lifted.query(np.column_stack([xyz_mm, np.zeros(len(xyz_mm))]))
    return np.asarray(index, dtype=np.int64)


def size_radius_mm(tree: CenterlineTree, points: FloatArray, triangles: IntArray) -> FloatArray:
    """Radius (n,) in mm that sets the edge length at each wall point.

    It is the geometric mean of the inscribed radius and of the radius of the circle with the vessel's perimeter (wall
    area per length of centerline). In a round vessel both are the radius; in a flat lumen, where layers and core fill
    the narrow direction, the wall needs no edges as short as the narrow direction alone would ask for.
    """
    nearest = nearest_on_tree(tree.points, tree.radius_mm, points[triangles].mean(axis=1))
    wall = np.bincount(nearest, weights=areas_mm2(points, triangles), minlength=len(tree.points))
    size = tree.radius_mm.copy()
    for branch in tree.branches:
        own = np.asarray(branch.indices if branch.parent is None else branch.indices[1:])
        if len(own) < 3:
            continue
        step = float(np.linalg.norm(np.diff(tree.points[own], axis=0), axis=1).mean())
        sigma = float(np.median(tree.radius_mm[own])) / step
        perimeter_radius = ndimage.gaussian_filter1d(wall[own], sigma, mode="nearest") / (2.0 * np.pi * step)
        inscribed = tree.radius_mm[own]
        size[own] = np.sqrt(inscribed * np.clip(perimeter_radius, inscribed, _FLATTEST * inscribed))
    return size[nearest_on_tree(tree.points, tree.radius_mm, points)]
