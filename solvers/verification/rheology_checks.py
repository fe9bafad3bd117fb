"""Steady tube flow of shear-thinning blood against its exact profile."""

from __future__ import annotations

from dataclasses import dataclass

import basix
import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray
from scipy import optimize

from solvers.contract.spec import CarreauYasuda, Casson, Fluid, PressureOutlet, Waveform
from solvers.fem.mesh import FlowMesh, distribute
from solvers.fem.reference import quadratic_basis
from solvers.fem.surface import WallShear
from solvers.fem.viscous import ViscosityLaw
from solvers.fem.viscous_kernels import measure_shear_rate
from solvers.flow.build import NoSlip
from solvers.flow.rheology import viscosity_law
from solvers.flow.solver import FlowParameters, FlowSolver
from solvers.network.outlet_models import outlet_model
from solvers.verification.meshes import INLET, OUTLET, WALL, straight_tube
from solvers.verification.row import Progress, Row, order_row

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

RADIUS, LENGTH = 1.5e-3, 4.5e-3
SOURCE = "exact profile of the law"
LAWS: dict[str, CarreauYasuda | Casson] = {"Carreau-Yasuda": CarreauYasuda(transition=1.25), "Casson": Casson()}
FLOWS = {"low flow": 2e-9, "physiological flow": 1e-6}
"""Wall shear rates of about 1 and 400 1/s in a tube of 3 mm: near-stagnant blood, and a coronary artery at rest."""


class TubeProfile:
    """Steady flow of a fluid with a viscosity law through a circular tube.

    The stress ``tau = mu(g) g`` grows linearly with the radius, so with the shear rate as parameter
    ``r(g) = R tau(g) / tau(g_w)``, and by parts ``u(r) = R g_w - r g - int_g^g_w r dg`` and
    ``Q = pi/3 (R^3 g_w - int_0^g_w r^3 dg)``. The integrals are Gauss sums of 40 points over panels of half an octave.
    """

    def __init__(self, radius: float, flow: float, law: ViscosityLaw) -> None:
        self.radius, self._law = radius, law
        newtonian = 4.0 * flow / (np.pi * radius**3)
        self.wall_shear_rate = float(
            optimize.brentq(lambda rate: self._flow(rate) / flow - 1.0, 1e-3 * newtonian, 1e3 * newtonian, xtol=1e-300)
        )
        self.wall_shear = float(self._stress(np.array(self.wall_shear_rate)))
        """Wall shear stress [Pa]."""
        self.gradient = 2.0 * self.wall_shear / radius
        """Pressure lost for each meter [Pa/m]."""

    def _stress(self, rate: FloatArray) -> FloatArray:
        return self._law(rate) * rate

    def _panels(self, low: float, high: float) -> tuple[FloatArray, FloatArray]:
        """Points and weights for integrals over shear rates."""
        start = max(low, 1e-15 * high)
        edges = np.geomspace(start, high, max(2, int(2 * np.log2(high / start)) + 2)) if start < high else [start, high]
        edges = np.concatenate([[low], edges])
        points, weights = np.polynomial.legendre.leggauss(40)
        half = 0.5 * np.diff(edges)[:, None]
        return (edges[:-1, None] + half * (1.0 + points)).ravel(), (half * weights).ravel()

    def _flow(self, wall_rate: float) -> float:
        rate, weight = self._panels(0.0, wall_rate)
        ratio = self._stress(rate) / self._stress(np.array(wall_rate))
        return float(np.pi / 3.0 * self.radius**3 * (wall_rate - weight @ ratio**3))

    def shear_rate(self, r: float) -> float:
        """Shear rate [1/s] at a radius [m]."""
        wanted = self.wall_shear * r / self.radius
        if wanted <= 0.0:
            return 0.0
        top = 2.0 * self.wall_shear_rate
        return float(optimize.brentq(lambda g: float(self._stress(np.array(g))) - wanted, 0.0, top, xtol=1e-300))

    def velocity(self, radii: FloatArray) -> FloatArray:
        """Axial velocity [m/s] at radii [m]; beyond the wall it is zero."""
        known, index = np.unique(np.round(np.minimum(radii, self.radius) / self.radius, 12), return_inverse=True)
        values = []
        for r in known * self.radius:
            inner = self.shear_rate(float(r))
            rate, weight = self._panels(inner, self.wall_shear_rate)
            between = weight @ self._stress(rate) * self.radius / self.wall_shear
            values.append(self.radius * self.wall_shear_rate - r * inner - between)
        return np.asarray(np.array(values)[index.reshape(radii.shape)])


