"""Stenosis laws and lumped trees: published values, exact circuits, svZeroDSolver."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from solvers.contract.fluid import Fluid
from solvers.contract.openings import CoronaryOutlet, Outlet, PressureOutlet, RcrOutlet, ResistanceOutlet, Waveform
from solvers.network.stenosis import LAWS, Lesion, huo_drop
from solvers.network.stiffness import Stiffness
from solvers.network.tuning_corrected import CorrectedTree, largest_miss, tune_with, waves_of
from solvers.network.vessel_tree import VesselShape, VesselTree, vessel_tree, with_stenosis
from solvers.network.zero_d.build import Options, build
from solvers.network.zero_d.network import Network, Vessel, network
from solvers.network.zero_d.solve import Beat, Inflow, periodic, samples_of, steady
from solvers.network.zero_d.svzerod_format import solve_with_svzerod
from solvers.network.zero_d.tuning import PRESSURE_TOLERANCE, TreeTarget, tune_tree
from solvers.verification.row import Curve, Progress, Row, order_row

FloatArray = NDArray[np.float64]

MMHG = 133.322387415
CGS_PRESSURE, CGS_RESISTANCE = 0.1, 1e5
"""Pa in a dyn/cm2 and Pa s/m3 in a dyn s/cm5."""
CORONARY_BLOOD = Fluid(1060.0, 3.5e-3)
BLOOD = Fluid(1060.0, 4e-3)
YOUNG_TSAI_MMHG = {0.5: (3.362, 16.616), 0.6: (8.630, 45.889), 0.7: (28.301, 159.086)}
"""Drops at 1 and 3 mL/s of a 10 mm lesion in a lumen of 3 mm."""
FFR = {0.4: (2.7938, 6.186, 0.9349), 0.5: (2.5665, 13.004, 0.8631), 0.6: (2.1239, 26.284, 0.7233)} | {
    0.7: (1.4180, 47.460, 0.5004)
}
"""Flow [mL/s], drop [mmHg] and FFR with 95 mmHg before, 5 mmHg in the veins, 90 mmHg / (3 mL/s) behind."""


def _coronary_lesion(reduction: float) -> Lesion:
    return Lesion(1.5e-3, 1.5e-3 * (1.0 - reduction), 0.01)


def check_stenosis_laws(progress: Progress, long: bool) -> list[Row | Curve]:
    """Young and Tsai's law and the closed-loop FFR against tabulated values, the limits of the other laws."""
    rows: list[Row | Curve] = []
    source = "closed form, evaluated independently"
    law = LAWS["young-tsai"]
    for reduction, drops in YOUNG_TSAI_MMHG.items():
        for flow, drop in zip((1e-6, 3e-6), drops, strict=True):
            found = float(law.drop(_coronary_lesion(reduction), CORONARY_BLOOD, flow)) / MMHG
            quantity = f"Young and Tsai, {100 * reduction:.0f} % at {1e6 * flow:.0f} mL/s"
            rows.append(Row("stenosis_laws", quantity, "mmHg", found, drop, 2e-4, source))
    for reduction, (flow, drop, ffr) in FFR.items():
        coefficients = law.coefficients(_coronary_lesion(reduction), CORONARY_BLOOD)
        behind = ResistanceOutlet(0, "hyperemic bed", 30.0 * MMHG * 1e6, 5.0 * MMHG)
        lesion = network([Vessel("lesion", None, coefficients.resistance, coefficients.loss)], [("lesion", behind)])
        inflow = Inflow(Waveform.constant(95.0 * MMHG), is_flow=False)
        state = steady(samples_of(lesion, inflow))
        q, distal = float(state.flow[0, 0]), float(state.pressure_out[0, 0])
        name = f"closed loop, {100 * reduction:.0f} %"
        rows += [
            Row("stenosis_laws", f"{name}: flow", "mL/s", 1e6 * q, flow, 1e-4, source),
            Row("stenosis_laws", f"{name}: drop", "mmHg", 95.0 - distal / MMHG, drop, 2e-4, source),
            Row("stenosis_laws", f"{name}: distal over aortic pressure", "", distal / (95.0 * MMHG), ffr, 1e-4, source),
        ]
    rows.append(_svoned_stenosis())
    long_throat = Lesion(1.5e-3, 1e-3, 10.0)
    exact = 8.0 * CORONARY_BLOOD.viscosity * 10.0 / (np.pi * 1e-12) * 1e-6
    found = huo_drop(long_throat, CORONARY_BLOOD, 1e-6)
    rows.append(Row("stenosis_laws", "Huo, a throat of 10 m", "Pa", found, exact, 2e-3, "Poiseuille"))
    short = Lesion(1.5e-3, 1e-3, 1e-9)
    borda = 0.5 * 1060.0 * (1.0 / short.minimal_area - 1.0 / short.reference_area) ** 2 * 9e-12
    found = huo_drop(short, CORONARY_BLOOD, 3e-6)
    rows.append(Row("stenosis_laws", "Huo, a throat of no length", "Pa", found, borda, 2e-3, "Borda and Carnot"))
    flows = np.linspace(0.0, 4e-6, 41)
    half = _coronary_lesion(0.5)
    rows += [
        Curve(
            *("stenosis_laws", f"drop of 50 % by {one.title}", "flow [mL/s]", "drop [mmHg]"),
            *(tuple(1e6 * flows), tuple(one.drop(half, CORONARY_BLOOD, flows) / MMHG)),
        )
        for one in LAWS.values()
    ]
    return rows


