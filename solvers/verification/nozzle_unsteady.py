"""The FDA benchmark nozzle at a throat Reynolds number of 3500: means over time of a jet that breaks down."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import (
    Fluid,
    Inlet,
    MeasuredProfile,
    MeshFile,
    Numerics,
    PressureOutlet,
    RunSpec,
    Time,
    Waveform,
)
from solvers.verification.meshes import INLET, OUTLET, WALL
from solvers.verification.nozzle_checks import MEASURED, global_error, measured_gate, pressure_rows, section_flows
from solvers.verification.nozzle_data import DENSITY, EXPANSION_3500, FLOW_3500, VISCOSITY
from solvers.verification.nozzle_mesh import CONE_START, THROAT_RADIUS, THROAT_START, TUBE_RADIUS, NozzleGrid, nozzle
from solvers.verification.nozzle_reading import NozzleReading, mean_of_sixths
from solvers.verification.row import Curve, Progress, Row, inside_row
from solvers.verification.time_means import Course, time_means

FloatArray = NDArray[np.float64]

NAME = "fda_nozzle_3500"


JET_LENGTH, JET_END = 0.8e-3, 0.04
"""Length [m] of cells in the jet, and the place [m] behind which they grow."""


def cell_length(z: FloatArray) -> FloatArray:
    """Length [m] of cells along the axis at z: short where the jet's edge rolls up, and on the noise's way to it."""
    behind = np.minimum(JET_LENGTH + 0.08 * np.maximum(z - JET_END, 0.0), 4e-3)
    to_throat = 0.5e-3 + 0.1 * np.abs(z - THROAT_START)
    ahead = np.minimum(to_throat, np.where(z < CONE_START, 1.2e-3, 1e-3))
    throat = np.minimum(np.minimum(to_throat, 1.5e-3), JET_LENGTH - 0.1 * z)
    return np.where(z > 0.0, behind, np.where(z < THROAT_START, ahead, throat))


GRID = NozzleGrid(core_rings=4, annulus_rings=4, core_stretch=0.5, length=cell_length)
ENDS = (-0.10, 0.12)
"""Ends [m] of the mesh on the axis."""
STEP = 1.5e-4
"""Length [s] of a step."""
INFLOW, PERIOD_STEPS, SEED = "inflow.npz", 1000, 3500
"""File of the inlet's velocities, after how many steps they begin anew, and what their noise is drawn with."""
NOISE = 0.0031
"""Standard deviation of the random velocity around the axis at the inlet, over the mean speed there. An assumption: the
size with which Bergersen et al. (2019), Int. J. Numer. Methods Biomed. Eng. 35:e3150, brought the breakdown of their
jet nearer to the measured place; without any disturbance there is nothing that makes it break down."""
RAMP = 0.01
"""Time [s] in which the inflow rises from rest."""
EDDIES = 1.35
"""Coefficient of the sigma model, that of its authors. Without it the cells do not take as much energy from the eddies
as the convective form of the momentum equation makes, and the flow feeds itself (docs/verification/README.md)."""
PARTS = 10
COURSE = Course(settle_steps=1000, n_parts=PARTS, part_steps=100)
"""Steps in which the start is washed out; parts of the time that is averaged over, and steps of each."""
N_RANKS = 2
"""Processes: with another number rounding differs, and after some time the eddies do, but not their means."""
STUDENT = 2.26
"""Half-width of the interval that holds 95 % of Student's t with ``PARTS`` - 1 = 9 degrees of freedom."""
BREAKDOWN = (0.038, 0.048)
"""Where the mean speed on the axis must fall to half of that in the throat [m]; measured: 0.043."""
CORE_END, CORE_GATE = 0.024, 0.05
"""Place [m] up to which the mean speed on the axis must be that measured, and how well."""
STUDY_ERROR = 0.74
"""Mean of the study's global error over its laminar computations at this Reynolds number (Stewart et al. 2012)."""
FILLED = np.pi * THROAT_RADIUS**2 * -THROAT_START / FLOW_3500
"""Time [s] in which the flow fills the throat once, by which the time averaged over is counted."""


