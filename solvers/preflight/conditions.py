"""Are the conditions of a run well posed and physiologic? Only the spec and the areas of its openings are needed.

Ranges without a source are marked as assumptions. They are wide: their purpose is to catch a wrong unit or sign, which
changes a number by a factor of 10 or more, not to judge a patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from solvers.contract.spec import (
    CoronaryOutlet,
    Outlet,
    PressureOutlet,
    RcrOutlet,
    ResistanceOutlet,
    RunSpec,
    Waveform,
)
from solvers.preflight.finding import PA_PER_MMHG, Finding

FloatArray = NDArray[np.float64]

ASSUMED = "assumption"
VISCOSITY_MPA_S = (2.0, 10.0)
VISCOSITY_SOURCE = "3 to 4 mPa s at high shear rate, more where it is low: Nichols et al. (2011)"
MAX_INLET_SPEED = 10.0
"""[m/s] of the mean over an inlet; the fastest stenotic jets reach 5 to 7 m/s (assumption)."""
MIN_INLET_SPEED = 1e-3
PRESSURE_MMHG = (5.0, 200.0)
ABSURD_PRESSURE_MMHG = (-50.0, 400.0)
CGS_RESISTANCE = 1e5
"""Pa s/m3 in one dyn s/cm5."""
TURBULENT_REYNOLDS = 4000.0
FEWEST_STEPS = 12
FEW_STEPS = 100


def sampled(waveform: Waveform, period: float, count: int = 512) -> FloatArray:
    """A waveform (count,) at equal times over its period, straight between its samples."""
    t, values = np.array(waveform.t), np.array(waveform.values)
    if len(t) == 1:
        return np.full(count, values[0])
    return np.asarray(np.interp(period * np.arange(count) / count, t, values, period=period))


def inflow(spec: RunSpec) -> FloatArray:
    """Sum (512,) of the prescribed inflows over a cycle [m3/s]."""
    curves = [sampled(inlet.flow, spec.time.period) for inlet in spec.inlets]
    return np.sum(curves, axis=0) if curves else np.zeros(512)


def check_conditions(spec: RunSpec, areas: Mapping[int, float]) -> Iterator[Finding]:
    """Findings about fluid, flows, pressures and time steps; ``areas`` [m2] by patch id may be empty."""
    yield from _fluid(spec)
    yield from _inlets(spec, areas)
    yield from _same_flows(spec, areas)
    yield from _windkessels(spec)
    yield from _pressures(spec)
    yield from _time(spec)


def _fluid(spec: RunSpec) -> Iterator[Finding]:
    low, high = VISCOSITY_MPA_S
    value = 1e3 * spec.fluid.viscosity
    if low <= value <= high:
        return
    is_poise = low <= value / 10.0 <= high
    is_absurd = value < 0.5 or value > 20.0
    hint = " (it looks like poise: 0.035 poise are 3.5 mPa s)" if is_poise else ""
    yield Finding(
        "viscosity_absurd" if is_absurd else "viscosity_unusual",
        "error" if is_absurd else "warning",
        f"The blood's viscosity is {value:g} mPa s{hint}, but blood has {low:g} to {high:g}: correct it.",
        *("viscosity", value, "mPa s", low, high, VISCOSITY_SOURCE),
    )


def _inlets(spec: RunSpec, areas: Mapping[int, float]) -> Iterator[Finding]:
    total = inflow(spec)
    known = spec.inlets
    if known and not spec.pressure_inlets and not np.abs(total).max() > 0.0:
        yield Finding("no_inflow", "error", "No blood flows in at any inlet: give the inflow over a cycle.")
        return
    for inlet in known:
        curve = sampled(inlet.flow, spec.time.period)
        mean, peak = float(curve.mean()), float(np.abs(curve).max())
        if mean < 0.0:
            yield Finding(
                "inflow_sign",
                "error",
                f"The mean flow into inlet {inlet.name!r} is {1e6 * mean:.3g} mL/s, so blood would leave there: turn "
                "the sign of its flow, or make it an outlet.",
                *("mean inflow", 1e6 * mean, "mL/s", 0.0, None, "inflow counts positive into the vessel"),
                patch=inlet.name,
            )
        yield from _gap(inlet.flow, spec.time.period, f"The flow at inlet {inlet.name!r}", inlet.name)
        area = areas.get(inlet.patch_id)
        if area and peak > 0.0:
            yield from _speed(spec, inlet.name, peak, area)


def _speed(spec: RunSpec, name: str, peak: float, area: float) -> Iterator[Finding]:
    speed, radius = peak / area, float(np.sqrt(area / np.pi))
    if not MIN_INLET_SPEED <= speed <= MAX_INLET_SPEED:
        guesses = {"mL/s": 1e-6, "L/min": 1e-3 / 60.0, "mm3/s": 1e-9}
        fits = [unit for unit, factor in guesses.items() if 0.02 <= speed * factor <= 3.0]
        hint = f"; its flow may have been given in {fits[0]}" if fits and speed > MAX_INLET_SPEED else ""
        yield Finding(
            "inflow_units",
            "error" if speed > MAX_INLET_SPEED else "warning",
            f"The peak flow at inlet {name!r} of {1e6 * peak:.3g} mL/s through {1e6 * area:.3g} mm2 means a mean speed "
            f"of {speed:.3g} m/s, which no artery has{hint}: check the units of the flow and of the mesh.",
            *("peak mean speed", speed, "m/s", MIN_INLET_SPEED, MAX_INLET_SPEED, ASSUMED),
            patch=name,
        )
        return
    kinematic = spec.fluid.viscosity / spec.fluid.density
    reynolds = speed * 2.0 * radius / kinematic
    size = f"inlet {name!r} (diameter {2e3 * radius:.1f} mm of the circle of the same area)"
    yield Finding(
        "reynolds",
        "info",
        f"The peak Reynolds number at {size} is {reynolds:.0f}.",
        *("peak Reynolds number of the diameter", reynolds, "", None, TURBULENT_REYNOLDS, ASSUMED),
        patch=name,
    )
    if not spec.time.is_steady:
        womersley = radius * float(np.sqrt(2.0 * np.pi / spec.time.period / kinematic))
        yield Finding(
            "womersley",
            "info",
            f"The Womersley number at {size} is {womersley:.1f}, with its radius.",
            *("Womersley number of the radius", womersley, "", None, None, ""),
            patch=name,
        )
    if reynolds > TURBULENT_REYNOLDS:
        yield Finding(
            "high_reynolds",
            "warning",
            f"The peak Reynolds number at {name} is {reynolds:.0f}: the flow may be disturbed there, and details of it "
            "differ from beat to beat; trust means over the cycle more than single instants.",
            *("peak Reynolds number of the diameter", reynolds, "", None, TURBULENT_REYNOLDS, ASSUMED),
            patch=name,
        )


def _same_flows(spec: RunSpec, areas: Mapping[int, float]) -> Iterator[Finding]:
    """One measured flow put on two inlets: twice the blood."""
    known = spec.inlets
    for index, first in enumerate(known):
        for second in known[index + 1 :]:
            if first.flow != second.flow or not any(first.flow.values):
                continue
            if first.share < 1.0 and second.share < 1.0:  # equal parts of one inflow
                continue
            a, b = areas.get(first.patch_id), areas.get(second.patch_id)
            is_twin = a is not None and b is not None and max(a, b) < 1.2 * min(a, b)
            yield Finding(
                "two_inlets_one_flow",
                "warning" if is_twin else "error",
                f"Inlets {first.name!r} and {second.name!r} have exactly the same flow, so that all of it enters "
                "twice: give each its own, or make one of them an outlet.",
                patch=second.name,
            )


def _gap(waveform: Waveform, period: float, what: str, patch: str) -> Iterator[Finding]:
    """A curve that jumps from its last sample back to its first."""
    if len(waveform.t) < 4:
        return
    span = max(waveform.values) - min(waveform.values)
    gap = period - (waveform.t[-1] - waveform.t[0])
    jump = abs(waveform.values[0] - waveform.values[-1])
    largest = max(abs(after - before) for before, after in zip(waveform.values, waveform.values[1:], strict=False))
    if jump > 0.25 * span and jump > 2.0 * largest and gap < 0.1 * period:
        yield Finding(
            "waveform_open",
            "error",
            f"{what} does not close: from the end of the cycle to its start it jumps by {100.0 * jump / span:.0f} % of "
            "its range; give samples over exactly one period.",
            *("jump over range", jump / span, "1", 0.0, 0.25, ASSUMED),
            patch=patch,
        )


def resistance(outlet: Outlet) -> tuple[float, float]:
    """Whole resistance [Pa s/m3] of an outlet to a steady flow and the pressure [Pa] behind it; 0 if it has none."""
    if isinstance(outlet, RcrOutlet):
        return outlet.r_proximal + outlet.r_distal, outlet.p_distal
    if isinstance(outlet, ResistanceOutlet):
        return outlet.resistance, outlet.p_distal
    if isinstance(outlet, CoronaryOutlet):
        return outlet.r_artery + outlet.r_micro + outlet.r_vein, outlet.p_venous
    return 0.0, 0.0


def _windkessels(spec: RunSpec) -> Iterator[Finding]:
    yield from _resistances(spec)
    outlets = [outlet for outlet in spec.outlets if isinstance(outlet, RcrOutlet)]
    for outlet in outlets:
        cycles = outlet.r_distal * outlet.c / spec.time.period
        if outlet.c > 0.0 and not 0.05 <= cycles <= 30.0:
            is_absurd = not 1e-3 <= cycles <= 1e3
            yield Finding(
                "compliance_absurd" if is_absurd else "compliance_unusual",
                "error" if is_absurd else "warning",
                f"The Windkessel at outlet {outlet.name!r} has a time constant of {cycles:.3g} cycles: "
                + ("it would hardly ever become periodic" if cycles > 1.0 else "it damps no pulse")
                + "; check the units of its resistance and compliance.",
                *("time constant over period", cycles, "1", 0.05, 30.0, ASSUMED),
                patch=outlet.name,
            )
        if outlet.r_proximal > 0.5 * (outlet.r_proximal + outlet.r_distal):
            yield Finding(
                "proximal_resistance",
                "warning",
                f"At outlet {outlet.name!r} most of the resistance lies before the compliance, so that its pressure "
                "would follow the flow like a stiff pipe: give most of it to r_distal.",
                "proximal over total resistance",
                outlet.r_proximal / (outlet.r_proximal + outlet.r_distal),
                *("1", 0.0, 0.5, ASSUMED),
                patch=outlet.name,
            )


def _resistances(spec: RunSpec) -> Iterator[Finding]:
    """All outlets' resistances together beside the mean inflow."""
    mean = float(inflow(spec).mean())
    closed = [resistance(outlet) for outlet in spec.outlets]
    known = [(r, p) for r, p in closed if r > 0.0]
    if not known or len(known) != len(closed) or mean <= 0.0:
        return
    conductance = sum(1.0 / r for r, _ in known)
    distal = sum(p / r for r, p in known) / conductance
    expected = (distal + mean / conductance) / PA_PER_MMHG
    low, high = PRESSURE_MMHG
    if not low <= expected <= high:
        is_cgs = low <= (distal + mean * CGS_RESISTANCE / conductance) / PA_PER_MMHG <= high
        is_absurd = is_cgs or not ABSURD_PRESSURE_MMHG[0] <= expected <= ABSURD_PRESSURE_MMHG[1]
        hint = " (they look like dyn s/cm5, which are 1e5 Pa s/m3)" if is_cgs else ""
        yield Finding(
            "resistance_absurd" if is_absurd else "pressure_unusual",
            "error" if is_absurd else "warning",
            f"With these outlet resistances{hint} the mean inflow of {1e6 * mean:.3g} mL/s needs a mean pressure of "
            f"{expected:.3g} mmHg, outside {low:g} to {high:g}: check the resistances and the flow.",
            *("expected mean pressure", expected, "mmHg", low, high, ASSUMED),
        )
    else:
        yield Finding(
            "mean_pressure",
            "info",
            f"The outlets' resistances and the mean inflow of {1e6 * mean:.3g} mL/s mean a mean pressure of "
            f"{expected:.0f} mmHg behind the vessel.",
            *("expected mean pressure", expected, "mmHg", low, high, ASSUMED),
        )
    if spec.tuning is not None:
        wanted = (spec.tuning.systolic + 2.0 * spec.tuning.diastolic) / 3.0 / PA_PER_MMHG
        if not 0.5 <= expected / wanted <= 2.0:
            yield Finding(
                "resistance_off_target",
                "warning",
                f"The outlets' resistances mean a mean pressure of {expected:.0f} mmHg, but {wanted:.0f} are aimed at: "
                "the run must tune them far.",
                *("expected mean pressure", expected, "mmHg", 0.5 * wanted, 2.0 * wanted, "a third of the pulse (MAP)"),
            )


