"""Draws vessels off screen. Meant for a child process: a machine without a graphics library may end it by a signal."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from numpy.typing import NDArray

Arrays = dict[str, NDArray[Any]]
_DISTANCE_MM = 1000.0


def draw(arrays: Arrays, width_px: int, height_px: int, half_height_mm: float, n_pictures: int) -> Arrays:
    """Pictures of a wall in one parallel view, each in its own colors, the last one with lines in a glassy wall.

    Parameters
    ----------
    arrays
        ``points`` (n, 3) and ``triangles`` (m, 3) of the wall; ``rgb_0``, ``rgb_1`` ... (n, 3) uint8, one for each
        picture; ``line_points`` (k, 3), ``line_offsets`` (l + 1,) and ``line_rgb`` (k, 3) uint8, possibly empty;
        ``focal``, ``toward_viewer`` and ``up`` (3,).
    half_height_mm
        Half of what the picture shows from bottom to top.

    Returns
    -------
    dict
        ``picture_0``, ``picture_1`` ...: (height, width, 3) uint8, white where nothing is.
    """
    import pyvista

    wall = pyvista.PolyData.from_regular_faces(arrays["points"].astype(np.float32), arrays["triangles"])
    wall.compute_normals(
        cell_normals=False, point_normals=True, split_vertices=False, consistent_normals=False, inplace=True
    )
    lines = _lines(arrays["line_points"], arrays["line_offsets"])
    pictures = {}
    for number in range(n_pictures):
        has_lines = number == n_pictures - 1 and lines is not None
        plotter = pyvista.Plotter(off_screen=True, window_size=(width_px, height_px), lighting="light kit")
        plotter.set_background("white")
        plotter.enable_anti_aliasing("ssaa")
        plotter.add_mesh(
            wall,
            scalars=arrays[f"rgb_{number}"],
            rgb=True,
            smooth_shading=True,
            ambient=0.3,
            diffuse=0.75,
            specular=0.05,
            opacity=0.25 if has_lines else 1.0,
            culling="back" if has_lines else False,
        )
        if has_lines:
            plotter.add_mesh(lines, scalars=arrays["line_rgb"], rgb=True, lighting=False, line_width=3.0)
        camera = plotter.camera
        camera.focal_point = tuple(arrays["focal"])
        camera.position = tuple(arrays["focal"] + _DISTANCE_MM * arrays["toward_viewer"])
        camera.up = tuple(arrays["up"])
        camera.parallel_projection = True
        camera.parallel_scale = half_height_mm
        plotter.reset_camera_clipping_range()
        pictures[f"picture_{number}"] = np.array(plotter.screenshot(return_img=True))
        plotter.close()
    return pictures


def _lines(points: NDArray[Any], offsets: NDArray[Any]) -> Any:
    import pyvista

    if len(offsets) < 2:
        return None
    cells = np.concatenate([[b - a, *range(a, b)] for a, b in itertools.pairwise(offsets)])
    return pyvista.PolyData(points.astype(np.float32), lines=cells.astype(np.int64))
