"""A run from its folder to its results."""

from __future__ import annotations

import resource
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from solvers.contract.errors import ExitCode, RunError, out_of_memory
from solvers.contract.files import FIELDS, INDICES, SCALARS, SECTIONS, WALL
from solvers.contract.mesh_file import MeshArrays, read_mesh
from solvers.contract.spec import RunSpec, read_spec
from solvers.fem.halo import CanonicalOrder
from solvers.fem.surface import WallShear
from solvers.fem.warmup import compile_kernels
from solvers.flow.build import build_flow
from solvers.flow.measured import MeasuredVelocity, read_measured
from solvers.flow.rheology import viscosity_law
from solvers.flow.solver import StepReport
from solvers.network.waveform import PeriodicCurve
from solvers.network.windkessel import Windkessel
from solvers.preflight.check import judged
from solvers.preflight.cost import available_bytes
from solvers.preflight.finding import Finding, refuse_errors
from solvers.run.checkpoint import read_checkpoint, write_checkpoint
from solvers.run.collective import StopRequest, on_rank_0
from solvers.run.endings import not_settled
from solvers.run.energy_history import EnergyHistory
from solvers.run.frames import FrameStore, frame_steps
from solvers.run.growth import EnergyWatch
from solvers.run.guard import Guard, ended_by
from solvers.run.history import CycleWaveforms, WallHistory
from solvers.run.outlet_tuning import OutletTuner
from solvers.run.reporter import Reporter, versions
from solvers.run.results import wall_fields, write_indices
from solvers.run.section_history import SectionHistory
from solvers.run.steadiness import Steadiness
from solvers.run.stepping import StepFailed, Stepper

FloatArray = NDArray[np.float64]

COARSE_CFL = 4.0


class Cancelled(Exception):
    """The run was asked to stop and has written a checkpoint."""


def run(comm: MPI.Intracomm, run_dir: Path, restart: bool) -> ExitCode:
    """Solve the run of a folder; every rank returns the exit code. Errors are told in the folder, not raised."""
    reporter: Reporter | None = None
    try:
        reporter = on_rank_0(comm, lambda: Reporter(run_dir, comm.size))
        return Session(comm, run_dir, restart, reporter).solve()
    except (RunError, MemoryError) as raised:
        error = raised if isinstance(raised, RunError) else out_of_memory()
        if isinstance(raised, MemoryError):  # the other ranks may not know
            _abort(comm, run_dir, reporter, error)
        if reporter is not None:
            reporter.failed(error)
        elif comm.rank == 0:
            print(error.message, file=sys.stderr)
        return error.exit_code
    except BaseException:
        _abort(comm, run_dir, reporter)
        raise


def _abort(comm: MPI.Intracomm, run_dir: Path, reporter: Reporter | None, error: RunError | None = None) -> None:
    """An error that only this rank may know of: tell it and take all ranks down."""
    name = f"traceback_rank_{comm.rank}.txt"
    try:
        (run_dir / name).write_text(traceback.format_exc(), encoding="utf-8")
        teller = reporter or Reporter(run_dir, comm.size)
        error = error or RunError(
            "internal",
            f"The solver stopped because of an error in the program itself (its details are in {name}); "
            "restart the run, and report the error if it comes back.",
        )
        teller.failed(error, name)
    finally:
        comm.Abort(int(ExitCode.INTERNAL))