def _pressures(spec: RunSpec) -> Iterator[Finding]:
    for outlet in spec.outlets:
        if not isinstance(outlet, PressureOutlet):
            continue
        curve = sampled(outlet.pressure, spec.time.period)
        low, high = float(curve.min()) / PA_PER_MMHG, float(curve.max()) / PA_PER_MMHG
        yield from _gap(outlet.pressure, spec.time.period, f"The pressure at outlet {outlet.name!r}", outlet.name)
        if low < ABSURD_PRESSURE_MMHG[0] or high > ABSURD_PRESSURE_MMHG[1]:
            yield Finding(
                "pressure_absurd",
                "error",
                f"The pressure at outlet {outlet.name!r} runs from {low:.3g} to {high:.3g} mmHg, which no vessel has: "
                "check its unit (the spec's is Pa).",
                *("pressure", high, "mmHg", *ABSURD_PRESSURE_MMHG, ASSUMED),
                patch=outlet.name,
            )
        elif 40.0 <= float(curve.max()) <= 250.0 and float(curve.min()) >= 20.0:
            yield Finding(
                "pressure_units",
                "warning",
                f"The pressure at outlet {outlet.name!r} is {high:.2g} mmHg at most: its numbers look like mmHg given "
                "as Pa; convert them (1 mmHg is 133.3 Pa).",
                *("pressure", high, "mmHg", *PRESSURE_MMHG, ASSUMED),
                patch=outlet.name,
            )


def _time(spec: RunSpec) -> Iterator[Finding]:
    is_pulsatile = any(len(inlet.flow.t) > 1 for inlet in spec.inlets)
    steps = spec.time.steps_per_cycle
    if not is_pulsatile or steps >= FEW_STEPS:
        return
    is_absurd = steps < FEWEST_STEPS
    yield Finding(
        "time_step_too_large" if is_absurd else "few_steps",
        "error" if is_absurd else "warning",
        f"{steps} time steps a cycle ({1e3 * spec.time.dt:.3g} ms each) cannot follow the pulse: take at least "
        f"{FEW_STEPS}, better 400 or more.",
        *("steps a cycle", float(steps), "", float(FEW_STEPS), None, ASSUMED),
    )