class ProfileInlet:
    """A profile over the inlet's nodes, zero on its rim, with exactly the wished flow through its triangles."""

    def __init__(self, mesh: FlowMesh, profile: TubeProfile, flow: float) -> None:
        nodes = mesh.facets.velocity[mesh.facets.of(INLET)]
        self.nodes: IntArray = np.unique(nodes).astype(np.int64)
        rim = np.intersect1d(self.nodes, mesh.facets.velocity[mesh.facets.of(WALL)])
        speed = np.zeros(mesh.velocity.n_local)
        speed[self.nodes] = profile.velocity(np.linalg.norm(mesh.velocity.points[self.nodes, :2], axis=1))
        speed[rim] = 0.0
        area = np.linalg.norm(mesh.facets.area_vector[mesh.facets.of(INLET)], axis=1)
        through = float((speed[nodes[:, 3:]].mean(axis=1) * area).sum())
        self._values = np.zeros((len(self.nodes), 3))
        self._values[:, 2] = speed[self.nodes] * flow / through

    def values(self, time: float) -> FloatArray:
        """Velocities (k, 3) [m/s]."""
        return self._values


@dataclass(frozen=True, eq=False)
class TubeFlow:
    """A steady state: the solver, and what was measured of it in the middle of the tube.

    Attributes
    ----------
    profile_error
        L2 distance of the velocity from the exact profile over the tube, relative to that of the mean speed.
    stress : (k,)
        Shear stress [Pa] at points that stand for shares ``share`` (k,) of the tube's volume.
    """

    exact: TubeProfile
    gradient: float
    wall_shear: float
    axis_speed: float
    profile_error: float
    stress: FloatArray
    share: FloatArray

    def yield_radius(self, yield_stress: float) -> float:
        """Radius [m] of the cylinder that holds the volume whose stress lies below the yield stress."""
        return RADIUS * float(np.sqrt(self.share[self.stress < yield_stress].sum()))


def tube_flow(fluid: Fluid, flow: float, n_rings: int, tolerance: float = 1e-5) -> TubeFlow:
    """Flow in the tube from a parabola to rest with the exact profile at the inlet; a step is 1/20 of R^2 / nu."""
    solver, exact, law = _tube_solver(fluid, flow, n_rings)
    mean = flow / (np.pi * RADIUS**2)
    for step in range(300):
        before = solver.velocity
        solver.step()
        if step > 30 and np.abs(solver.velocity - before).max() < tolerance * mean:
            break
    return _measured(solver, exact, law, mean)


