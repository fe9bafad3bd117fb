"""``scalars.csv``: one row for every step.

Columns: ``step``, ``time`` [s], ``cycle`` (from 0), ``phase`` [s] in the cycle; for every cap ``flow[name]`` [m3/s],
positive into the vessel at an inlet and out of it at an outlet, and ``pressure[name]`` [Pa], the area mean; ``cfl``,
``max_speed`` [m/s], ``velocity_iterations``, ``velocity_residual``, ``pressure_iterations``; ``mass_imbalance``: the
surface integrals of the written velocity over all caps, outflow minus inflow, over the mean inflow of a cycle;
``splitting_imbalance``: the same of the velocity before its correction, which tells if the time step is small enough.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solvers.contract.files import SCALARS
from solvers.contract.spec import RunSpec
from solvers.contract.table import read_table


def column_names(spec: RunSpec) -> list[str]:
    """The columns of a run's ``scalars.csv``."""
    caps = [name for cap in spec.caps for name in (flow_column(cap.name), pressure_column(cap.name))]
    monitors = ["cfl", "max_speed", "velocity_iterations", "velocity_residual", "pressure_iterations"]
    balances = ["mass_imbalance", "splitting_imbalance"]
    return ["step", "time", "cycle", "phase", *caps, *monitors, *balances]


def flow_column(cap_name: str) -> str:
    """The column of a cap's flow."""
    return f"flow[{cap_name}]"


def pressure_column(cap_name: str) -> str:
    """The column of a cap's pressure."""
    return f"pressure[{cap_name}]"


def read_scalars(run_dir: Path) -> dict[str, NDArray[np.float64]]:
    """Every column (n_steps,) by name; empty if nothing was solved yet. A torn last row is left out."""
    return read_table(run_dir / SCALARS)
