"""The compiled time stepping: a second-order finite-volume scheme (MUSCL and Hancock) over all vessels of a network.

docs/theory-reduced.md derives it. In a cell: pressure p and flow Q as straight lines, carried on by half a step with
the equations themselves; at a face: the linear Riemann problem of both sides; then the balance of area and momentum.
Lines of p (not of A) keep a vessel of any taper and stiffness at rest exactly.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from solvers.fem.jit import kernel
from solvers.network.one_d.ends import (
    advance_outlet,
    of_table,
    outlet_relation,
    root_at_flow,
    root_at_relation,
    solve_junction,
)
from solvers.network.one_d.layout import FLOW, PRESSURE, REFLECTION, Grid, Nodes, State

FloatArray = NDArray[np.float64]

FINE, COLLAPSED, SUPERCRITICAL, NO_BALANCE = range(4)
PLACES = 5
"""Where waveforms are kept in a vessel: start, quarter, middle, three quarters, end."""


@kernel
def slope_of(before: float, after: float, large: float) -> float:
    """The slope of a cell from the differences to its neighbors: their mean (Fromm 1968, J. Comput. Phys. 3:176).

    Where the two differ by more than ``large`` the line is kept within twice either (van Leer 1977, J. Comput. Phys.
    23:276): pulse waves are smooth on the cells, and a limiter that is always on clips their peaks.
    """
    mean = 0.5 * (before + after)
    if abs(after - before) <= large:
        return mean
    if before * after <= 0.0:
        return 0.0
    size = min(abs(mean), 2.0 * abs(before), 2.0 * abs(after))
    return size if mean > 0.0 else -size


@kernel
def march(
    grid: Grid,
    nodes: Nodes,
    state: State,
    period: float,
    sample_times: FloatArray,
    end_time: float,
    courant: float,
    found: FloatArray,
) -> tuple[int, int, int]:
    """From the state's time to ``end_time`` [s], by way of ``sample_times``.

    Parameters
    ----------
    sample_times : (k,)
        Not before the state's time, increasing.
    found : (k, v, PLACES, 3)
        Out: pressure, flow and area there and then.

    Returns
    -------
    trouble, vessel, cell
        Of which kind (``FINE`` if none) and where; for ``NO_BALANCE`` the node in the place of the vessel.
    """
    n_cells, n_vessels = grid.first[-1], len(grid.dx)
    n_faces = n_cells + n_vessels
    left_p, left_q = np.zeros(n_faces), np.zeros(n_faces)
    right_p, right_q = np.zeros(n_faces), np.zeros(n_faces)
    mass, momentum, star_p, star_s = np.zeros(n_faces), np.zeros(n_faces), np.zeros(n_faces), np.zeros(n_faces)
    p, root = np.zeros(n_cells), np.zeros(n_cells)
    earlier = np.zeros((n_vessels, PLACES, 3))
    next_sample = 0
    while next_sample < len(sample_times) and sample_times[next_sample] <= state.clock[0]:
        _sample(grid, state, found[next_sample])
        next_sample += 1
    while state.clock[0] < end_time:
        fastest, trouble, vessel, cell = fastest_wave(grid, state, root)
        if trouble != FINE:
            return trouble, vessel, cell
        remaining = end_time - state.clock[0]
        steps = max(1, math.ceil(remaining * fastest / courant))
        dt = remaining / steps
        begin = state.clock[0]
        is_sampled = next_sample < len(sample_times) and sample_times[next_sample] <= begin + dt
        if is_sampled:
            _sample(grid, state, earlier)
        _predict(grid, state, dt, root, p, left_p, left_q, right_p, right_q)
        _faces(grid, left_p, left_q, right_p, right_q, mass, momentum, star_p, star_s)
        trouble, vessel, cell = _meet(
            grid, nodes, state, period, dt, left_p, left_q, right_p, right_q, mass, momentum, star_p, star_s
        )
        if trouble != FINE:
            return trouble, vessel, cell
        _balance(grid, state, dt, mass, momentum, star_p, star_s)
        _relax_walls(grid, state, dt, mass)
        state.clock[2] = state.clock[1]
        state.clock[1] = dt
        state.clock[0] = end_time if steps == 1 else begin + dt
        while is_sampled and next_sample < len(sample_times) and sample_times[next_sample] <= state.clock[0]:
            _sample(grid, state, found[next_sample])
            share = (sample_times[next_sample] - begin) / dt
            found[next_sample] = (1.0 - share) * earlier + share * found[next_sample]
            next_sample += 1
    return FINE, 0, 0


@kernel
def fastest_wave(grid: Grid, state: State, root: FloatArray) -> tuple[float, int, int, int]:
    """The largest (|U| + c) / dx [1/s], and what is wrong with the state where; ``root`` becomes sqrt(A)."""
    fastest = 0.0
    half_density = 0.5 / grid.density
    for v in range(len(grid.dx)):
        largest, lead, least = 0.0, math.inf, math.inf
        start, stop = grid.first[v], grid.first[v + 1]
        for i in range(start, stop):
            s = math.sqrt(state.area[i])
            root[i] = s
            speed = abs(state.flow[i]) / (s * s)
            c = math.sqrt(half_density * grid.stiffness[i] * s)
            largest = max(largest, c + speed)
            lead = min(lead, c - speed)
            least = min(least, s / grid.root[i])
        if not (lead > 0.0 and least > 0.01 and largest < 1e9):
            return _trouble(grid, state, v)
        fastest = max(fastest, largest / grid.dx[v])
    return fastest, FINE, 0, 0


@kernel
def _trouble(grid: Grid, state: State, v: int) -> tuple[float, int, int, int]:
    """What is wrong in a vessel, and in which of its cells."""
    start, stop = grid.first[v], grid.first[v + 1]
    for i in range(start, stop):
        if not state.area[i] > 1e-4 * grid.root[i] ** 2:
            return 0.0, COLLAPSED, v, i - start
    for i in range(start, stop):
        c = math.sqrt(0.5 / grid.density * grid.stiffness[i] * math.sqrt(state.area[i]))
        if not abs(state.flow[i]) < c * state.area[i]:
            return 0.0, SUPERCRITICAL, v, i - start
    return 0.0, SUPERCRITICAL, v, 0


@kernel
def _predict(
    grid: Grid,
    state: State,
    dt: float,
    cell_root: FloatArray,
    p: FloatArray,
    left_p: FloatArray,
    left_q: FloatArray,
    right_p: FloatArray,
    right_q: FloatArray,
) -> None:
    """States at both sides of all faces, half a step on; ``left_*`` are those of the cell to the left of a face."""
    over_density = 1.0 / grid.density
    for v in range(len(grid.dx)):
        start, stop = grid.first[v], grid.first[v + 1]
        external, alpha, friction = grid.p_external[v], grid.alpha[v], grid.friction[v]
        more, more_square = grid.more[v, 0], grid.more[v, 1]
        half, over_dx, rough_p, rough_q = 0.5 * dt, 1.0 / grid.dx[v], grid.rough[v, 0], grid.rough[v, 1]
        for i in range(start, stop):
            p[i] = grid.stiffness[i] * (cell_root[i] - grid.root[i])
        for i in range(start, stop):
            before, after = max(i - 1, start), min(i + 1, stop - 1)
            if before < i < after:
                dp = slope_of(p[i] - p[before], p[after] - p[i], rough_p)
                dq = slope_of(state.flow[i] - state.flow[before], state.flow[after] - state.flow[i], rough_q)
            else:
                dp, dq = p[after] - p[before], state.flow[after] - state.flow[before]
            q, s, face = state.flow[i], cell_root[i], i + v
            pl, pr, ql, qr = p[i] - 0.5 * dp, p[i] + 0.5 * dp, q - 0.5 * dq, q + 0.5 * dq
            sl = grid.face_root[face] + pl / grid.face_stiffness[face]
            sr = grid.face_root[face + 1] + pr / grid.face_stiffness[face + 1]
            ul, ur = ql / sl, qr / sr
            mean_area = (sl * sl + sl * sr + sr * sr) / 3.0
            q_rate = -(alpha * (ur * ur - ul * ul) + mean_area * dp * over_density) * over_dx
            q_rate -= (friction / (s * s) + s * s * (more + more_square * abs(q))) * q
            p_rate = -0.5 * grid.stiffness[i] / s * dq * over_dx
            right_p[face], right_q[face] = external + pl + half * p_rate, ql + half * q_rate
            left_p[face + 1], left_q[face + 1] = external + pr + half * p_rate, qr + half * q_rate


@kernel
def _faces(
    grid: Grid,
    left_p: FloatArray,
    left_q: FloatArray,
    right_p: FloatArray,
    right_q: FloatArray,
    mass: FloatArray,
    momentum: FloatArray,
    star_p: FloatArray,
    star_s: FloatArray,
) -> None:
    """What passes the faces inside the vessels."""
    density = grid.density
    for v in range(len(grid.dx)):
        external, alpha = grid.p_external[v], grid.alpha[v]
        for f in range(grid.first[v] + v + 1, grid.first[v + 1] + v):
            stiffness, root = grid.face_stiffness[f], grid.face_root[f]
            sl, sr = root + (left_p[f] - external) / stiffness, root + (right_p[f] - external) / stiffness
            impedance = math.sqrt(0.25 * density * stiffness * (sl + sr))  # rho c
            ul, ur = left_q[f] / (sl * sl), right_q[f] / (sr * sr)
            star_p[f] = 0.5 * (left_p[f] + right_p[f] + impedance * (ul - ur))
            u = 0.5 * (ul + ur + (left_p[f] - right_p[f]) / impedance)
            s = root + (star_p[f] - external) / stiffness
            star_s[f] = s
            mass[f] = s * s * u
            momentum[f] = alpha * mass[f] * u


@kernel
def _meet(
    grid: Grid,
    nodes: Nodes,
    state: State,
    period: float,
    dt: float,
    left_p: FloatArray,
    left_q: FloatArray,
    right_p: FloatArray,
    right_q: FloatArray,
    mass: FloatArray,
    momentum: FloatArray,
    star_p: FloatArray,
    star_s: FloatArray,
) -> tuple[int, int, int]:
    """What passes the ends of the vessels, in the middle of the step."""
    middle = state.clock[0] + 0.5 * dt
    most = 0
    for node in range(len(nodes.kind)):
        most = max(most, nodes.first[node + 1] - nodes.first[node])
    s, kappa, sent = np.empty(most), np.empty(most), np.empty(most)
    stiffness, reference, losses = np.empty(most), np.empty(most), np.zeros((most, 3))
    for node in range(len(nodes.kind)):
        count = nodes.first[node + 1] - nodes.first[node]
        for k in range(count):
            end = nodes.ends[nodes.first[node] + k]
            v, is_end = end // 2, end % 2
            face = (grid.first[v + 1] if is_end else grid.first[v]) + v
            pressure, flow = (left_p[face], left_q[face]) if is_end else (right_p[face], -right_q[face])
            stiffness[k] = grid.face_stiffness[face]
            reference[k] = grid.p_external[v] - stiffness[k] * grid.face_root[face]
            s[k] = (pressure - reference[k]) / stiffness[k]
            kappa[k] = math.sqrt(0.5 * stiffness[k] / grid.density)
            sent[k] = flow / (s[k] * s[k]) + 4.0 * kappa[k] * math.sqrt(s[k])
            _loss_now(nodes, state, end, dt, losses[k])
        ok = True
        if count > 1:
            is_static = count >= nodes.static_from
            ok = solve_junction(count, s, kappa, sent, stiffness, reference, losses, grid.density, is_static)
        else:
            s[0] = _root_at_terminal(
                nodes, state, node, middle, period, dt, s[0], kappa[0], sent[0], stiffness[0], reference[0]
            )
        total = 0.0
        for k in range(count):
            if not (ok and s[k] > 0.0):
                return NO_BALANCE, node, 0
            end = nodes.ends[nodes.first[node] + k]
            v, is_end = end // 2, end % 2
            face = (grid.first[v + 1] if is_end else grid.first[v]) + v
            w = sent[k] - 4.0 * kappa[k] * math.sqrt(s[k])
            out = s[k] * s[k] * w
            if count > 1 and k == count - 1:
                out = -total  # not a drop is lost to rounding
            total += out
            star_s[face], star_p[face] = s[k], reference[k] + stiffness[k] * s[k]
            mass[face] = out if is_end else -out
            momentum[face] = grid.alpha[v] * out * w
            state.through[end, 1] = state.through[end, 0]
            state.through[end, 0] = out
        if count == 1:
            if nodes.kind[node] == FLOW:
                flow = of_table(nodes.tables[nodes.table[node]], middle, period)
                face = (grid.first[v + 1] if is_end else grid.first[v]) + v
                mass[face] = -flow if is_end else flow
                total = -flow
            outside = of_table(nodes.tables[nodes.table[node]], middle, period)
            advance_outlet(nodes.kind[node], nodes.numbers[node], state.memory[node], outside, dt, total)
            state.volume[node] -= total * dt
    return FINE, 0, 0


@kernel
def _loss_now(nodes: Nodes, state: State, end: int, dt: float, loss: FloatArray) -> None:
    """R', K and offset of dp = R' q + K |q| q + offset, with dq/dt by a backward difference of second order."""
    loss[0], loss[1], loss[2] = nodes.losses[end, 0], nodes.losses[end, 1], 0.0
    inertance = nodes.losses[end, 2]
    if inertance > 0.0:
        one = 0.5 * (dt + state.clock[1])
        two = 0.5 * (state.clock[1] + state.clock[2])
        if state.clock[2] > 0.0:
            loss[0] += inertance * (1.0 / one + 1.0 / (one + two))
            loss[2] = inertance * (
                -state.through[end, 0] * (1.0 / one + 1.0 / two) + state.through[end, 1] * one / (two * (one + two))
            )
        elif state.clock[1] > 0.0:
            loss[0] += inertance / one
            loss[2] = -inertance * state.through[end, 0] / one


@kernel
def _root_at_terminal(
    nodes: Nodes,
    state: State,
    node: int,
    middle: float,
    period: float,
    dt: float,
    s: float,
    kappa: float,
    sent: float,
    stiffness: float,
    reference: float,
) -> float:
    kind, numbers = nodes.kind[node], nodes.numbers[node]
    outside = of_table(nodes.tables[nodes.table[node]], middle, period)
    if kind == FLOW:
        return root_at_flow(-outside, s, kappa, sent)
    if kind == PRESSURE:
        return float((outside - reference) / stiffness)
    if kind == REFLECTION:
        rest = 4.0 * kappa * math.sqrt((numbers[1] - reference) / stiffness)
        back = -rest - numbers[0] * (sent - rest)
        c = 0.125 * (sent - back)
        return float((c / kappa) ** 2)
    offset, slope = outlet_relation(kind, numbers, state.memory[node], outside, dt)
    return root_at_relation(offset, slope, s, kappa, sent, stiffness, reference)


@kernel
def _balance(
    grid: Grid,
    state: State,
    dt: float,
    mass: FloatArray,
    momentum: FloatArray,
    star_p: FloatArray,
    star_s: FloatArray,
) -> None:
    """The new area and flow in all cells; friction by the trapezoidal rule."""
    for v in range(len(grid.dx)):
        ratio, friction, over_density = dt / grid.dx[v], 0.5 * dt * grid.friction[v], 1.0 / grid.density
        more, more_square = grid.more[v, 0], grid.more[v, 1]
        for i in range(grid.first[v], grid.first[v + 1]):
            f = i + v
            sl, sr = star_s[f], star_s[f + 1]
            mean_area = (sl * sl + sl * sr + sr * sr) / 3.0
            push = momentum[f + 1] - momentum[f] + mean_area * over_density * (star_p[f + 1] - star_p[f])
            before = state.area[i]
            state.area[i] = before - ratio * (mass[f + 1] - mass[f])
            area = 0.5 * (before + state.area[i])
            drag = friction / area + 0.5 * dt * area * (more + more_square * abs(state.flow[i]))
            state.flow[i] = (state.flow[i] * (1.0 - drag) - ratio * push) / (1.0 + drag)


@kernel
def _relax_walls(grid: Grid, state: State, dt: float, mass: FloatArray) -> None:
    """The viscosity of the walls: dQ/dt = d/dx (D dQ/dx), D = Gamma s / (rho A0), by the trapezoidal rule.

    At the ends Q is what has passed there in the step.
    """
    for v in range(len(grid.dx)):
        start, stop = grid.first[v], grid.first[v + 1]
        if grid.viscosity[start] <= 0.0:
            continue
        n = stop - start
        weight, upper, right = np.zeros(n + 1), np.zeros(n), np.zeros(n)
        for k in range(n + 1):
            # A / rho times the gradient of the viscous pressure Gamma / (A0 s) dA/dt = -Gamma / (A0 s) dQ/dx
            i, j = start + max(k - 1, 0), start + min(k, n - 1)
            diffusivity = grid.viscosity[i] * math.sqrt(state.area[i]) + grid.viscosity[j] * math.sqrt(state.area[j])
            weight[k] = 0.25 * diffusivity / grid.density * dt / grid.dx[v] ** 2
        weight[0] *= 2.0
        weight[n] *= 2.0
        first, last = mass[start + v], mass[stop + v]
        for k in range(n):
            q = state.flow[start + k]
            below = state.flow[start + k - 1] if k > 0 else first
            above = state.flow[start + k + 1] if k < n - 1 else last
            right[k] = q + weight[k] * (below - q) + weight[k + 1] * (above - q)
        right[0] += weight[0] * first
        right[n - 1] += weight[n] * last
        for k in range(n):
            pivot = 1.0 + weight[k] + weight[k + 1]
            if k > 0:
                pivot -= weight[k] * upper[k - 1]
                right[k] += weight[k] * right[k - 1]
            upper[k] = weight[k + 1] / pivot
            right[k] /= pivot
        for k in range(n - 2, -1, -1):
            right[k] += upper[k] * right[k + 1]
        for k in range(n):
            state.flow[start + k] = right[k]


@kernel
def _sample(grid: Grid, state: State, found: FloatArray) -> None:
    for v in range(len(grid.dx)):
        start, n = grid.first[v], grid.first[v + 1] - grid.first[v]
        for place in range(PLACES):
            x = place / (PLACES - 1) * n - 0.5
            k = min(max(math.floor(x), 0), n - 2)
            share, i = x - k, start + k
            root = (1.0 - share) * math.sqrt(state.area[i]) + share * math.sqrt(state.area[i + 1])
            flow_slope = (state.flow[i + 1] - state.flow[i]) / grid.dx[v]
            viscous = 0.5 * (grid.viscosity[i] + grid.viscosity[i + 1]) / root * flow_slope
            p0 = grid.stiffness[i] * (math.sqrt(state.area[i]) - grid.root[i])
            p1 = grid.stiffness[i + 1] * (math.sqrt(state.area[i + 1]) - grid.root[i + 1])
            found[v, place, 0] = grid.p_external[v] + (1.0 - share) * p0 + share * p1 - viscous
            found[v, place, 1] = (1.0 - share) * state.flow[i] + share * state.flow[i + 1]
            found[v, place, 2] = root * root
