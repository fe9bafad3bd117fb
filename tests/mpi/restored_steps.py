"""``mpiexec -n N python restored_steps.py FOLDER``: are steps after a checkpoint to the bit those without one?

One solver goes on, another is built anew and given the state that a checkpoint holds. Ghosts are compared, too.
"""

from __future__ import annotations

import sys
from pathlib import Path

import dolfinx_solver  # noqa: F401 - orders MPI before the compiled modules
import numpy as np
from mpi4py import MPI

from solvers.contract.mesh_file import read_mesh
from solvers.contract.spec import read_spec
from solvers.fem.warmup import compile_kernels
from solvers.flow.build import build_flow

BEFORE, AFTER = 20, 6

comm, folder = MPI.COMM_WORLD, Path(sys.argv[1])
spec = read_spec(folder)
arrays = read_mesh(folder, spec) if comm.rank == 0 else None
compile_kernels(comm)
one, other = build_flow(comm, spec, arrays), build_flow(comm, spec, arrays)
for _ in range(BEFORE):
    one.step()
other.restore(BEFORE, one.state())
one.synchronize(BEFORE * one.dt)
differ = set()
for _ in range(AFTER):
    reports = one.step(), other.step()
    if not np.array_equal(reports[0].flows, reports[1].flows):
        differ.add("flows")
    for name, field in one.copy().fields.items():
        if not np.array_equal(field, other.copy().fields[name]):
            differ.add(name)
differ = set().union(*comm.allgather(differ))
if differ:
    sys.exit("not the same bits: " + ", ".join(sorted(differ)))
