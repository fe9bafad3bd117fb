"""Steps after a checkpoint have the very bits of those of a run that was left alone, on the same number of ranks."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tube_runs import change, write_tube_run

from solvers.contract.spec import Elements
from solvers.launch.local import find_mpiexec

pytestmark = pytest.mark.mpi


@pytest.mark.parametrize(("elements", "n_ranks"), [("P2/P1", 3), ("P1/P1", 2)])
def test_a_restored_solver_goes_on_to_the_bit(tmp_path: Path, elements: Elements, n_ranks: int) -> None:
    spec = write_tube_run(tmp_path, 200)
    change(tmp_path, spec, numerics=replace(spec.numerics, elements=elements))
    script = Path(__file__).with_name("restored_steps.py")
    command = [find_mpiexec(), "-n", str(n_ranks), sys.executable, str(script), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
