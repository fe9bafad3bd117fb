"""Steady flow through junctions and stenoses in one dimension, and the balance of volume over a cycle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from solvers.contract.openings import Inlet, PressureOutlet, RcrOutlet, ResistanceOutlet, Waveform
from solvers.network.one_d.network import Network1D, Stenosis, Terminal, Vessel1D
from solvers.network.one_d.solver import Scheme, Solution1D, solve_network
from solvers.network.stenosis import Lesion
from solvers.verification.row import Progress, Row

SVONE = "svOneDSolver, test_integration.py"
CGS_PRESSURE, CGS_RESISTANCE = 0.1, 1e5
"""Pa in a dyn/cm2, and Pa s/m3 in a dyn s/cm5."""
STIFF = 4.0 / 3.0 * 1e9 * CGS_PRESSURE
"""Pa: E h / r0 = 1e9 dyn/cm2, which svOneDSolver's tests take: the tubes are as good as rigid."""


def _tube(name: str, start: int, end: int, length_cm: float, area_cm2: float) -> Vessel1D:
    radius = float(np.sqrt(area_cm2 / np.pi)) * 1e-2
    return Vessel1D(name, start, end, 1e-2 * length_cm, (radius, radius), (STIFF, STIFF))


def _inlet(flow_ml_s: float) -> Terminal:
    return Terminal(0, Inlet(0, "inlet", Waveform.constant(1e-6 * flow_ml_s)))


def _outlet(node: int, resistance: float, behind: float = 0.0) -> Terminal:
    condition = ResistanceOutlet(0, f"outlet {node}", resistance * CGS_RESISTANCE, behind * CGS_PRESSURE)
    return Terminal(node, condition)


def settled(network: Network1D, long: bool) -> Solution1D:
    """Steady, from rest."""
    scheme = Scheme(5e-3 if long else 1e-2, samples=10, max_cycles=60, periodic_within=1e-10)
    return solve_network(network, scheme)