@dataclass(frozen=True)
class MeanFlow:
    """Means over time in the whole mesh, and over each of ``PARTS`` parts on the axis.

    Attributes
    ----------
    reading
        Of the means, in which the six equal sectors of the body are averaged as well.
    axis, parts, deviation
        Places [m] on the axis (n,); mean speed there [m/s] in each part (``PARTS``, n), and its root mean square
        fluctuation (n,).
    """

    reading: NozzleReading
    axis: FloatArray
    parts: FloatArray
    deviation: FloatArray

    @property
    def speed(self) -> FloatArray:
        """Mean speed [m/s] on the axis (n,)."""
        return np.asarray(self.parts.mean(axis=0))

    def band(self, values: FloatArray) -> FloatArray:
        """Half-width of the 95 % interval of a mean from its values in the parts (``PARTS``, ...)."""
        return np.asarray(STUDENT * values.std(axis=0, ddof=1) / np.sqrt(len(values)))

    def breakdown(self, speed: FloatArray) -> float:
        """Place [m] behind the throat at which a speed (n,) on the axis first is half of that at its end."""
        behind = self.axis >= -1e-9
        z, share = self.axis[behind], speed[behind] / speed[behind][0]
        below = np.flatnonzero(share < 0.5)
        if not len(below):
            return float(z[-1])
        last = int(below[0])
        part = (share[last - 1] - 0.5) / (share[last - 1] - share[last])
        return float(z[last - 1] + part * (z[last] - z[last - 1]))


def check_nozzle_unsteady(progress: Progress, long: bool) -> list[Row | Curve]:
    """Unsteady flow of Re 3500 in the throat into the sudden expansion, its means over time; only with ``long``."""
    return compare_means(solve_means(progress)) if long else []


def solve_means(progress: Progress, grid: NozzleGrid = GRID, course: Course = COURSE) -> MeanFlow:
    """Solve from rest, with the noise of :func:`noisy_parabola`."""
    stations = [z for z, _, _ in EXPANSION_3500.axis]
    arrays = nozzle(*ENDS, stations, grid, False)

    def tell(step: int) -> None:
        stage = "settling" if step < course.settle_steps else "averaging"
        progress(step / course.n_steps, f"FDA nozzle at Re 3500: step {step} of {course.n_steps}, {stage}")

    inflow = noisy_parabola(arrays)
    means = time_means(_spec(inflow), arrays, course, N_RANKS, tell, {INFLOW: inflow})
    velocity = means.velocity.copy()
    velocity[:, 2] = mean_of_sixths(means.nodes, velocity[:, 2])
    pressure = DENSITY * means.kinematic_pressure
    reading = NozzleReading(arrays, False, means.nodes, velocity, means.vertices, pressure)
    on_axis = np.flatnonzero(np.hypot(means.nodes[:, 0], means.nodes[:, 1]) < 1e-9)
    on_axis = on_axis[np.argsort(means.nodes[on_axis, 2])]
    return MeanFlow(reading, means.nodes[on_axis, 2], means.parts[on_axis].T, means.fluctuation[on_axis])


def noisy_parabola(arrays: MeshArrays) -> bytes:
    """The inlet's velocities as a file of measured ones: a parabola that turns a little, at random.

    The random velocity around the axis is drawn anew for each of the inlet's unknowns and each step of a period.
    """
    facets = arrays.facets[arrays.facet_patch == INLET]
    corner = arrays.points[facets]
    middle = 0.5 * (corner + np.roll(corner, 1, axis=1))
    points = np.unique(np.round(np.concatenate([corner, middle]).reshape(-1, 3), 12), axis=0)
    x, y, _ = points.T
    distance = np.hypot(x, y)
    mean = FLOW_3500 / (np.pi * TUBE_RADIUS**2)
    noise = NOISE * mean * np.random.default_rng(SEED).standard_normal((PERIOD_STEPS, len(points)))
    around = np.where(distance < 1e-9, 0.0, noise / np.maximum(distance, 1e-9))
    velocity = np.zeros((PERIOD_STEPS, len(points), 3))
    velocity[:, :, 0], velocity[:, :, 1] = -around * y, around * x
    velocity[:, :, 2] = 2.0 * mean * np.maximum(1.0 - (distance / TUBE_RADIUS) ** 2, 0.0)
    stream = io.BytesIO()
    np.savez(stream, points=points, velocity=velocity, times=STEP * np.arange(PERIOD_STEPS))
    return stream.getvalue()


