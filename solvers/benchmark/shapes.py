"""Other vessels than the benchmark's stenosis, on which its mesh and step settings must be as good unchanged.

There is no reference from elsewhere for them: each is held against a mesh with more than half as many cells again in
every direction and half the time step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.benchmark import stenosis
from solvers.benchmark.sizing import Sizing, sections
from solvers.contract.mesh_file import MeshArrays
from solvers.verification.meshes import tube

FloatArray = NDArray[np.float64]

END = 0.26
"""Seconds that are held against each other from 0.1 s on: most of the ramp, and flow that still grows after it."""
BEND_RADIUS, TAPERED_RADIUS = 15e-3, 1.3e-3


@dataclass(frozen=True)
class Shape:
    """A vessel: its radius [m] along its length, and its centerline (n, 3) [m] at such places."""

    radius: Callable[[FloatArray], FloatArray]
    centerline: Callable[[FloatArray], FloatArray]

    def mesh(self, sizing: Sizing) -> MeshArrays:
        """The vessel meshed by a sizing rule."""
        along = sections(stenosis.LENGTH, self.radius, sizing)
        return tube(self.centerline(along), self.radius(along), sizing.n_rings, sizing.stretch)


def straight(along: FloatArray) -> FloatArray:
    """A straight centerline (n, 3) [m]."""
    return np.column_stack([0.0 * along, 0.0 * along, along])


def bent(along: FloatArray) -> FloatArray:
    """A centerline (n, 3) [m] on a circle."""
    angle = along / BEND_RADIUS
    return np.column_stack([BEND_RADIUS * (1.0 - np.cos(angle)), 0.0 * along, BEND_RADIUS * np.sin(angle)])


def tapered(along: FloatArray) -> FloatArray:
    """Radius [m] that falls along the vessel."""
    return stenosis.RADIUS + (TAPERED_RADIUS - stenosis.RADIUS) * along / stenosis.LENGTH


SHAPES = {
    "tapered": Shape(tapered, straight),
    "curved": Shape(lambda along: np.full_like(along, stenosis.RADIUS), bent),
    "curved-stenosis": Shape(stenosis.radius, bent),
}


def finer(sizing: Sizing) -> Sizing:
    """The same rule with 1.6 times as many cells in each direction."""
    factor = 1.6
    return Sizing(
        n_rings=round(factor * sizing.n_rings),
        stretch=sizing.stretch,
        along=sizing.along / factor,
        jet_growth=sizing.jet_growth / factor,
        growth=sizing.growth / factor,
    )


def worst_difference(times: FloatArray, values: FloatArray, finer_times: FloatArray, finer_values: FloatArray) -> float:
    """Largest relative difference of a curve from a finer one, from 0.1 s on.

    Where the ramp ends the acceleration of the blood jumps and its pressure with it: a step before and two after are
    left out, because two curves of different steps cannot be held against each other across a jump.
    """
    step = float(times[1] - times[0])
    late = (times >= 0.1) & ((times < stenosis.RAMP - step) | (times > stenosis.RAMP + 2.0 * step))
    reference = np.interp(times[late], finer_times, finer_values)
    return float(np.abs(values[late] / reference - 1.0).max())
