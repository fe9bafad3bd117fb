"""What a run tells the outside: events, state and scalars. Only rank 0 writes."""

from __future__ import annotations

import csv
import os
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from solvers.contract.errors import RunError
from solvers.contract.events import EventWriter
from solvers.contract.files import RESERVE, SCALARS
from solvers.contract.scalars import column_names, read_scalars
from solvers.contract.spec import RunSpec
from solvers.contract.state import RunState, Status, write_state
from solvers.flow.solver import StepReport
from solvers.preflight.finding import Finding

STEP_EVENT_SECONDS = 0.3
STATE_SECONDS = 1.0
RESERVE_BYTES = 65536


def versions() -> dict[str, str]:
    """Versions of what decides a result."""
    found = {"python": sys.version.split()[0]}
    for name in ("angiotwin", "dolfinx-solver-real", "numba", "numpy", "scipy"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "unknown"
    return found


class Reporter:
    """Writes a run's events, state and scalars; made on rank 0."""

    def __init__(self, run_dir: Path, n_ranks: int) -> None:
        self._run_dir = run_dir
        (run_dir / RESERVE).write_bytes(bytes(RESERVE_BYTES))
        self.events = EventWriter(run_dir)
        process = _leader()
        self._state = write_state(
            run_dir, RunState("running", n_ranks=n_ranks, pid=process.pid, pid_started=process.create_time())
        )
        self._began = time.monotonic()
        self._last_step_event = self._last_state = -1e9
        self._seconds_per_step: float | None = None
        self._last_step: float | None = None
        self._scalars: Any = None
        self._rows: Any = None

    @property
    def wall_seconds(self) -> float:
        """Seconds since the run began (or was restarted)."""
        return time.monotonic() - self._began

    def stage(self, name: str, text: str) -> None:
        """A new part of the work begins."""
        self.events.emit("stage", name=name, text=text)

    def findings(self, found: tuple[Finding, ...]) -> None:
        """Tell what the check before the run has found: warnings as such, all of it as findings."""
        for finding in found:
            self.events.emit("finding", **finding.as_dict())
            if finding.level == "warning":
                self.events.emit("warning", code=finding.code, text=finding.sentence, place=finding.place)

    def open_scalars(self, spec: RunSpec, last_step: int) -> None:
        """Begin ``scalars.csv``, or go on with it after ``last_step``; later rows are dropped."""
        names = column_names(spec)
        kept = read_scalars(self._run_dir) if last_step else {}
        path = self._run_dir / SCALARS
        with path.open("w", newline="", encoding="utf-8") as stream:
            rows = csv.writer(stream, lineterminator="\n")
            rows.writerow(names)
            if kept:
                table = np.column_stack([kept[name] for name in names])
                rows.writerows([[repr(value) for value in row] for row in table[table[:, 0] <= last_step].tolist()])
        self._scalars = path.open("a", newline="", encoding="utf-8")
        self._rows = csv.writer(self._scalars, lineterminator="\n")

    def rewind(self, spec: RunSpec, last_step: int) -> None:
        """Forget what was written of the steps after ``last_step``: they are solved again."""
        self._scalars.flush()
        self._scalars.close()
        self.open_scalars(spec, last_step)

    def step(
        self,
        report: StepReport,
        spec: RunSpec,
        dt: float,
        directed_flows: list[float],
        mass_imbalance: float,
        splitting_imbalance: float,
        steps_left: int,
    ) -> None:
        """Tell of a step: a row of scalars always, an event and the state from time to time."""
        now = time.monotonic()
        if self._last_step is not None:  # before the first step lies what is done only once
            took, mean = now - self._last_step, self._seconds_per_step
            self._seconds_per_step = took if mean is None else 0.95 * mean + 0.05 * took
        self._last_step = now
        spc = spec.time.steps_per_cycle
        cycle, phase = (report.step - 1) // spc, ((report.step - 1) % spc + 1) * spec.time.dt
        pressures = report.pressures.tolist()
        caps = [number for pair in zip(directed_flows, pressures, strict=True) for number in pair]
        monitors = [report.cfl, report.max_speed, report.velocity_iterations, report.velocity_residual]
        balances = [mass_imbalance, splitting_imbalance]
        row = [report.step, report.time, cycle, phase, *caps, *monitors, report.pressure_iterations, *balances]
        self._rows.writerow([repr(value) for value in row])
        if now - self._last_step_event >= STEP_EVENT_SECONDS:
            self._last_step_event = now
            self._scalars.flush()
            names = [cap.name for cap in spec.caps]
            self.events.emit(
                "step",
                step=report.step,
                time=report.time,
                cycle=cycle,
                phase=phase,
                dt=dt,
                cfl=report.cfl,
                iterations=report.velocity_iterations,
                residual=report.velocity_residual,
                mass_imbalance=mass_imbalance,
                splitting_imbalance=splitting_imbalance,
                max_speed=report.max_speed,
                wall_seconds=self.wall_seconds,
                eta_seconds=None if self._seconds_per_step is None else steps_left * self._seconds_per_step,
                fraction=report.step / max(1, report.step + steps_left),
                flows=dict(zip(names, directed_flows, strict=True)),
                pressures=dict(zip(names, pressures, strict=True)),
            )
        if now - self._last_state >= STATE_SECONDS:
            self._last_state = now
            self.update_state(step=report.step, time=report.time, cycle=cycle)

    def flush_scalars(self) -> None:
        """Put all rows on the disk."""
        if self._scalars is not None:
            self._scalars.flush()
            os.fsync(self._scalars.fileno())

    def update_state(self, **changes: Any) -> None:
        """Change and write ``state.json``."""
        self._state = write_state(self._run_dir, replace(self._state, **changes))

    def end(self, status: Status, code: str | None, message: str | None, exit_code: int, event: dict[str, Any]) -> None:
        """Write the final event and state, on a full disk into the space that was kept for this."""

        def say() -> None:
            self.events.emit(status, **event)
            self.update_state(status=status, code=code, message=message, exit_code=exit_code)

        (self._run_dir / RESERVE).unlink(missing_ok=True)
        _ignore_full_disk(self.flush_scalars)
        _ignore_full_disk(say)
        _ignore_full_disk(self.events.close)
        if self._scalars is not None:
            _ignore_full_disk(self._scalars.close)

    def failed(self, error: RunError, traceback_file: str | None = None) -> None:
        """Write that the run failed."""
        self.end(
            "failed",
            error.code,
            error.message,
            int(error.exit_code),
            {
                "code": error.code,
                "text": error.message,
                "place": error.place,
                "exit_code": int(error.exit_code),
                "traceback_file": traceback_file,
            },
        )


def _leader() -> psutil.Process:
    """The mpiexec that started this process, or the process itself."""
    process = psutil.Process()
    launchers = [parent for parent in process.parents() if parent.name().startswith("mpiexec")]
    return launchers[-1] if launchers else process


def _ignore_full_disk(action: Callable[[], None]) -> None:
    try:
        action()
    except OSError:
        return