def _tube_solver(
    fluid: Fluid, flow: float, n_rings: int, dt: float | None = None
) -> tuple[FlowSolver, TubeProfile, ViscosityLaw]:
    """A solver that starts from a parabola, the profile it must find, and the law."""
    law = viscosity_law(fluid) or (lambda rate: np.full_like(rate, fluid.viscosity))
    exact = TubeProfile(RADIUS, flow, law)
    mesh = distribute(MPI.COMM_SELF, straight_tube(LENGTH, RADIUS, n_rings, max(3, n_rings // 2)))
    apparent = np.pi * RADIUS**4 * exact.gradient / (8.0 * flow)
    solver = FlowSolver(
        mesh,
        FlowParameters(fluid.density, fluid.viscosity, velocity_tolerance=1e-8, law=viscosity_law(fluid)),
        [ProfileInlet(mesh, exact, flow), NoSlip(mesh, (WALL,))],
        (INLET, OUTLET),
        {OUTLET: outlet_model(PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0)), 1.0)},
        dt or RADIUS**2 * fluid.density / apparent / 20.0,
    )
    radii = np.linalg.norm(mesh.velocity.points[:, :2], axis=1)
    start = np.zeros((mesh.velocity.n_local, 3))
    start[:, 2] = 2.0 * flow / (np.pi * RADIUS**2) * np.maximum(0.0, 1.0 - (radii / RADIUS) ** 2)
    solver.velocity = solver.end_velocity = start
    return solver, exact, law


def _measured(solver: FlowSolver, exact: TubeProfile, law: ViscosityLaw, mean: float) -> TubeFlow:
    mesh = solver.mesh
    shear = WallShear(mesh, (WALL,), law)
    stress = np.linalg.norm(shear.stress(solver.velocity), axis=1)
    z = mesh.pressure.points[:, 2]
    inside = (z > 0.2 * LENGTH) & (z < 0.8 * LENGTH)
    slope = np.polyfit(z[inside], solver.parameters.density * solver.kinematic_pressure[inside], 1)[0]
    middle = inside[shear.nodes]
    points, weights = basix.make_quadrature(basix.CellType.tetrahedron, 6)
    basis = quadratic_basis(points)[0]
    barycentric = np.column_stack([1.0 - points.sum(axis=1), points])
    corners = mesh.velocity.points[mesh.velocity.cells[:, :4]]
    of_cell = np.abs(corners[:, :, 2].mean(axis=1) - 0.5 * LENGTH) < 0.3 * LENGTH
    places = np.einsum("qa,cad->cqd", barycentric, corners[of_cell])
    speed = np.einsum("qi,ci->cq", basis, solver.velocity[mesh.velocity.cells[of_cell], 2])
    wanted = exact.velocity(np.linalg.norm(places[..., :2], axis=2))
    measure = weights[None] * mesh.determinant[of_cell][:, None]
    rate = np.empty((mesh.n_cells, len(points)))
    slopes = np.ascontiguousarray(quadratic_basis(points)[1].transpose(0, 2, 1))
    measure_shear_rate(mesh.velocity.cells, mesh.inverse_jacobian, solver.velocity, slopes, rate)
    rates = rate[of_cell].ravel()
    on_axis = np.linalg.norm(mesh.velocity.points[:, :2], axis=1) < 1e-9
    on_axis &= np.abs(mesh.velocity.points[:, 2] - 0.5 * LENGTH) < 0.3 * LENGTH
    return TubeFlow(
        exact,
        -float(slope),
        float(np.average(stress[middle], weights=shear.area[middle])),
        float(solver.velocity[on_axis, 2].mean()),
        float(np.sqrt((measure * (speed - wanted) ** 2).sum() / measure.sum()) / mean),
        law(rates) * rates,
        (measure / measure.sum()).ravel(),
    )


def casson_wall_stress(law: Casson, radius: float, flow: float) -> float:
    """Wall shear stress [Pa] of a flow through a tube without regularization.

    ``Q = pi R^3 tau_w / (4 mu) (1 - 16/7 x^(1/2) + 4/3 x - x^4/21)``, ``x = tau_y / tau_w``: Casson's law integrated
    from the plug's rim to the wall (Merrill et al. (1965), J. Appl. Physiol. 20:954).
    """

    def excess(stress: float) -> float:
        x = law.yield_stress / stress
        shape = 1.0 - 16.0 / 7.0 * np.sqrt(x) + 4.0 / 3.0 * x - x**4 / 21.0
        return float(np.pi * radius**3 * stress / (4.0 * law.plastic_viscosity) * shape / flow - 1.0)

    newtonian = 4.0 * law.plastic_viscosity * flow / (np.pi * radius**3)
    return float(optimize.brentq(excess, law.yield_stress * (1.0 + 1e-9), 100.0 * (newtonian + law.yield_stress)))


def check_rheology(progress: Progress, long: bool) -> list[Row]:
    """Carreau-Yasuda's and Casson's law at a low and a physiological flow; the limits in which they are Newtonian."""
    coarse, fine = (6, 10) if long else (4, 6)
    rows, done, total = [], 0, len(LAWS) * (len(FLOWS) + 1) + 1
    for name, law in LAWS.items():
        for flow_name, flow in FLOWS.items():
            progress(done / total, f"{name}: {flow_name}")
            found = tube_flow(Fluid(law=law), flow, fine)
            rows += _profile_rows(f"{name}, {flow_name}", found)
            done += 1
            if flow_name != "low flow":
                continue
            if isinstance(law, Casson):
                plug = RADIUS * law.yield_stress / casson_wall_stress(law, RADIUS, flow)
                value = found.yield_radius(law.yield_stress)
                source = "Casson's law without regularization"
                rows.append(Row("rheology", f"{name}, {flow_name}: plug radius", "m", value, plug, 0.03, source))
            error = tube_flow(Fluid(law=law), flow, coarse).profile_error
            order = float(np.log(error / found.profile_error) / np.log(fine / coarse))
            rows.append(order_row("rheology", f"{name}: order of the profile", order, 2.0, 2.0, SOURCE))
            done += 1
    progress(done / total, "Newtonian limits")
    limits = {"Carreau-Yasuda, n = 1": CarreauYasuda(zero_viscosity=0.0035, power_index=1.0)}
    for name, limit in (limits | {"Casson, no yield stress": Casson(yield_stress=0.0)}).items():
        change = newtonian_change(limit)
        rows.append(Row("rheology", f"{name}: change of u", "", change, 0.0, 1e-9, "Newtonian run", is_absolute=True))
    return rows


def newtonian_change(law: CarreauYasuda | Casson) -> float:
    """Largest change of the velocity, relative to its largest value, that a law brings to a transient of 3.5 mPa s."""
    states = []
    for fluid in (Fluid(viscosity=0.0035), Fluid(viscosity=0.0035, law=law)):
        solver = _tube_solver(fluid, FLOWS["physiological flow"], 3, 1e-3)[0]
        for _ in range(10):
            solver.step()
        states.append(solver.velocity)
    return float(np.abs(states[1] - states[0]).max() / np.abs(states[0]).max())


def _profile_rows(name: str, found: TubeFlow) -> list[Row]:
    exact = found.exact
    axis = float(exact.velocity(np.zeros(1))[0])
    return [
        Row("rheology", f"{name}: pressure gradient", "Pa/m", found.gradient, exact.gradient, 0.01, SOURCE),
        Row("rheology", f"{name}: wall shear stress", "Pa", found.wall_shear, exact.wall_shear, 0.03, SOURCE),
        Row("rheology", f"{name}: speed on the axis", "m/s", found.axis_speed, axis, 0.01, SOURCE),
        Row("rheology", f"{name}: profile", "", found.profile_error, 0.0, 0.01, SOURCE, is_absolute=True),
    ]
