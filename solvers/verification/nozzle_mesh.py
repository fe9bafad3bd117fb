"""Structured tetrahedral mesh of the FDA benchmark nozzle.

The body (Hariharan et al. 2011, J. Biomech. Eng. 133:041002): a tube of 12 mm diameter, a cone of 20 degrees, a throat
of 4 mm diameter from z = -40 mm to z = 0, and a sudden expansion to 12 mm. The z axis is that of the flow into the
expansion.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.verification.meshes import INLET, OUTLET, WALL, disc, split_prisms, with_boundary

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

TUBE_RADIUS, THROAT_RADIUS = 6e-3, 2e-3
CONE_START, THROAT_START = -62.685e-3, -40e-3


def radius(z: FloatArray | float) -> FloatArray:
    """Radius [m] of the body upstream of the expansion (z <= 0), and of the jet's core behind it."""
    return np.asarray(np.interp(z, [CONE_START, THROAT_START], [TUBE_RADIUS, THROAT_RADIUS]), dtype=float)


def exact_volume(start: float, end: float) -> float:
    """Volume [m3] of the body from ``start`` (in the straight tube before the cone) to ``end`` (behind z = 0)."""
    wide, narrow = TUBE_RADIUS, THROAT_RADIUS
    cone = (THROAT_START - CONE_START) * (wide**2 + wide * narrow + narrow**2) / 3.0
    return float(np.pi * ((CONE_START - start + end) * wide**2 + cone - THROAT_START * narrow**2))


def levels(breaks: Sequence[float], size: Callable[[FloatArray], FloatArray]) -> FloatArray:
    """Places along a line, ``breaks`` among them, at distances of about ``size`` [m], a function of the place."""
    places = [np.array(sorted(breaks)[:1])]
    for low, high in zip(sorted(breaks)[:-1], sorted(breaks)[1:], strict=True):
        fine = np.linspace(low, high, 401)
        middle = 0.5 * (fine[1:] + fine[:-1])
        count = np.concatenate([[0.0], np.cumsum(np.diff(fine) / size(middle))])
        n_cells = max(1, round(count[-1]))
        places.append(np.interp(count[-1] * np.arange(1, n_cells + 1) / n_cells, count, fine))
        places[-1][-1] = high
    return np.concatenate(places)


def cell_length(z: FloatArray) -> FloatArray:
    """Length [m] of cells along the axis at z: short at the ends of the throat, longer with the distance from them.

    A section carries the flow it should only where cells along the axis are short: at the sharp edge most of all.
    """
    to_expansion = 0.1e-3 + np.where(z > 0.0, 0.10, 0.12) * np.abs(z)
    to_throat = 0.3e-3 + 0.08 * np.abs(z - THROAT_START)
    longest = np.where(z < CONE_START, 6e-3, np.where(z < 0.0, 2.5e-3, 8e-3))
    return np.asarray(np.minimum(np.minimum(to_expansion, to_throat), longest))


@dataclass(frozen=True)
class NozzleGrid:
    """How fine a nozzle mesh is.

    Attributes
    ----------
    core_rings, annulus_rings
        Rings of cells in the radius of the throat (of the tube before it, too), and from it to the wall behind z = 0.
    coarseness
        Factor on the lengths of the cells along the axis.
    core_stretch
        See :func:`solvers.verification.meshes.disc`: less than 1 makes cells thinner at the wall and in the jet's edge.
    length
        Length [m] of cells along the axis at z.
    """

    core_rings: int = 6
    annulus_rings: int = 6
    coarseness: float = 1.0
    core_stretch: float = 0.6
    length: Callable[[FloatArray], FloatArray] = cell_length


def nozzle(start: float, end: float, stations: Sequence[float], grid: NozzleGrid, is_reversed: bool) -> MeshArrays:
    """The nozzle from z = ``start`` to z = ``end`` [m]; sections lie at all ``stations``.

    The wall is patch 1; the flow enters by patch 2 and leaves by patch 3. With ``is_reversed`` it runs the other way,
    into the throat by the sudden contraction and out by the cone: the points then have -z in place of z.
    """
    inside = [z for z in stations if start < z < end]
    breaks = sorted({start, CONE_START, THROAT_START, 0.0, end, *inside})
    z = levels(breaks, lambda place: grid.coarseness * grid.length(place))
    core, core_triangles = disc(grid.core_rings, grid.core_stretch)
    ring, ring_triangles = _annulus(core, grid)
    n_core, n_wide = len(core), len(core) + len(ring)
    at_expansion = int(np.flatnonzero(z == 0.0)[0])
    core_radius = radius(z)
    points: list[FloatArray] = []
    first = [0]
    for index, place in enumerate(z):
        plane = core_radius[index] * core
        if index >= at_expansion:
            plane = np.concatenate([plane, ring])
        points.append(np.column_stack([plane, np.full(len(plane), place)]))
        first.append(first[-1] + len(plane))
    prisms = []
    for index in range(len(z) - 1):
        flat = core_triangles if index < at_expansion else np.concatenate([core_triangles, ring_triangles])
        prisms.append(np.column_stack([flat + first[index], flat + first[index + 1]]))
    flat_points = np.concatenate(points)
    if is_reversed:
        flat_points = flat_points * [1.0, 1.0, -1.0]
    tets = split_prisms(flat_points, np.concatenate(prisms))
    n_points = len(flat_points)

    def patch_of(facets: IntArray) -> IntArray:
        patch = np.full(len(facets), WALL)
        patch[(facets < n_core).all(axis=1)] = OUTLET if is_reversed else INLET
        patch[(facets >= n_points - n_wide).all(axis=1)] = INLET if is_reversed else OUTLET
        return patch

    return with_boundary(flat_points, tets, patch_of)


def _annulus(core: FloatArray, grid: NozzleGrid) -> tuple[FloatArray, IntArray]:
    """Points (k, 2) [m] of the rings around the core's rim, innermost first, and all triangles between rim and wall."""
    n_around = 6 * grid.core_rings
    rim = core[-n_around:]
    at_rim = grid.core_stretch / grid.core_rings + (1.0 - grid.core_stretch) / grid.core_rings**2
    first_cell = at_rim * THROAT_RADIUS
    fraction = np.arange(1, grid.annulus_rings + 1) / grid.annulus_rings
    share = min(1.0, first_cell * grid.annulus_rings / (TUBE_RADIUS - THROAT_RADIUS))
    radii = THROAT_RADIUS + (TUBE_RADIUS - THROAT_RADIUS) * (share * fraction + (1.0 - share) * fraction**2)
    points = np.concatenate([distance * rim for distance in radii])
    around = np.arange(n_around)
    after = (around + 1) % n_around
    triangles = []
    for step in range(grid.annulus_rings):
        inner = len(core) + (step - 1) * n_around
        outer = inner + n_around
        triangles.append(np.column_stack([inner + around, outer + around, outer + after]))
        triangles.append(np.column_stack([inner + around, outer + after, inner + after]))
    return points, np.concatenate(triangles).astype(np.int64)
