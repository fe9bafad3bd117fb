"""``mpiexec -n N python -m solvers.run RUN_DIR [--restart]``: solve a run folder."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(_variable, "1")


def main() -> int:
    """Parse the command line and run; the exit codes are those of solvers.contract.errors.ExitCode."""
    parser = argparse.ArgumentParser(prog="python -m solvers.run", description="Solve the blood flow of a run folder.")
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--restart", action="store_true", help="go on from the newest checkpoint")
    arguments = parser.parse_args()
    if not arguments.run_dir.is_dir():
        parser.error("RUN_DIR is not a folder")
    import dolfinx_solver  # noqa: F401 - orders MPI before the compiled modules
    from mpi4py import MPI

    from solvers.run.session import run

    return int(run(MPI.COMM_WORLD, arguments.run_dir.resolve(), arguments.restart))


if __name__ == "__main__":
    sys.exit(main())
