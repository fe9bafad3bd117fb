"""Plays a solver: a process that writes events and state into a run folder, as `solvers.run` does.

``python gui_fake_run.py RUN_DIR N_STEPS SECONDS_A_STEP``; it leaves when it finds the file STOP.
"""

from __future__ import annotations

import math
import os
import sys
import time
from pathlib import Path

import psutil

from solvers.contract.events import EventWriter
from solvers.contract.files import EVENTS, STOP
from solvers.contract.state import RunState, write_state

DT, PERIOD = 0.02, 0.8


def flow_m3_s(time_s: float) -> float:
    return 4e-4 * math.sin(math.pi * time_s / PERIOD) ** 2


def pressure_pa(time_s: float) -> float:
    return 133.322387415 * (80.0 + 40.0 * math.sin(math.pi * time_s / PERIOD) ** 2)


def play(run_dir: Path, n_steps: int, seconds_a_step: float) -> None:
    state = RunState(status="running", pid=os.getpid(), pid_started=psutil.Process().create_time())
    write_state(run_dir, state)
    with EventWriter(run_dir, None) as events:
        events.emit("started", n_ranks=2, dt=DT, steps_per_cycle=40, max_cycles=5, restart_step=None)
        events.emit("stage", name="solving", text="solving")
        for step in range(1, n_steps + 1):
            now = step * DT
            events.emit(
                "step",
                step=step,
                time=now,
                cycle=int(now / PERIOD),
                cfl=2.0,
                iterations=3,
                residual=1e-7,
                mass_imbalance=1e-6,
                wall_seconds=step * 0.5,
                eta_seconds=(n_steps - step) * 0.5,
                fraction=step / n_steps,
                flows={"ascending": flow_m3_s(now), "descending": flow_m3_s(now)},
                pressures={"ascending": pressure_pa(now), "descending": pressure_pa(now)},
            )
            if step == 40:
                events.emit("cycle", cycle=1, periodicity_error=0.02, mass_imbalance=1e-6, wall_seconds=20.0)
                events.emit("warning", code="cfl", text="The time step is large at the inlet.", place=None)
            if (run_dir / STOP).exists():
                events.emit("cancelled", step=step, time=now, checkpoint_step=0)
                write_state(run_dir, RunState(status="cancelled", message="The run was cancelled."))
                return
            time.sleep(seconds_a_step)
        events.emit("finished", wall_seconds=n_steps * 0.5, n_cycles=2, periodicity_error=0.005)
    write_state(run_dir, RunState(status="finished"))
    with (run_dir / EVENTS).open("ab") as stream:
        stream.write(b'{"seq": 9999, "type": "st')  # a torn last line


if __name__ == "__main__":
    play(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