def check_junctions(progress: Progress, long: bool) -> list[Row]:
    """Steady flow in stiff tubes: a straight one, a stenosis between two, a fork into resistances or pressures."""
    rows: list[Row] = []

    def add(what: str, pressure: float, reference: float, source: str = SVONE) -> None:
        value = pressure / CGS_PRESSURE
        rows.append(Row("junctions", what, "dyn/cm2", value, reference, 1e-5, source))

    straight = Network1D((_tube("tube", 0, 1, 10.0, 1.0),), (_inlet(100.0), _outlet(1, 100.0)), 0.1, junctions="static")
    found = settled(straight, long)
    add("straight tube, inlet", found.pressure[-1, 0, 0], 11005.30965)
    add("straight tube, outlet", found.pressure[-1, 0, 4], 10000.0)
    behind = replace(straight, terminals=(_inlet(100.0), _outlet(1, 100.0, 1000.0)))
    found = settled(behind, long)
    add("the same on 1000 dyn/cm2, inlet", found.pressure[-1, 0, 0], 12005.30965)
    progress(0.3, "straight tube")

    narrow = Stenosis("before", Lesion(float(np.sqrt(1e-3 / np.pi)), float(np.sqrt(5e-4 / np.pi)), 0.1), "young-tsai")
    tubes = (_tube("before", 0, 1, 10.0, 10.0), _tube("behind", 1, 2, 10.0, 10.0))
    found = settled(Network1D(tubes, (_inlet(100.0), _outlet(2, 100.0)), 0.1, stenoses=(narrow,)), long)
    add("tube with a stenosis, inlet", found.pressure[-1, 0, 0], 10150.68211)
    add("tube with a stenosis, outlet", found.pressure[-1, 1, 4], 10000.0)
    artery = tuple(_tube(name, k, k + 1, 1.0, np.pi * 0.15**2) for k, name in enumerate(("before", "behind")))
    half = Stenosis("before", Lesion(1.5e-3, 0.75e-3, 0.01), "young-tsai")
    found = settled(Network1D(artery, (_inlet(1.0), _outlet(2, 1e4)), 0.1, 1060.0, 3.5e-3, (half,)), long)
    tubes_alone = 2.0 * 8.0 * np.pi * 3.5e-3 * 0.01 * 1e-6 / (np.pi * 1.5e-3**2) ** 2
    drop = float(found.pressure[-1, 0, 0] - found.pressure[-1, 1, 4] - tubes_alone) / 133.322
    source = "Young & Tsai 1973, Kv 32 (0.83 Ls + 1.64 Ds) (A0/As)^2 / D0, Kt 1.52"
    rows.append(Row("junctions", "stenosis of 50 % in a 3 mm artery, 1 mL/s, drop", "mmHg", drop, 3.362, 1e-3, source))
    progress(0.5, "stenosis")

    fork = (
        _tube("aorta", 0, 1, 8.6, 2.32352192659501),
        _tube("left", 1, 2, 8.5, 1.13097335529233),
        _tube("right", 1, 3, 8.5, 1.13097335529233),
    )
    ends = (_inlet(7.985), _outlet(2, 991.36), _outlet(3, 991.36))
    static = Network1D(fork, ends, 0.1, junctions="static")
    found = settled(static, long)
    add("fork into resistances, inlet", found.pressure[-1, 0, 0], 3997.46433)
    add("fork into resistances, node", found.pressure[-1, 0, 4], 3984.67701)
    add("fork into resistances, outlet", found.pressure[-1, 1, 4], 3958.0048)
    found = settled(replace(static, junctions="total"), long)
    speeds = (7.985 / 2.32352192659501, 0.5 * 7.985 / 1.13097335529233)
    gain = 0.5 * 1.06 * (speeds[1] ** 2 - speeds[0] ** 2)
    add("the same with total pressure, inlet", found.pressure[-1, 0, 0], 3997.46433 + gain, f"{SVONE}, Bernoulli")
    held = Waveform.constant(4000.0 * CGS_PRESSURE)
    closed = tuple(Terminal(node, PressureOutlet(0, f"outlet {node}", held)) for node in (2, 3))
    softer = tuple(  # steady sooner: only friction slows the flow down
        replace(vessel, beta=(0.01 * STIFF, 0.01 * STIFF), p_external=4000.0 * CGS_PRESSURE) for vessel in fork
    )
    pressed = replace(static, vessels=softer, terminals=(_inlet(7.985), *closed), period=1.0)
    found = settled(pressed, long)
    add("fork into pressures, inlet", found.pressure[-1, 0, 0], 4039.45953)
    add("fork into pressures, node", found.pressure[-1, 0, 4], 4026.67221)
    flow = 1e6 * float(found.flow[-1, 1, 4])
    rows.append(Row("junctions", "fork into pressures, flow of a daughter", "mL/s", flow, 3.9925, 1e-8, SVONE))
    progress(1.0, "fork")
    return rows


def check_volume(progress: Progress, long: bool) -> list[Row]:
    """Volume that comes in, goes out and is stored in a cycle of a fork with Windkessels, tapered and viscoelastic."""
    t = np.linspace(0.0, 1.0, 41)[:-1]
    flow = 1e-5 * (1.0 + np.sin(2.0 * np.pi * t) + 0.5 * np.cos(4.0 * np.pi * t))
    vessels = (
        Vessel1D("parent", 0, 1, 0.1, (5e-3, 4.5e-3), (4e4, 5e4), 0.6, 9.0),
        Vessel1D("left", 1, 2, 0.08, (3e-3, 2e-3), (6e4, 8e4), 0.6, 2.0),
        Vessel1D("right", 1, 3, 0.11, (4e-3, 3e-3), (6e4, 8e4), 0.0, 2.0),
    )
    ends = (
        Terminal(0, Inlet(0, "inlet", Waveform(tuple(t.tolist()), tuple(flow.tolist())))),
        *(Terminal(node, RcrOutlet(0, f"outlet {node}", 1e8, 1e-9, 2e9, 1e4)) for node in (2, 3)),
    )
    found = solve_network(Network1D(vessels, ends, 1.0), Scheme(5e-3, max_cycles=3))
    source = "conservation"
    return [Row("volume", "imbalance of a cycle", "", found.mass_error, 0.0, 1e-12, source, is_absolute=True)]
