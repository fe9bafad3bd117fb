"""The case on which a step is timed: the stenosed tube with a steady inflow that starts at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from solvers.benchmark import stenosis
from solvers.benchmark.sizing import Sizing
from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import Elements, Fluid, Inlet, MeshFile, Numerics, PressureOutlet, RunSpec, Time, Waveform
from solvers.verification.meshes import INLET, OUTLET, WALL


@dataclass(frozen=True, eq=False)
class TimedTube:
    """A mesh and the settings that all solvers share (SI)."""

    mesh: MeshArrays
    dt: float
    n_steps: int
    tolerance: float = 1e-5
    mean_speed: float = stenosis.MEAN_SPEED
    radius: float = stenosis.RADIUS
    length: float = stenosis.LENGTH
    density: float = stenosis.DENSITY
    viscosity: float = stenosis.VISCOSITY


def timed_tube(sizing: Sizing, dt: float, n_steps: int) -> TimedTube:
    """The stenosed tube meshed by a sizing."""
    return TimedTube(stenosis.mesh(sizing), dt, n_steps)


def tube_spec(tube: TimedTube, sha256: str, elements: Elements) -> RunSpec:
    """The case as a run of this program."""
    flow = tube.mean_speed * np.pi * tube.radius**2
    return RunSpec(
        mesh=MeshFile(sha256),
        inlets=(Inlet(INLET, "inlet", Waveform.constant(flow), "parabolic"),),
        outlets=(PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0)),),
        time=Time(1.0, round(1.0 / tube.dt), 1, 1, None, 0.0),
        wall_patch_ids=(WALL,),
        fluid=Fluid(density=tube.density, viscosity=tube.viscosity),
        numerics=Numerics(elements=elements, velocity_tolerance=tube.tolerance),
    )
