"""The pulsatile stenosis case: geometry, flow, reference values and how its result is judged.

A tube of 4 mm diameter and 60 mm length with a cosine stenosis of 75 % of the area, Re 300 (600 in the throat), a
ramp of 0.2 s and one beat of 1 s. The reference is an axisymmetric solution: quadratic velocity and linear pressure on
24 x 240 quadrilaterals, fully implicit (Newton), second order in time at 2.5 ms, made for the project's performance
study of 2026-11-22; its pressure drops are within 0.14 % of those on a mesh twice as fine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.benchmark.sizing import Sizing, sections
from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import Fluid, Inlet, MeshFile, Numerics, PressureOutlet, RunSpec, Time, Waveform
from solvers.flow.time_step import recommend_steps
from solvers.verification.meshes import INLET, OUTLET, WALL, tube

FloatArray = NDArray[np.float64]

DENSITY, VISCOSITY = 1060.0, 3.5e-3
RADIUS, THROAT_RADIUS, LENGTH = 2e-3, 1e-3, 60e-3
THROAT, HALF_LENGTH = 20e-3, 4e-3
MEAN_SPEED = 0.24764
"""Mean speed in the inlet at the end of the ramp [m/s]: Re 300 with the diameter."""
RAMP, PERIOD = 0.2, 1.0
END = RAMP + PERIOD
BEFORE, BEHIND = 12e-3, 32e-3
"""Where on the axis the pressure drop is taken [m]."""

REFERENCE_TIMES = RAMP + np.concatenate([0.0025 * np.arange(4), 0.01 * np.arange(1, 101)])
REFERENCE_DROP = np.array(
    """
    534.3 568.4 564.1 569.5 574.8 597.5 626.2 653.2 680.5 707.7 734.7 761.3 787.5 813.1 837.8 861.6 884.3
    905.8 925.8 944.3 961.2 976.3 989.5 1000.7 1009.8 1016.9 1021.7 1024.3 1024.7 1022.8 1018.7 1012.4 1003.9 993.3
    980.7 966.1 949.7 931.5 911.7 890.5 867.9 844.1 819.3 793.6 767.1 740.1 712.7 685.1 657.3 629.6 602.1
    574.9 548.1 521.9 496.4 471.7 447.8 424.9 403.0 382.1 362.4 343.8 326.3 310.1 295.1 281.2 268.6 257.1
    246.8 237.7 229.7 222.9 217.1 212.4 208.8 206.2 204.7 204.1 204.5 206.0 208.3 211.7 216.1 221.4 227.8
    235.1 243.5 252.9 263.4 274.9 287.5 301.2 316.0 331.9 348.9 367.0 386.1 406.3 427.6 449.7 472.8 496.8
    521.5 546.9
    """.split(),  # noqa: SIM905
    dtype=float,
)
"""Pressure drop [Pa] of the axisymmetric reference at ``REFERENCE_TIMES``."""
REFERENCE_PEAK_STRESS = 75.0
"""Largest wall shear stress [Pa] of the beat, by this program's own finer meshes (the axisymmetric file has none), cut
off 7 mm behind the throat: 72.5 Pa with a last cell of 0.08 radii (18 900 cells), 74.3 Pa with one of 0.0375 (55 296
cells); the limit is 74.8 Pa if the error is of second order in that length, 75.9 Pa if it is of first."""


def radius(z: FloatArray) -> FloatArray:
    """Radius [m] at ``z`` (n,) [m]."""
    bump = np.where(np.abs(z - THROAT) < HALF_LENGTH, 1.0 + np.cos(np.pi * (z - THROAT) / HALF_LENGTH), 0.0)
    return np.asarray(RADIUS - 0.5 * (RADIUS - THROAT_RADIUS) * bump)


def mean_speed(time: FloatArray) -> FloatArray:
    """Mean speed [m/s] in the inlet."""
    ramp = 0.5 * (1.0 - np.cos(np.pi * np.minimum(time, RAMP) / RAMP))
    beat = np.where(time > RAMP, 1.0 + 0.4 * np.sin(2.0 * np.pi * (time - RAMP) / PERIOD), 1.0)
    return np.asarray(MEAN_SPEED * ramp * beat)


def mesh(sizing: Sizing) -> MeshArrays:
    """The tube meshed by a sizing rule."""
    z = sections(LENGTH, radius, sizing)
    return tube(np.column_stack([0 * z, 0 * z, z]), radius(z), sizing.n_rings, sizing.stretch)


def inflow() -> Waveform:
    """The inflow [m3/s] from rest over twice the time of ramp and beat, of which the run sees the first half."""
    times = np.arange(0.0, 2.0 * END, 2.5e-3)
    flow = mean_speed(times) * np.pi * RADIUS**2
    return Waveform(tuple(times.tolist()), tuple(flow.tolist()))


def recommended_step(arrays: MeshArrays, target_cfl: float) -> float:
    """The step [s] that the program's rule gives on this mesh."""
    area = np.pi * RADIUS**2
    advice = recommend_steps(arrays.points, arrays.tets, [area], inflow(), 2.0 * END, target_cfl)
    return 2.0 * END / advice.steps_per_cycle


def run_spec(dt: float, sha256: str, numerics: Numerics) -> RunSpec:
    """The pulsatile case as a run of ramp and beat together, at a step of ``dt`` [s]."""
    return RunSpec(
        mesh=MeshFile(sha256),
        inlets=(Inlet(INLET, "inlet", inflow(), "parabolic"),),
        outlets=(PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0)),),
        time=Time(2.0 * END, round(2.0 * END / dt), 1, 1, None, 0.0),
        wall_patch_ids=(WALL,),
        fluid=Fluid(density=DENSITY, viscosity=VISCOSITY),
        numerics=numerics,
    )


@dataclass(frozen=True)
class Accuracy:
    """Relative errors of a run over the beat: mean pressure drop, worst instant, largest wall shear stress."""

    mean_drop: float
    worst_drop: float
    peak_stress: float

    @property
    def is_enough(self) -> bool:
        """Whether the mean drop is within 2 %, every instant within 4 % and the largest stress within 5 %."""
        return abs(self.mean_drop) <= 0.02 and self.worst_drop <= 0.04 and abs(self.peak_stress) <= 0.05


def judge(time: FloatArray, drop: FloatArray, stress: FloatArray) -> Accuracy:
    """Compare pressure drops [Pa] and largest wall shear stresses [Pa] at times (n,) [s] with the reference."""
    beat = (time > RAMP + 1e-9) & (time < END + 1e-9)
    reference = np.interp(time[beat], REFERENCE_TIMES, REFERENCE_DROP)
    return Accuracy(
        float(drop[beat].mean() / reference.mean() - 1.0),
        float(np.abs(drop[beat] / reference - 1.0).max()),
        float(stress[beat].max() / REFERENCE_PEAK_STRESS - 1.0),
    )
