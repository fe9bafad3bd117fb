"""The timed tube as a case of Oasis: a mesh for legacy dolfin and a problem file, both written here.

Lengths are in mm, because Oasis compares residuals with an absolute tolerance that SI units are below from the start.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from solvers.benchmark.timed_tube import TimedTube

_PROBLEM = '''"""Steady inflow into a tube, timed step by step."""
import json
import resource
import time

from oasis.problems.NSfracStep import *

set_log_level(40)
CASE = json.loads(open("case.json").read())


def mesh(**namespace):
    return Mesh("mesh.xml")


def problem_parameters(NS_parameters, **namespace):
    NS_parameters.update(
        nu=CASE["nu"], dt=CASE["dt"], T=CASE["dt"] * (CASE["n_steps"] - 0.5), velocity_degree=CASE["degree"],
        pressure_degree=1, solver="IPCS_ABCN", max_iter=1, checkpoint=10**9, save_step=10**9,
        print_intermediate_info=10**9, plot_interval=10**9, folder="results", use_krylov_solvers=True)
    NS_parameters["krylov_solvers"].update(relative_tolerance=CASE["tolerance"])


def create_bcs(V, Q, **namespace):
    length, radius = CASE["length"], CASE["radius"]
    speed = Expression("2.0*m*(1.0-(x[0]*x[0]+x[1]*x[1])/(r*r))", m=CASE["mean_speed"], r=radius, degree=2)
    inlet = lambda x, on: on and x[2] < 1e-6 * length
    outlet = lambda x, on: on and x[2] > (1.0 - 1e-6) * length
    wall = lambda x, on: on and not inlet(x, on) and not outlet(x, on)
    still = DirichletBC(V, 0.0, wall)
    across = [DirichletBC(V, 0.0, inlet), still]
    return dict(u0=across, u1=across, u2=[DirichletBC(V, speed, inlet), still], p=[DirichletBC(Q, 0.0, outlet)])


def initialize(x_1, x_2, bcs, **namespace):
    for name in x_2:
        [bc.apply(x_1[name]) for bc in bcs[name]]
        [bc.apply(x_2[name]) for bc in bcs[name]]


CLOCK, BUSY = [], []


def start_timestep_hook(**namespace):
    MPI.barrier(MPI.comm_world)
    CLOCK.append(time.perf_counter())
    BUSY.append(time.process_time())


def theend_hook(u_, p_, **namespace):
    MPI.barrier(MPI.comm_world)
    CLOCK.append(time.perf_counter())
    BUSY.append(time.process_time())
    memory = MPI.sum(MPI.comm_world, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0)
    speed = u_[2].vector().norm("linf")
    if MPI.rank(MPI.comm_world) == 0:
        steps, busy = [[b - a for a, b in zip(times[:-1], times[1:])] for times in (CLOCK, BUSY)]
        if speed == speed:
            result = {"step_s": steps, "busy_s": busy, "peak_mb": memory, "speed": speed}
            open("timing.json", "w").write(json.dumps(result))
'''


def write_oasis(folder: Path, tube: TimedTube, degree: int) -> None:
    """Write mesh, case and problem file; ``degree`` is that of the velocity."""
    import json

    folder.mkdir(parents=True, exist_ok=True)
    mm = 1e3
    (folder / "mesh.xml").write_text(_dolfin_xml(tube.mesh.points * mm, tube.mesh.tets), encoding="utf-8")
    case = {
        "nu": tube.viscosity / tube.density * mm**2,
        "dt": tube.dt,
        "n_steps": tube.n_steps,
        "degree": degree,
        "tolerance": tube.tolerance,
        "length": tube.length * mm,
        "radius": tube.radius * mm,
        "mean_speed": tube.mean_speed * mm,
    }
    (folder / "case.json").write_text(json.dumps(case), encoding="utf-8")
    (folder / "timed_tube.py").write_text(_PROBLEM, encoding="utf-8")


def _dolfin_xml(points: np.ndarray, tets: np.ndarray) -> str:
    rows = ['<?xml version="1.0"?>', '<dolfin xmlns:dolfin="http://fenicsproject.org">']
    rows += ['<mesh celltype="tetrahedron" dim="3">', f'<vertices size="{len(points)}">']
    rows += [f'<vertex index="{i}" x="{x:.17g}" y="{y:.17g}" z="{z:.17g}"/>' for i, (x, y, z) in enumerate(points)]
    rows += ["</vertices>", f'<cells size="{len(tets)}">']
    ordered = np.sort(tets, axis=1).tolist()
    rows += [
        f'<tetrahedron index="{i}" v0="{a}" v1="{b}" v2="{c}" v3="{d}"/>' for i, (a, b, c, d) in enumerate(ordered)
    ]
    return "\n".join([*rows, "</cells>", "</mesh>", "</dolfin>", ""])
