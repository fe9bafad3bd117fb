"""Solve networks: one to its periodic state, or many side by side."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from solvers.contract.errors import ExitCode, RunError
from solvers.network.one_d.checks import check_network
from solvers.network.one_d.layout import (
    CORONARY,
    FLOW,
    PRESSURE,
    RCR,
    RESISTANCE,
    Grid,
    Nodes,
    State,
    grid_of,
    node_numbers,
    nodes_of,
    state_at,
)
from solvers.network.one_d.network import Network1D

FloatArray = NDArray[np.float64]
Progress = Callable[[float, str], None]

N_PIECES = 8
"""In which a cycle is solved, so that it can be cancelled in between."""


@dataclass(frozen=True)
class Scheme:
    """How finely a network is solved.

    Attributes
    ----------
    spacing
        Length of a cell [m]; a vessel has at least two.
    courant
        Part of the largest stable time step.
    samples
        Kept of a cycle.
    max_cycles, periodic_within
        A run ends when the pressures in the middle of all vessels differ from those a cycle before by at most this
        part of their mean (root mean square), or after so many cycles.
    start_pressure
        Of all vessels at the start [Pa], where compliances have their ``p_initial``; None takes for both the pressure
        that the mean inflow needs, so that the run settles soon.
    """

    spacing: float = 2e-3
    courant: float = 0.9
    samples: int = 200
    max_cycles: int = 40
    periodic_within: float = 1e-3
    start_pressure: float | None = None


@dataclass(frozen=True, eq=False)
class Solution1D:
    """The last cycle of a network.

    Attributes
    ----------
    names
        Of the vessels.
    times : (k,)
        From the start of the cycle [s].
    pressure, flow, area : (k, v, 5)
        At start, quarter, middle, three quarters and end of each vessel [Pa, m3/s, m2].
    change : (cycles - 1,)
        Of the pressure from each cycle to the next, as ``Scheme.periodic_within`` counts.
    mass_error
        What came in less what went out and what the vessels took up in the last cycle, over what passed the ends.
    """

    names: tuple[str, ...]
    times: FloatArray
    pressure: FloatArray
    flow: FloatArray
    area: FloatArray
    cycles: int
    change: FloatArray
    mass_error: float
    is_periodic: bool
    n_cells: int

    def of(self, name: str) -> int:
        """Position of a vessel."""
        return self.names.index(name)


def solve_network(
    network: Network1D,
    scheme: Scheme = Scheme(),
    progress: Progress = lambda fraction, text: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Solution1D:
    """Solve a network to its periodic state.

    Raises
    ------
    RunError
        ``bad_network`` if it cannot be solved as it is; ``collapsed``, ``supercritical`` or ``no_balance`` where the
        flow cannot go on; ``cancelled``.
    """
    check_network(network)
    run = NetworkRun(network, scheme)
    change: list[float] = []
    before: FloatArray | None = None
    for cycle in range(1, scheme.max_cycles + 1):
        stored, passed = run.volume(), run.passed()
        found = run.cycle(is_cancelled)
        error = run.mass_error(stored, passed)
        middle = found[:, :, 2, 0]
        if before is not None:
            misses = np.sqrt(np.mean((middle - before) ** 2, axis=0)) / np.maximum(
                np.abs(middle).mean(axis=0), np.finfo(float).tiny
            )
            change.append(float(misses.max()))
        done = bool(change) and change[-1] <= scheme.periodic_within
        progress(1.0 if done else cycle / scheme.max_cycles, f"cycle {cycle}")
        if done:
            break
        before = middle.copy()
    return Solution1D(
        names=tuple(vessel.name for vessel in network.vessels),
        times=network.period * np.arange(scheme.samples) / scheme.samples,
        pressure=found[..., 0].copy(),
        flow=found[..., 1].copy(),
        area=found[..., 2].copy(),
        cycles=cycle,
        change=np.array(change),
        mass_error=error,
        is_periodic=bool(change) and change[-1] <= scheme.periodic_within,
        n_cells=int(run.grid.first[-1]),
    )


def solve_networks(
    networks: Sequence[Network1D],
    scheme: Scheme = Scheme(),
    n_threads: int | None = None,
    progress: Progress = lambda fraction, text: None,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> list[Solution1D | RunError]:
    """Solve many networks, a thread each; one that cannot be solved gives its error and does not stop the others."""

    def solved(network: Network1D) -> Solution1D | RunError:
        try:
            return solve_network(network, scheme, is_cancelled=is_cancelled)
        except RunError as error:
            if error.code == "cancelled":
                raise
            return error

    found: list[Solution1D | RunError] = []
    with ThreadPoolExecutor(n_threads or len(os.sched_getaffinity(0))) as pool:
        futures: Iterable[Solution1D | RunError] = pool.map(solved, networks)
        for number, result in enumerate(futures, 1):
            found.append(result)
            progress(number / len(networks), f"{number} of {len(networks)} networks")
    return found


class NetworkRun:
    """A network that is being solved."""

    def __init__(self, network: Network1D, scheme: Scheme) -> None:
        self.network, self.scheme = network, scheme
        self.grid: Grid = grid_of(network, scheme.spacing)
        self.nodes: Nodes = nodes_of(network)
        given, needed = scheme.start_pressure, resting_pressure(network, self.nodes)
        if given is None:
            self.state: State = state_at(network, self.grid, self.nodes, needed, needed)
        else:
            self.state = state_at(network, self.grid, self.nodes, given)
        self._cycles = 0

    def cycle(self, is_cancelled: Callable[[], bool] = lambda: False) -> FloatArray:
        """One period further; (samples, v, 5, 3) pressure, flow, area."""
        from solvers.network.one_d.stepping import FINE, PLACES, march

        begin, period, samples = self._cycles * self.network.period, self.network.period, self.scheme.samples
        found = np.zeros((samples, len(self.network.vessels), PLACES, 3))
        limits = np.linspace(0, samples, min(N_PIECES, samples) + 1).astype(int)
        for first, last in pairwise(limits.tolist()):
            if is_cancelled():
                raise RunError("cancelled", "The network was cancelled.", exit_code=ExitCode.CANCELLED)
            times = begin + period * np.arange(first, last) / samples
            end = begin + period * last / samples
            trouble, vessel, cell = march(
                self.grid, self.nodes, self.state, period, times, end, self.scheme.courant, found[first:last]
            )
            if trouble != FINE:
                _give_up(self, int(trouble), int(vessel), int(cell))
        self._cycles += 1
        return found

    def volume(self) -> float:
        """Of all vessels [m3]."""
        return float(self.state.area @ np.repeat(self.grid.dx, np.diff(self.grid.first)))

    def passed(self) -> FloatArray:
        """(n,) what has come in through each node [m3]."""
        return self.state.volume.copy()

    def mass_error(self, stored: float, passed: FloatArray) -> float:
        """Since ``volume()`` and ``passed()`` were these, relative to what passed."""
        came = self.state.volume - passed
        return abs(float(came.sum()) - (self.volume() - stored)) / max(float(np.abs(came).sum()), 1e-300)


def resting_pressure(network: Network1D, nodes: Nodes) -> float:
    """The pressure [Pa] at which the outlets take the mean inflow: where a run starts from, so that it settles soon."""
    flow, conductance, driven = 0.0, 0.0, []
    for node, kind in enumerate(nodes.kind):
        numbers, mean = nodes.numbers[node], float(nodes.tables[nodes.table[node], :-1].mean())
        if kind == FLOW:
            flow += mean
        elif kind == PRESSURE:
            driven.append(mean)
        elif kind in (RESISTANCE, RCR, CORONARY):
            total, behind = {
                RESISTANCE: (numbers[0], numbers[1]),
                RCR: (numbers[0] + numbers[2], numbers[3]),
                CORONARY: (numbers[0] + numbers[2] + numbers[4], numbers[5]),
            }[int(kind)]
            if total > 0.0:
                conductance += 1.0 / total
                flow += behind / total
            else:
                driven.append(behind)
    if driven:
        return float(np.mean(driven))
    if conductance > 0.0:
        return float(flow / conductance)
    return float(np.mean([vessel.p_external for vessel in network.vessels]))


def _give_up(run: NetworkRun, trouble: int, vessel: int, cell: int) -> NoReturn:
    from solvers.network.one_d.stepping import COLLAPSED, SUPERCRITICAL

    when = f"at {float(run.state.clock[0]):.4g} s"
    if trouble in (COLLAPSED, SUPERCRITICAL):
        which, dx = run.network.vessels[vessel], float(run.grid.dx[vessel])
        place = f"vessel {which.name!r}, {1e3 * dx * (cell + 0.5):.3g} mm from its start"
        if trouble == COLLAPSED:
            what = f"The lumen closes in {place}, {when}: check its stiffness, and the pressures behind the outlets."
            raise RunError("collapsed", what, exit_code=ExitCode.DIVERGED)
        what = f"The flow becomes faster than the pulse wave in {place}, {when}: check its radius and the inflow."
        raise RunError("supercritical", what, exit_code=ExitCode.DIVERGED)
    node = node_numbers(run.network)[vessel]
    names = ", ".join(repr(each.name) for each in run.network.vessels if node in (each.start, each.end))
    what = f"No pressure balances the flow at node {node} ({names}), {when}: check radii, stiffness and the inflow."
    raise RunError("no_balance", what, exit_code=ExitCode.DIVERGED)