class Session:
    """One run on all ranks; ``reporter`` and what is on the disk belong to rank 0."""

    def __init__(self, comm: MPI.Intracomm, run_dir: Path, restart: bool, reporter: Reporter | None) -> None:
        self._comm, self._run_dir, self._reporter = comm, run_dir, reporter
        self._stop = StopRequest(comm, run_dir)
        self._stage("reading", "Reading the run's spec and mesh")
        found = on_rank_0(comm, lambda: _read(run_dir, comm.size))
        self._spec: RunSpec = comm.bcast(found[0] if found else None)
        self._mesh: MeshArrays | None = found[1] if found else None
        if self._reporter is not None and found is not None:
            self._reporter.findings(found[3])
        spec = self._spec
        self._stage("compiling", "Compiling the solver's kernels (the first time takes half a minute)")
        compile_kernels(comm)
        self._stage("partitioning", "Distributing the mesh and factorizing the pressure equation")
        self._flow = build_flow(comm, spec, self._mesh, found[2] if found else {})
        fem_mesh = self._flow.mesh
        self._shear = WallShear(fem_mesh, spec.wall_patch_ids, viscosity_law(spec.fluid) or spec.fluid.viscosity)
        wall_keys = fem_mesh.pressure.keys[self._shear.nodes]
        self._wall_order = CanonicalOrder(comm, wall_keys)
        self._wall_area = self._wall_order.gather(self._shear.area)
        wall_vertices = self._wall_order.gather(wall_keys.astype(np.float64))
        self._to_vertex = np.empty(fem_mesh.pressure.n_local, dtype=np.int64)
        self._to_vertex[fem_mesh.pressure.cells] = fem_mesh.velocity.cells[:, :4]
        self._waveforms = CycleWaveforms(spec.time.steps_per_cycle, len(spec.caps))
        self._wall = WallHistory(len(self._shear.nodes))
        self._energy = EnergyHistory(self._flow, spec.time.steps_per_cycle, spec.fluid.density)
        self._sections = SectionHistory(run_dir, spec, self._flow, self._mesh)
        self._frame_steps = frame_steps(spec.time.steps_per_cycle, spec.output.fields_per_cycle)
        curves = [PeriodicCurve(inlet.flow, spec.time.period).sample(512) for inlet in spec.inlets]
        self._mean_inflow = float(np.mean(np.abs(np.sum(curves, axis=0)))) or None
        self._largest_inflow = float(np.finfo(float).tiny)
        areas = [self._flow.caps[inlet.patch_id].area for inlet in spec.inlets]
        speeds = [float(np.abs(curve).max()) / area for curve, area in zip(curves, areas, strict=True)]
        guard = Guard(spec.numerics.max_cfl, max(speeds, default=0.0), spec.fluid.density)
        numerics = spec.numerics
        self._guard = guard
        watch = EnergyWatch(self._flow, spec.fluid.density, spec.n_inlets)
        self._stepper = Stepper(self._flow, guard, watch, spec.time.dt, numerics.max_halvings, numerics.refactor_every)
        self._tuner = OutletTuner(spec, spec.tuning) if spec.tuning is not None else None
        self._is_tuned_now = False
        self._steadiness = Steadiness(comm)
        self._largest_cfl = 0.0
        self._errors: list[float | None] = []
        self._warned: set[str] = set()
        self._frames: FrameStore | None = None
        if self._mesh is not None and wall_vertices is not None:
            self._wall_vertices = wall_vertices.astype(np.int64)
            self._frames = FrameStore(run_dir, self._mesh, spec.wall_patch_ids, self._wall_vertices)
        self._restart_step = self._resume() if restart else self._begin()
        n_unknowns = fem_mesh.n_unknowns_global
        if self._reporter is not None:
            self._reporter.events.emit(
                "started",
                n_ranks=comm.size,
                versions=versions(),
                n_cells=fem_mesh.n_cells_global,
                n_unknowns=n_unknowns,
                steps_per_cycle=spec.time.steps_per_cycle,
                dt=spec.time.dt,
                max_cycles=spec.time.max_cycles,
                restart_step=self._restart_step or None,
            )

    def solve(self) -> ExitCode:
        """Solve cycle after cycle until the flow repeats itself."""
        spc, limits = self._spec.time.steps_per_cycle, self._spec.time
        self._stage("solving", "Solving the flow")
        if self._sections.missed:
            names = ", ".join(self._sections.missed)
            self._warn("section_missed", f"The planes of these sections do not meet the vessel: {names}.")
        cycle = self._stepper.step // spc
        error: float | None = self._errors[-1] if self._errors else None
        try:
            while not self._is_done(cycle, error) and cycle < limits.max_cycles:
                error = self._solve_cycle()
                cycle += 1
        except Cancelled:
            self._say_cancelled()
            return ExitCode.CANCELLED
        self._checkpoint()
        is_periodic = limits.limit is None or (error is not None and error <= limits.limit)
        self._finish(cycle, error, is_periodic)
        return ExitCode.FINISHED if is_periodic else ExitCode.NOT_PERIODIC

    def _is_done(self, cycle: int, error: float | None) -> bool:
        limits = self._spec.time
        if cycle < limits.min_cycles:
            return False
        if limits.limit is None:
            return cycle >= limits.max_cycles
        return error is not None and error <= limits.limit

    def _solve_cycle(self) -> float | None:
        """Solve to the end of the cycle and write its results; returns the periodicity error."""
        spc = self._spec.time.steps_per_cycle
        every = self._spec.numerics.refactor_every
        checkpoint_every = -(-self._spec.output.checkpoint_every // every) * every
        self._keep_good(is_first=True)
        while True:
            try:
                report = self._stepper.advance()
            except StepFailed as failure:
                self._halve(failure)
                continue
            inflow = -float(report.flows[: self._spec.n_inlets].sum())
            self._largest_inflow = max(self._largest_inflow, abs(inflow))
            self._largest_cfl = max(self._largest_cfl, report.cfl)
            self._waveforms.record(report)
            if self._spec.time.is_steady:
                self._wall.turn_over()  # the stress of the steady state, not a mean over the way to it
            self._wall.record(self._shear.stress(self._flow.velocity), self._spec.time.dt)
            step_in_cycle = (report.step - 1) % spc + 1
            self._energy.record(step_in_cycle)
            self._sections.measure(report.step, report.time)
            if self._tuner is not None and self._tuner.is_due(step_in_cycle):
                self._tune(self._tuner, step_in_cycle)
            if step_in_cycle in self._frame_steps:
                self._keep_frame(report.step)
            self._on_disk(partial(self._report_step, report))
            error = self._complete_cycle(report.step // spc) if step_in_cycle == spc else None
            if report.step % every == 0:
                if self._stop.is_made():
                    self._checkpoint()
                    self._stop.clear()
                    raise Cancelled
                if report.step % checkpoint_every == 0:
                    self._checkpoint()
            if step_in_cycle == spc:
                return error
            self._keep_good(is_first=False)
            if self._stepper.grow(report):
                self._tell_step("time_step_doubled", {})

    def _keep_good(self, is_first: bool) -> None:
        self._stepper.keep((self._wall.vector, self._wall.magnitude, self._wall.duration), is_first)

    def _halve(self, failure: StepFailed) -> None:
        """Go back to the last good state with half the time step, or end the run."""
        failed_at = self._stepper.step + 1
        state = self._stepper.halve(failure)
        if state is None:
            raise ended_by(failure.trouble)
        self._wall.vector, self._wall.magnitude = state.wall[0].copy(), state.wall[1].copy()
        self._wall.duration = state.wall[2]

        def rewind() -> None:
            assert self._reporter is not None
            self._reporter.rewind(self._spec, state.step)
            self._sections.open(state.step)

        self._on_disk(rewind)
        trouble = failure.trouble
        self._tell_step(
            "time_step_halved",
            {"code": trouble.code, "text": trouble.sentence, "place": trouble.place, "failed_step": failed_at},
        )

    def _tell_step(self, event: str, more: dict[str, object]) -> None:
        if self._reporter is not None:
            stepper = self._stepper
            self._reporter.events.emit(
                event, step=stepper.step, time=stepper.time, level=stepper.level, dt=stepper.dt, **more
            )

    def _complete_cycle(self, n_cycles: int) -> float | None:
        """Write the fields and indices of the cycle that ends, and turn over to the next."""
        if self._largest_cfl > COARSE_CFL and not self._spec.time.is_steady:
            self._warn(
                "high_cfl",
                f"The flow crosses up to {self._largest_cfl:.0f} cells in a time step (in thin cells it soon does): "
                f"more than {self._spec.time.steps_per_cycle} steps a cycle would follow it more closely.",
            )
        error = self._change()
        flow_sums = self._waveforms.current[:, 0].sum(axis=1)
        imbalance = float(np.nanmax(np.abs(flow_sums))) / self._inflow_scale
        splitting = float(np.nanmax(np.abs(self._waveforms.splitting))) / self._inflow_scale
        energy = self._energy.balance(self._spec.time.period)
        vector = self._wall_order.gather(self._wall.vector)
        magnitude = self._wall_order.gather(self._wall.magnitude)

        def write() -> None:
            assert self._frames is not None and self._mesh is not None and self._reporter is not None
            assert vector is not None and magnitude is not None and self._wall_area is not None
            wall = wall_fields(self._spec, self._mesh, self._wall_vertices, vector, magnitude, self._wall.duration)
            spc, dt = self._spec.time.steps_per_cycle, self._spec.time.dt
            in_cycle = sorted(self._frame_steps)
            self._frames.write_cycle([(n_cycles - 1) * spc + s for s in in_cycle], dt * np.array(in_cycle), wall)
            write_indices(
                self._run_dir,
                self._spec,
                n_cycles - 1,
                self._waveforms.current,
                error,
                imbalance,
                splitting,
                energy,
                wall,
                self._wall_area,
                self._tuner.described(self._waveforms.current) if self._tuner is not None else None,
                self._sections.means(n_cycles - 1),
            )
            events = self._reporter.events
            for name in (FIELDS, WALL, INDICES, SCALARS, *((SECTIONS,) if self._spec.sections else ())):
                events.emit("field", file=name, cycle=n_cycles - 1)
            events.emit(
                "cycle",
                cycle=n_cycles - 1,
                periodicity_error=error,
                mass_imbalance=imbalance,
                splitting_imbalance=splitting,
                energy=energy,
                wall_seconds=self._reporter.wall_seconds,
            )

        self._on_disk(write)
        self._energy.turn_over()
        self._waveforms.turn_over()
        if self._is_tuned_now:
            self._waveforms.forget_previous()
            self._is_tuned_now, error = False, None
        self._errors.append(error)
        self._wall.turn_over()
        return error

    def _change(self) -> float | None:
        """How much the cycle that ends differs from the one before; None for the first."""
        if not self._spec.time.is_steady:
            return self._waveforms.periodicity_error()
        n_owned = self._flow.mesh.velocity.n_owned
        flows, pressures = self._waveforms.current[-1]
        stress = self._wall.vector / self._wall.duration
        return self._steadiness.change(self._flow.velocity[:n_owned], stress, flows, pressures)

    def _tune(self, tuner: OutletTuner, step_in_cycle: int) -> None:
        """Give the outlets the Windkessels that meet the target with the vessel as this cycle has shown it."""
        waveforms = self._waveforms.current[:step_in_cycle]
        network = self._comm.bcast(on_rank_0(self._comm, lambda: tuner.tuned(waveforms)))
        if network is None:
            return
        tuner.rounds += 1
        tuner.outlets = np.array([(t.r_proximal, t.c, t.r_distal) for t in network.terminals])
        self._set_outlets(tuner.outlets)
        at = round(step_in_cycle / self._spec.time.steps_per_cycle * len(network.state.compliance_pressures))
        pressures = network.state.compliance_pressures[at].tolist()
        for model, pressure in zip(self._flow.outlets.models.values(), pressures, strict=True):
            model.memory = np.full(2, pressure)
        self._is_tuned_now = True
        self._guard.forget()
        self._keep_good(is_first=True)
        if self._reporter is not None:
            self._reporter.events.emit("outlets_tuned", round=tuner.rounds, outlets=tuner.named_outlets())
        if not tuner.is_met_by(network.state):
            self._warn(
                "target_not_met",
                "No outlets meet the patient's pressures and flow shares with this vessel and inflow; the nearest "
                f"were taken ({100.0 * network.miss:.0f} % off): check the pressures, the cardiac output, the shares.",
            )

    def _set_outlets(self, parameters: FloatArray) -> None:
        for model, values in zip(self._flow.outlets.models.values(), parameters.tolist(), strict=True):
            assert isinstance(model, Windkessel)
            model.become(*values)

    def _keep_frame(self, step: int) -> None:
        mesh = self._flow.mesh
        vertices = self._to_vertex[: mesh.pressure.n_owned]
        velocity = mesh.pressure.order.gather(self._flow.velocity[vertices])
        pressure = mesh.pressure.order.gather(self._flow.kinematic_pressure[: mesh.pressure.n_owned])
        stress = self._wall_order.gather(self._shear.stress(self._flow.velocity))

        def put() -> None:
            assert self._frames is not None
            assert velocity is not None and pressure is not None and stress is not None
            self._frames.put(step, velocity, self._spec.fluid.density * pressure, stress)

        self._on_disk(put)

    @property
    def _inflow_scale(self) -> float:
        """What imbalances are told relative to: the prescribed mean inflow, or the largest one so far if none is."""
        return self._mean_inflow or self._largest_inflow

    def _report_step(self, report: StepReport) -> None:
        assert self._reporter is not None
        limits, spc = self._spec.time, self._spec.time.steps_per_cycle
        n_inlets = self._spec.n_inlets
        directed = [-flow if index < n_inlets else flow for index, flow in enumerate(report.flows.tolist())]
        imbalance = float(report.flows.sum()) / self._inflow_scale
        splitting = report.splitting_imbalance / self._inflow_scale
        expected = limits.max_cycles if limits.limit is None else limits.min_cycles
        cycles_to_go = max(expected, -(-report.step // spc))
        self._reporter.step(
            report, self._spec, self._stepper.dt, directed, imbalance, splitting, cycles_to_go * spc - report.step
        )
        self._sections.write()

    def _checkpoint(self) -> None:
        step, time = self._stepper.step, self._stepper.time
        state = self._flow.state()
        self._guard.forget()  # a run that goes on from here knows as little
        self._keep_good(is_first=True)
        wall_vector = self._wall_order.gather(self._wall.vector)
        wall_magnitude = self._wall_order.gather(self._wall.magnitude)

        def write() -> None:
            assert self._reporter is not None and self._frames is not None
            assert wall_vector is not None and wall_magnitude is not None
            arrays = {
                **state,
                "wall_vector": wall_vector,
                "wall_magnitude": wall_magnitude,
                "wall_duration": np.array(self._wall.duration),
                "waveforms": self._waveforms.current,
                "waveforms_before": self._waveforms.previous,
                "splitting": self._waveforms.splitting,
                "stepping": self._stepper.state(),
                "energy": self._energy.state(),
                "periodicity_errors": np.array([np.nan if e is None else e for e in self._errors]),
            }
            if self._tuner is not None:
                arrays["tuned_outlets"] = self._tuner.outlets
                arrays["tuning"] = np.array([self._tuner.rounds, self._is_tuned_now])
            self._reporter.flush_scalars()
            oldest = write_checkpoint(self._run_dir, step, self._spec.fingerprint, arrays)
            spc = self._spec.time.steps_per_cycle
            self._frames.discard(oldest // spc * spc)
            self._reporter.events.emit("checkpoint", step=step, time=time, file=f"{step:08d}.npz")
            self._reporter.update_state(step=step, time=time, cycle=max(0, step - 1) // spc, checkpoint_step=step)

        self._on_disk(write)

    def _begin(self) -> int:
        def clear() -> None:
            assert self._frames is not None and self._reporter is not None
            self._frames.discard_all()
            for path in (self._run_dir / "checkpoint").glob("*.npz"):
                path.unlink()
            for name in (FIELDS, WALL, INDICES):
                (self._run_dir / name).unlink(missing_ok=True)
            self._reporter.open_scalars(self._spec, 0)
            self._sections.open(0)

        on_rank_0(self._comm, clear)
        return 0

    def _resume(self) -> int:
        """Go on from the newest checkpoint; returns its step."""

        def read() -> tuple[int, dict[str, FloatArray]]:
            assert self._reporter is not None
            step, arrays = read_checkpoint(self._run_dir, self._spec.fingerprint)
            self._reporter.open_scalars(self._spec, step)
            self._sections.open(step)
            return step, arrays

        found = on_rank_0(self._comm, read)
        step, arrays = found if found else (0, {})
        step = int(self._comm.bcast(step))
        self._flow.restore(step, arrays)
        self._stepper.restore(step, self._comm.bcast(arrays.get("stepping")))
        self._energy.restore(self._comm.bcast(arrays.get("energy")))
        self._wall.vector = self._wall_order.scatter(arrays.get("wall_vector"), (3,))
        self._wall.magnitude = self._wall_order.scatter(arrays.get("wall_magnitude"), ())
        small = ("wall_duration", "waveforms", "waveforms_before", "splitting", "periodicity_errors")
        duration, current, before, splitting, errors = self._comm.bcast([arrays.get(name) for name in small])
        self._wall.duration = float(duration)
        self._waveforms.current, self._waveforms.previous, self._waveforms.splitting = current, before, splitting
        self._errors = [None if np.isnan(e) else float(e) for e in errors]
        if self._tuner is not None:
            names = ("tuned_outlets", "tuning")
            self._tuner.outlets, (rounds, is_tuned_now) = self._comm.bcast([arrays.get(name) for name in names])
            self._tuner.rounds, self._is_tuned_now = int(rounds), bool(is_tuned_now)
            self._set_outlets(self._tuner.outlets)
        return step

    def _stage(self, name: str, text: str) -> None:
        if self._reporter is not None:
            self._reporter.stage(name, text)

    def _warn(self, code: str, text: str) -> None:
        if self._reporter is not None and code not in self._warned:
            self._reporter.events.emit("warning", code=code, text=text, place=None)
        self._warned.add(code)

    def _on_disk(self, action: Callable[[], None]) -> None:
        on_rank_0(self._comm, action)

    def _say_cancelled(self) -> None:
        if self._reporter is not None:
            step, time = self._stepper.step, self._stepper.time
            self._reporter.end(
                "cancelled",
                "cancelled",
                f"The run was stopped {time:.3f} s after the start of the flow; restart it to go on from there.",
                int(ExitCode.CANCELLED),
                {"step": step, "time": time, "checkpoint_step": step},
            )

    def _finish(self, n_cycles: int, error: float | None, is_periodic: bool) -> None:
        peak_mb = self._comm.reduce(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0)
        if self._reporter is None or self._frames is None:
            return
        self._frames.discard_all()
        self._reporter.events.emit("metric", name="peak_memory_mb", value=peak_mb, unit="MB")
        if is_periodic:
            self._reporter.end(
                "finished",
                None,
                None,
                int(ExitCode.FINISHED),
                {"wall_seconds": self._reporter.wall_seconds, "n_cycles": n_cycles, "periodicity_error": error},
            )
            return
        self._reporter.failed(not_settled(self._spec, error, n_cycles))


def _read(run_dir: Path, n_ranks: int) -> tuple[RunSpec, MeshArrays, dict[int, MeasuredVelocity], tuple[Finding, ...]]:
    """Spec, mesh, measured profiles, and what the check before a run found; its first error is raised."""
    spec = read_spec(run_dir)
    mesh = read_mesh(run_dir, spec)
    findings = judged(spec, mesh, n_ranks, available_bytes(n_ranks))
    refuse_errors(findings)
    mapped = [inlet for inlet in spec.inlets if inlet.measured is not None]
    profiles = {inlet.patch_id: read_measured(run_dir, inlet, mesh, spec.time.period) for inlet in mapped}
    return spec, mesh, profiles, findings
