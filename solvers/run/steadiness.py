"""How much a flow still changes in the time that fills the vessel once."""

from __future__ import annotations

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


class Steadiness:
    """Compares the flow with what it was when it was compared last. All ranks must ask."""

    def __init__(self, comm: MPI.Intracomm) -> None:
        self._comm = comm
        self._before: tuple[FloatArray, FloatArray, FloatArray, FloatArray] | None = None

    def change(
        self, velocity: FloatArray, stress: FloatArray, flows: FloatArray, pressures: FloatArray
    ) -> float | None:
        """The largest relative change since the last call, None at the first.

        Of velocities and stresses it is that of their Euclidean norm over all unknowns; that of flows is relative to
        the largest flow, that of pressures to the largest difference between two caps: a pressure level that all caps
        share says nothing about the flow.

        Parameters
        ----------
        velocity, stress : (n_owned, 3), (n_wall, 3)
            Velocities [m/s] and wall shear stresses [Pa] that this rank owns.
        flows, pressures : (n_caps,)
            Flow [m3/s] through the caps and pressure [Pa] on them, the same on all ranks.
        """
        now = (velocity.copy(), stress.copy(), flows.copy(), pressures.copy())
        before, self._before = self._before, now
        if before is None:
            return None
        local = [float(np.sum((now[part] - before[part]) ** 2)) for part in (0, 1)]
        local += [float(np.sum(now[part] ** 2)) for part in (0, 1)]
        total = np.array(local)
        self._comm.Allreduce(MPI.IN_PLACE, total)
        sizes = [np.sqrt(total[2]), np.sqrt(total[3]), np.abs(flows).max(), np.ptp(pressures)]
        changes = [np.sqrt(total[0]), np.sqrt(total[1]), np.abs(flows - before[2]).max()]
        changes.append(np.abs(pressures - before[3]).max())
        ratios = [change / size if size > 0.0 else change for change, size in zip(changes, sizes, strict=True)]
        return float(max(ratios))
