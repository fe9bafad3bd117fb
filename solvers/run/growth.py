"""Seeing the kinetic energy grow by more than the openings bring in, at once or little by little.

Inside still walls the kinetic energy changes by the power through the openings less the viscous dissipation
(solvers/fem/energy.py), so from a good state on it cannot exceed what it was there plus the work done since. The work
counted is that of the pressures on all openings and the kinetic energy carried in through the inlets. What blood that
comes back through an outlet carries in is not counted: that it grows by itself is the instability looked for.

A flow that feeds itself slowly, and spends what it makes in eddies, never doubles its energy in so few steps. So over
the last ``WINDOW`` samples the whole balance is drawn up too, dissipation included.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import basix
import numpy as np
from numpy.typing import NDArray

from solvers.fem.energy import EnergyMeasure
from solvers.fem.mesh import FlowMesh
from solvers.fem.reference import velocity_basis
from solvers.flow.solver import FlowSolver, StepReport
from solvers.run.guard import ENERGY_GROWS, Trouble

FloatArray = NDArray[np.float64]

GROWTH = 2.0
"""So many times the energy that can be explained is no error of the scheme any more (assumption). Measured where all
is well: at most 1.0, see docs/theory-flow.md."""
QUIET = 0.05
"""Below this part of the largest energy so far growth is not asked for: beside it, errors of the scheme are large."""
PROFILE = 2.0
"""Kinetic energy that a parabolic profile carries beside that of a flat one with the same flow: 2 in a round tube."""

SAMPLE_EVERY, WINDOW = 10, 10
"""Steps from one sample of the whole balance to the next, so that it costs little, and samples it goes over."""
MADE = 1.0
"""A scheme that in that time makes more energy than this part of what goes through the openings computes a flow that
cannot be (assumption). Where all is well it takes some: streamline stabilization in a jet at Reynolds number 3500 three
tenths (docs/theory-flow.md)."""


@dataclass(frozen=True)
class EnergyMark:
    """Kinetic energy [J] at a good state, and the work [J] done until then."""

    kinetic: float = 0.0
    work: float = 0.0


class EnergyWatch:
    """Counts work and kinetic energy from step to step. All ranks must ask.

    Attributes
    ----------
    work
        Done on the flow through the openings so far [J].
    largest
        Largest kinetic energy of a good state so far [J].
    """

    def __init__(self, flow: FlowSolver, density: float, n_inlets: int) -> None:
        self._flow, self._density, self._n_inlets = flow, density, n_inlets
        self._areas = np.array([cap.area for cap in flow.caps.values()])
        self._mass = density * node_volumes(flow.mesh)
        self.work = self.largest = 0.0
        self._measure = EnergyMeasure(flow.mesh, tuple(flow.caps), density)
        self._since_sample, self._n_since_sample = 0.0, 0
        self._samples: deque[FloatArray] = deque(maxlen=WINDOW + 1)
        """Time [s], power in and dissipation [W], and kinetic energy [J]."""

    def forget(self) -> None:
        """Draw up the whole balance anew from here on: the flow has gone back to an earlier state."""
        self._samples.clear()
        self._since_sample, self._n_since_sample = 0.0, 0

    def mark(self) -> EnergyMark:
        """The present state, which is good."""
        kinetic = self._kinetic()
        self.largest = max(self.largest, kinetic)
        return EnergyMark(kinetic, self.work)

    def judge(self, report: StepReport, dt: float, since: EnergyMark, velocity_then: FloatArray) -> Trouble | None:
        """Take in a step of length ``dt`` [s]; what is wrong with its energy, if anything.

        Parameters
        ----------
        since, velocity_then : , (n_local, 3)
            A good state before it, and its velocity [m/s].
        """
        flows, n = report.flows, self._n_inlets
        carried = self._density / 2.0 * PROFILE * np.maximum(-flows[:n], 0.0) ** 3 / self._areas[:n] ** 2
        self.work += dt * float(carried.sum() - report.pressures @ flows)
        kinetic = self._kinetic()
        explained = since.kinetic + max(0.0, self.work - since.work)
        if since.kinetic == 0.0:  # at rest: what sets it going at once does its work before the pressure shows it
            return None
        made, brought = self._made(dt)
        what = ""
        if kinetic > max(GROWTH * explained, QUIET * self.largest):
            what = f"grew to {kinetic / max(explained, 1e-300):.1f} times what the openings can bring in"
        elif made > MADE * brought and kinetic > QUIET * self.largest:
            n_steps = WINDOW * SAMPLE_EVERY
            what = f"got {made / max(brought, 1e-300):.1f} times of its own what the openings carry in {n_steps} steps"
        if not what:
            return None
        place = self._place_of_growth(velocity_then)
        x, y, z = (1e3 * number for number in place)
        return Trouble(
            ENERGY_GROWS,
            f"The kinetic energy {what}, most at {x:.1f}, {y:.1f}, {z:.1f} mm, {report.time:.4f} s after the start: "
            "the computed flow feeds itself; stabilize convection and backflow, take a time step below "
            f"{1e3 * dt:.3g} ms (more steps a cycle), or refine the mesh there.",
            place,
        )

    def _made(self, dt: float) -> tuple[float, float]:
        """What the scheme has made of itself over the window, and what went through the openings then [J].

        Nothing until the window is full, and between two samples.
        """
        self._since_sample += dt
        self._n_since_sample += 1
        if self._n_since_sample < SAMPLE_EVERY:
            return 0.0, 0.0
        flow = self._flow
        # of the end of the step, whose flows add up to nothing: else the level of the pressure would count as power
        now = self._measure.measure(flow.end_velocity, flow.kinematic_pressure, flow.cell_viscosity)
        self._samples.append(np.array([self._since_sample, now.power_in, now.dissipation, now.kinetic]))
        self._since_sample, self._n_since_sample = 0.0, 0
        if len(self._samples) <= WINDOW:
            return 0.0, 0.0
        duration, power, dissipation, kinetic = np.array(self._samples).T
        rates = np.array([power, np.abs(power), dissipation])
        brought, size, lost = (0.5 * (rates[:, 1:] + rates[:, :-1]) @ duration[1:]).tolist()
        return float(kinetic[-1] - kinetic[0] + lost - brought), float(size)

    def _kinetic(self) -> float:
        """By the value at each node times the volume it stands for [J]: near the exact one, and it costs nothing."""
        n = len(self._mass)
        squared = np.einsum("nd,nd->n", self._flow.velocity[:n], self._flow.velocity[:n])
        return float(self._flow.mesh.comm.allreduce(0.5 * float(self._mass @ squared)))

    def _place_of_growth(self, velocity_then: FloatArray) -> tuple[float, float, float]:
        n, flow = len(self._mass), self._flow
        grown = (flow.velocity[:n] ** 2).sum(axis=1) - (velocity_then[:n] ** 2).sum(axis=1)
        at = int(np.argmax(grown)) if n else 0
        mine = (float(grown[at]) if n else -np.inf, *flow.mesh.velocity.points[at].tolist())
        _, x, y, z = max(flow.mesh.comm.allgather(mine))
        return (x, y, z)


def node_volumes(mesh: FlowMesh) -> FloatArray:
    """The volume (n_owned,) [m3] that each velocity unknown stands for; all are positive and add up to the vessel's.

    The diagonal of the mass matrix of each cell, scaled to the cell's volume (Hinton, Rock & Zienkiewicz (1976),
    Earthq. Eng. Struct. Dyn. 4:245).
    """
    degree = mesh.velocity.degree
    points, weights = basix.make_quadrature(basix.CellType.tetrahedron, 2 * degree)
    diagonal = np.einsum("q,qi->i", weights, velocity_basis(degree, points)[0] ** 2)
    share = diagonal / diagonal.sum() / 6.0
    volumes = np.bincount(
        mesh.velocity.cells.ravel().astype(np.int64),
        np.outer(mesh.determinant, share).ravel(),
        minlength=mesh.velocity.n_local,
    )
    return np.ascontiguousarray(volumes[: mesh.velocity.n_owned])