def _svoned_stenosis() -> Row:
    """A tube of 10 cm2 with a stretch of 5 cm2 as svOneDSolver has it (its test tube_stenosis_r), in cgs units."""
    blood = Fluid(1.06, 0.04)
    wide, narrow = math.sqrt(10.0 / math.pi), math.sqrt(5.0 / math.pi)
    tube = 8.0 * math.pi * 0.04 * 10.0 / 10.0**2
    throat = LAWS["young-tsai"].coefficients(Lesion(wide, narrow, 10.0), blood)
    tree = network(
        [Vessel("a", None, tube), Vessel("b", "a", throat.resistance, throat.loss), Vessel("c", "b", tube)],
        [("c", ResistanceOutlet(0, "outlet", 100.0))],
    )
    state = steady(samples_of(tree, Inflow(Waveform.constant(100.0))))
    found, source = float(state.pressure_in[0, 0]), "svOneDSolver's test tube_stenosis_r"
    return Row("stenosis_laws", "stenosed tube, inlet pressure", "dyn/cm2", found, 10150.68211, 1e-8, source)


def check_zero_d(progress: Progress, long: bool) -> list[Row]:
    """Lumped trees: exact circuits, svOneDSolver's steady values, order in time, and svZeroDSolver on random trees."""
    rows = _circuits() + _tubes()
    progress(0.2, "Order in time")
    rows += _windkessel() + _order()
    progress(0.4, "Against svZeroDSolver")
    for number in range(12 if long else 3):
        rows += _against_svzerod(number)
    progress(0.7, "Tuning")
    return rows + _tuned(50 if long else 4) + _tuned_on_waves(50 if long else 2)


def _row(quantity: str, value: float, reference: float, gate: float = 1e-9, source: str = "exact circuit") -> Row:
    return Row("zero_d", quantity, "", value, reference, gate, source)