def _spec(inflow: bytes) -> RunSpec:
    file = MeasuredProfile(INFLOW, hashlib.sha256(inflow).hexdigest(), is_registered=False)
    return RunSpec(
        mesh=MeshFile(""),
        inlets=(Inlet(INLET, "inlet", Waveform.constant(FLOW_3500), "mapped", measured=file),),
        outlets=(PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0)),),
        time=Time(period=PERIOD_STEPS * STEP, steps_per_cycle=PERIOD_STEPS, ramp=RAMP),
        wall_patch_ids=(WALL,),
        fluid=Fluid(DENSITY, VISCOSITY),
        numerics=Numerics(max_passes=2, eddy_coefficient=EDDIES),
    )


def compare_means(flow: MeanFlow, course: Course = COURSE) -> list[Row | Curve]:
    """Rows and curves of the means over the parts of a course."""
    reading, data, band = flow.reading, EXPANSION_3500, flow.band(flow.parts)
    found: list[Row | Curve] = []
    for z, mean, deviation in data.axis:
        what = f"mean speed on the axis at {1e3 * z:g} mm"
        gate = CORE_GATE * mean if z <= CORE_END else measured_gate(mean, deviation)
        found.append(Row(NAME, what, "m/s", reading.axis_speed(z), mean, gate, MEASURED, is_absolute=True))
    core = flow.axis <= CORE_END + 1e-9
    places = np.array([flow.breakdown(speed) for speed in flow.parts])
    breaks = flow.breakdown(flow.speed)
    gate = 0.5 * (BREAKDOWN[1] - BREAKDOWN[0])
    what = "place where the mean speed on the axis is half that at the throat's end"
    found.append(inside_row(NAME, what, "m", breaks, *BREAKDOWN, MEASURED))
    statistics = "95 % interval of the mean over ten parts of the time"
    place_band, speed_band = float(flow.band(places)), float((band / flow.speed)[core].max())
    fillings = course.n_parts * course.part_steps * STEP / FILLED
    what = "statistical band of that place, half"
    found.append(Row(NAME, what, "m", place_band, 0.0, gate, statistics, is_absolute=True))
    what = "largest statistical band of the speed to 24 mm, half, over the speed"
    found.append(Row(NAME, what, "", speed_band, 0.0, CORE_GATE, statistics, is_absolute=True))
    what = "time averaged over / time to fill the throat"
    found.append(Row(NAME, what, "", fillings, 5.0, 0.0, "at least some fillings", is_least=True))
    for z, mean, deviation in data.jet_width:
        what = f"width of the mean jet at {1e3 * z:g} mm"
        gate = measured_gate(mean, deviation)
        found.append(Row(NAME, what, "m", reading.jet_width(z), mean, gate, MEASURED, is_absolute=True))
    found += pressure_rows(NAME, reading, data.wall_pressure, "mean ")
    for where, through in section_flows(reading, data, FLOW_3500).items():
        error = 100.0 * (through / FLOW_3500 - 1.0)
        found.append(Row(NAME, f"E_Q of {where}", "%", error, 0.0, 0.5, "conservation of mass", is_absolute=True))
    source = "Stewart et al. 2012, mean of the laminar computations as the largest"
    found.append(
        inside_row(NAME, "E_g, global error of the profiles", "", global_error(reading, data), 0.0, STUDY_ERROR, source)
    )
    return [*found, *_curves(flow)]


def _curves(flow: MeanFlow) -> list[Curve]:
    z, data = tuple(1e3 * flow.axis), EXPANSION_3500
    measured_z, measured, _ = zip(*data.axis, strict=True)
    wall_z, pressure, _ = zip(*data.wall_pressure, strict=True)
    fine = np.linspace(wall_z[0], wall_z[-1], 200)
    base = flow.reading.wall_pressure(wall_z[-1])
    on_wall = [flow.reading.wall_pressure(float(place)) - base for place in fine]
    place = "distance from the expansion [mm]"
    return [
        Curve(
            *(NAME, "mean speed on the axis", place, "speed [m/s]", z, tuple(flow.speed)),
            *(MEASURED, tuple(1e3 * np.array(measured_z)), measured),
        ),
        Curve(NAME, "fluctuation of the speed on the axis", place, "root mean square [m/s]", z, tuple(flow.deviation)),
        Curve(
            *(NAME, "mean pressure on the wall", place, "pressure [Pa]", tuple(1e3 * fine), tuple(on_wall)),
            *(MEASURED, tuple(1e3 * np.array(wall_z)), pressure),
        ),
    ]
