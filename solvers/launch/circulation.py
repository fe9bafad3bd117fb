"""A run in a closed circulation: the run folder is solved again and again until both agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract.atomic import write_bytes_atomically
from solvers.contract.errors import ExitCode, RunError
from solvers.contract.openings import PressureOutlet, Waveform
from solvers.contract.scalars import flow_column, pressure_column, read_scalars
from solvers.contract.spec import RunSpec, read_spec, write_spec
from solvers.launch import local
from solvers.network.closed_loop import Agreement, Beat, Circulation, Units, agree
from solvers.network.tree import Segment

FloatArray = NDArray[np.float64]

AGREED = "circulation.json"
SCHEMA_VERSION = 1
FIRST_RESISTANCE = 1e6
"""Of every way in the first round [Pa s/m3], about that of an aorta."""


def solve_in_circulation(
    folder: Path,
    description: dict[str, Any],
    ways: dict[str, str],
    units: Units,
    n_ranks: int,
    told: Callable[[int], None] = lambda round: None,
    limit: float = 1e-3,
) -> Agreement:
    """Solve the run of a folder as a piece of a circulation and write what they agree on to ``circulation.json``.

    The run's inflow, outlet conditions, tuning and period are those of the circulation from then on.

    Parameters
    ----------
    description
        svZeroDSolver's input.
    ways
        Name of each outlet and of the ``BloodVessel`` that stands for the way to it.
    told
        Called with the number of each round as it begins.

    Raises
    ------
    RunError
        ``bad_circulation`` for what does not fit; else as the run or the iteration fails.
    """
    spec = read_spec(folder)
    names = [outlet.name for outlet in spec.outlets]
    if len(spec.inlets) != 1 or spec.pressure_inlets or sorted(names) != sorted(ways):
        raise RunError(
            "bad_circulation",
            "A run in a circulation needs one inlet and, for every outlet, the vessel that stands for the way to it: "
            f"name one for each of {', '.join(names)}.",
            exit_code=ExitCode.BAD_SPEC,
        )
    circulation = Circulation(description, tuple(ways[name] for name in names), units, spec.time.steps_per_cycle)
    rounds = 0

    def solve_vessel(inflow: FloatArray, pressures: FloatArray) -> Beat:
        nonlocal rounds
        rounds += 1
        told(rounds)
        write_spec(folder, _driven(spec, inflow, pressures, circulation.period))
        state = local.start(folder, n_ranks).wait()
        if state.status != "finished":
            raise RunError(state.code or state.status, state.message or f"The run was {state.status}.")
        return _last_beat(folder, spec)

    found = agree(circulation, solve_vessel, tuple(Segment(FIRST_RESISTANCE) for _ in names), limit)
    content = {
        "schema_version": SCHEMA_VERSION,
        "rounds": found.rounds,
        "change": found.change,
        "pressure_miss": found.pressure_miss,
        "mean_inflow_m3_s": float(found.vessel.inflow.mean()),
        "inlet_pressure_Pa": [float(f(found.vessel.inlet_pressure)) for f in (np.max, np.mean, np.min)],
        "ways": {name: vars(segment) for name, segment in zip(names, found.segments, strict=True)},
    }
    write_bytes_atomically(folder / AGREED, json.dumps(content, indent=1, allow_nan=False).encode())
    return found


def _driven(spec: RunSpec, inflow: FloatArray, pressures: FloatArray, period: float) -> RunSpec:
    """The run with what the circulation gives at the ends of the time steps."""
    n = len(inflow)
    times = tuple((period / n * np.arange(n)).tolist())

    def waveform(values: FloatArray) -> Waveform:
        return Waveform(times, tuple(np.roll(values, 1).tolist()))

    outlets = tuple(
        PressureOutlet(outlet.patch_id, outlet.name, waveform(pressures[:, k]), outlet.extension_start)
        for k, outlet in enumerate(spec.outlets)
    )
    inlets = (replace(spec.inlets[0], flow=waveform(inflow)),)
    return replace(spec, inlets=inlets, outlets=outlets, tuning=None, time=replace(spec.time, period=period))


def _last_beat(folder: Path, spec: RunSpec) -> Beat:
    table, n = read_scalars(folder), spec.time.steps_per_cycle
    names = [outlet.name for outlet in spec.outlets]
    return Beat(
        table[pressure_column(spec.inlets[0].name)][-n:],
        np.column_stack([table[flow_column(name)][-n:] for name in names]),
        np.column_stack([table[pressure_column(name)][-n:] for name in names]),
    )