def _ended(vessels: list[Vessel], outlets: list[Outlet], flow: float) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Flow and pressures at both ends of the vessels, in their order, in steady flow."""
    parents = {vessel.parent for vessel in vessels}
    ends = [vessel.name for vessel in vessels if vessel.name not in parents]
    tree = network(vessels, list(zip(ends, outlets, strict=True)))
    state = steady(samples_of(tree, Inflow(Waveform.constant(flow))))
    return state.flow[0], state.pressure_in[0], state.pressure_out[0]


def _circuits() -> list[Row]:
    """Values that follow from Ohm's and Kirchhoff's laws; in any units."""
    coronary = CoronaryOutlet(0, "o", Waveform.constant(0.0), 100.0, 1e-4, 100.0, 1e-4, 100.0, 0.0)
    _, first, last = _ended([Vessel("a", None, 100.0)], [coronary], 5.0)
    rows = [_row("coronary outlet, P in", first[0], 2000.0), _row("coronary outlet, P out", last[0], 1500.0)]
    _, first, _ = _ended([Vessel("a", None, 100.0, 100.0)], [ResistanceOutlet(0, "o", 100.0, 100.0)], 5.0)
    rows.append(_row("stenosis before a resistance, P in", first[0], 3600.0))
    losses = [Vessel("trunk", None, 300.0), Vessel("j1", "trunk", 100.0), Vessel("j2", "trunk", 200.0)]
    vessels = [*losses, Vessel("one", "j1", 300.0), Vessel("two", "j2", 300.0)]
    outlets: list[Outlet] = [ResistanceOutlet(0, "o1", 100.0, 50.0), ResistanceOutlet(0, "o2", 1000.0, 200.0)]
    flow, first, _ = _ended(vessels, outlets, 5.0)
    rows += [
        _row("losses in a junction, flow of a daughter", flow[3], 3.825),
        _row("losses in a junction, P in", first[0], 3462.5),
    ]
    square = [Vessel("a", None, 0.0, 4.0)]
    tree = network(square, [("a", PressureOutlet(0, "o", Waveform.constant(10.0)))])
    state = steady(samples_of(tree, Inflow(Waveform.constant(110.0), is_flow=False)))
    return [*rows, _row("quadratic loss between two pressures, flow", float(state.flow[0, 0]), 5.0)]


def tube(length: float, radius: float) -> VesselShape:
    """A straight vessel."""
    s = np.linspace(0.0, length, 21)
    return VesselShape("tube", None, "tube", 0.0, s, np.full(21, radius))


def _tubes() -> list[Row]:
    """From shapes to pressures: svOneDSolver's steady tube, a tapering, and total pressure at a junction."""
    source = "svOneDSolver's steady tests (test_integration.py)"
    flow, behind = 1e-4, ResistanceOutlet(0, "outlet", 100.0 * CGS_RESISTANCE)
    shape = tube(0.1, math.sqrt(1e-4 / math.pi))
    plain = Options("static")
    tree = build(VesselTree((shape,)), {"tube": behind}, BLOOD, options=plain)
    state = steady(samples_of(tree, Inflow(Waveform.constant(flow))))
    rows = [_row("straight tube, P in", state.pressure_in[0, 0] / CGS_PRESSURE, 11005.30965, 1e-8, source)]
    s = np.linspace(0.0, 0.1, 2001)
    r = 5e-3 - 0.03 * s
    taper = VesselTree((VesselShape("tube", None, "tube", 0.0, s, r),))
    exact = 8.0 * 4e-3 / (3.0 * 0.03 * np.pi) * (2e-3**-3 - 5e-3**-3) * 1e-6
    bernoulli = 0.5 * 1060.0 * ((1e-6 / (np.pi * 2e-3**2)) ** 2 - (1e-6 / (np.pi * 5e-3**2)) ** 2)
    for options, reference in ((plain, exact), (Options("total"), exact + bernoulli)):
        tree = build(taper, {"tube": PressureOutlet(0, "o", Waveform.constant(0.0))}, BLOOD, options=options)
        state = steady(samples_of(tree, Inflow(Waveform.constant(1e-6))))
        what = f"tapering tube, drop of {options.junctions} pressure"
        rows.append(_row(what, state.pressure_in[0, 0], reference, 1e-5, "Poiseuille in every section, Bernoulli"))
    trunk, half = tube(0.05, 4e-3), tube(0.05, 3e-3)
    fork = VesselTree((trunk, replace(half, name="a", parent="tube"), replace(half, name="b", parent="tube")))
    closed: dict[str, Outlet] = {name: PressureOutlet(0, name, Waveform.constant(0.0)) for name in ("a", "b")}
    tree = build(fork, closed, BLOOD, options=Options("total"))
    state = steady(samples_of(tree, Inflow(Waveform.constant(2e-5))))
    kinetic = 0.5 * 1060.0 * np.array([(2e-5 / (np.pi * 4e-3**2)) ** 2, (1e-5 / (np.pi * 3e-3**2)) ** 2])
    jump = float(state.pressure_out[0, 0] - state.pressure_in[0, 1])
    return [
        *rows,
        _row("total pressure over a fork, static jump", jump, float(kinetic[1] - kinetic[0]), 1e-9, "Bernoulli"),
    ]


def _windkessel() -> list[Row]:
    """Its impedance as the stepping has it, with the carotid's values of Boileau et al. 2015."""
    period, steps = 1.1, 2048
    times = np.linspace(0.0, period, 128, endpoint=False)
    curve = Waveform(tuple(times.tolist()), tuple(np.cos(2.0 * np.pi * times / period).tolist()))
    outlet = RcrOutlet(0, "o", 2.4875e8, 1.7529e-10, 1.8697e9, 0.0)
    beat = periodic(network([Vessel("a", None, 0.0)], [("a", outlet)]), Inflow(curve, period), steps)
    turn = np.exp(-2j * np.pi * (np.arange(steps) + 1.0) / steps)
    z = 2.0 / steps * complex((beat.pressure_in[:, 0] * turn).sum())
    source = "closed form; carotid values of Boileau et al. 2015"
    phase = float(np.degrees(np.angle(z)))
    return [
        _row("Windkessel impedance, magnitude", abs(z), 1.021973e9, 1e-4, source),
        Row("zero_d", "Windkessel impedance, phase", "degree", phase, -49.4926, 0.01, source, is_absolute=True),
    ]


def _order() -> list[Row]:
    """Order of the stepping in time on a tree with every element, against a fine step."""
    tree, inflow = random_case(1)
    fine = periodic(tree, inflow, 8192)
    errors = []
    for steps in (512, 1024):
        beat = periodic(tree, inflow, steps)
        reference = fine.pressure_in[8192 // steps - 1 :: 8192 // steps]
        errors.append(float(np.sqrt(np.mean((beat.pressure_in - reference) ** 2))))
    return [order_row("zero_d", "order of a beat in time", math.log2(errors[0] / errors[1]), 2.0, 1.9, "BDF2")]


def random_case(seed: int, n_vessels: int = 20) -> tuple[Network, Inflow]:
    """A random arterial tree with Windkessels, walls that give way, a stenosis, and a heart's inflow."""
    tree, outlets, inflow = random_tree(seed, n_vessels)
    rng = np.random.default_rng(seed)
    tree = with_stenosis(tree, tree.ends[0], float(rng.uniform(0.3, 0.6)), 0.5)
    return build(tree, outlets, BLOOD, Stiffness("wave_speed", 6.0), Options("static")), inflow


def random_tree(seed: int, n_vessels: int = 20) -> tuple[VesselTree, dict[str, Outlet], Inflow]:
    """Shapes, outlets and inflow of a random binary tree: daughters by Murray's law, 5 L/min and about 93 mmHg."""
    rng = np.random.default_rng(seed)
    radii, parents = [float(rng.uniform(8e-3, 13e-3))], [-1]
    open_ends = [0]
    while len(radii) + 2 <= n_vessels + 1:
        mother = open_ends.pop(int(np.argmax([radii[k] for k in open_ends])))
        share = float(rng.uniform(0.3, 0.7))
        for part in (share, 1.0 - share):
            open_ends.append(len(radii))
            parents.append(mother)
            radii.append(radii[mother] * part ** (1.0 / 3.0))
    shapes = []
    for number, (radius, mother) in enumerate(zip(radii, parents, strict=True)):
        s = np.linspace(0.0, float(rng.uniform(3.0, 12.0)) * radius, 21)
        profile = radius * (1.0 - float(rng.uniform(0.0, 0.15)) * s / s[-1])
        parent = None if mother < 0 else f"v{mother}"
        shapes.append(VesselShape(f"v{number}", parent, f"v{number}", 0.0, s, profile))
    tree = vessel_tree(shapes)
    period = float(rng.uniform(0.6, 1.1))
    times = np.linspace(0.0, period, 100, endpoint=False)
    ejected = np.where(times < 0.35 * period, np.sin(np.pi * times / (0.35 * period)) ** 2, 0.0)
    flow = ejected * (8.3e-5 / ejected.mean())
    weight = np.array([radii[int(name[1:])] ** 3 for name in tree.ends])
    outlets: dict[str, Outlet] = {}
    for name, share in zip(tree.ends, weight / weight.sum(), strict=True):
        total = 93.0 * MMHG / (8.3e-5 * share)
        outlets[name] = RcrOutlet(0, name, 0.06 * total, 1.4 / total, 0.94 * total, 0.0)
    return tree, outlets, Inflow(Waveform(tuple(times.tolist()), tuple(flow.tolist())), period)


def random_target(seed: int) -> tuple[Network, Inflow, TreeTarget]:
    """A random tree of about 20 vessels with walls by Olufsen's law, and pressures and shares that it shall meet."""
    tree, outlets, inflow = random_tree(seed)
    rng = np.random.default_rng(1000 + seed)
    diastolic, pulse = float(rng.uniform(55.0, 95.0)), float(rng.uniform(30.0, 60.0))
    weight = np.array([tree.vessel(end).radius[0] ** 3 for end in tree.ends]) * rng.uniform(0.8, 1.2, len(tree.ends))
    shares = dict(zip(tree.ends, (weight / weight.sum()).tolist(), strict=True))
    mean = diastolic + pulse * float(rng.uniform(0.33, 0.42))
    target = TreeTarget((diastolic + pulse) * MMHG, diastolic * MMHG, shares, mean * MMHG)
    return build(tree, outlets, BLOOD, Stiffness("olufsen"), Options("static")), inflow, target


def _tuned(count: int) -> list[Row]:
    """Random trees tuned to random pressures and shares: how many meet all, and what those that do not leave."""
    met, worst_share, unexplained = 0, 0.0, 0
    for seed in range(count):
        network, inflow, target = random_target(seed)
        tuned = tune_tree(network, inflow, target)
        met += not tuned.misses
        worst_share = max(worst_share, *(abs(tuned.shares[end] - share) for end, share in target.shares.items()))
        off = max(abs(tuned.reached[0] - target.systolic), abs(tuned.reached[1] - target.diastolic))
        unexplained += off > PRESSURE_TOLERANCE and not any(
            "over the beat" in miss or "walls store" in miss for miss in tuned.misses
        )
    source = "the targets themselves: 2 mmHg and 2 %"
    return [
        Row(
            "zero_d",
            f"of {count} random trees, tuned to all their targets",
            "",
            met,
            count,
            0.25,
            source,
            is_least=True,
        ),
        Row("zero_d", "tuned trees that miss without a reason", "", unexplained, 0.0, 0.0, source, True),
        Row("zero_d", "tuned shares, largest difference", "", worst_share, 0.0, 0.02, source, True),
    ]


def tune_on_waves(seed: int) -> CorrectedTree:
    """A random tree tuned to its random target on 0D and corrected on 1D."""
    shapes, _, _ = random_tree(seed)
    network, inflow, target = random_target(seed)
    assert target.mean is not None
    waves = waves_of(shapes, inflow, BLOOD, Stiffness("olufsen"), target.mean, junctions="static")
    return tune_with(network, inflow, target, waves)


def _tuned_on_waves(count: int) -> list[Row]:
    """The same trees tuned on 0D and corrected on 1D: how many meet all in 1D, and what those that do leave at most."""
    met, worst, corrections = 0, 0.0, 0
    for seed in range(count):
        tuned = tune_on_waves(seed)
        if not tuned.misses:
            met, worst = met + 1, max(worst, largest_miss(tuned.goals))
            corrections = max(corrections, tuned.n_corrections)
    source = "the targets themselves: 2 mmHg and 2 %"
    what = f"of {count} random trees, tuned on 0D and corrected on 1D, met in 1D"
    return [
        Row("zero_d", what, "", met, count, 0.25, source, is_least=True),
        Row(
            "zero_d",
            f"largest miss of those in bands, after {corrections} corrections at most",
            "",
            worst,
            0.0,
            1.0,
            source,
            True,
        ),
    ]


def _against_svzerod(seed: int) -> list[Row]:
    """The largest differences over a beat of all vessels, relative to the largest values."""
    tree, inflow = random_case(seed, 8)
    steps = 512
    ours = periodic(tree, inflow, steps)
    theirs = solve_with_svzerod(tree, inflow, steps, 40)
    source = "svZeroDSolver, 40 beats of 512 steps"
    return [
        Row(
            "zero_d",
            f"tree {seed}, {what}: largest difference",
            "",
            _apart(ours, theirs, attribute),
            0.0,
            2e-3,
            source,
            True,
        )
        for what, attribute in (("pressure", "pressure_in"), ("flow", "flow_out"))
    ]


def _apart(one: Beat, other: Beat, attribute: str) -> float:
    a, b = getattr(one, attribute), getattr(other, attribute)
    return float(np.abs(a - b).max() / np.abs(b).max())
