"""What closes an outlet, changed: resisting more, storing more, closed, at another heart rate."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from app.case.errors import CaseError
from solvers.contract.openings import (
    CoronaryOutlet,
    Outlet,
    PressureOutlet,
    RcrOutlet,
    ResistanceOutlet,
    SplitOutlet,
    Waveform,
)

FACTORS = (0.01, 100.0)
"""On resistances, compliances and the volume of a beat."""
CLOSED = 1e6
"""Resistance of a closed outlet over its own: a millionth of the flow is none."""


def resisting(outlet: Outlet, factor: float) -> Outlet:
    """An outlet with a multiple of its resistances; CaseError ``bad_outlet``."""
    low, high = FACTORS
    if not (np.isfinite(factor) and low <= factor <= high):
        raise CaseError(
            "bad_outlet",
            f"The resistance behind an outlet can be made {low:g} to {high:g} times its own, not {factor:g} times.",
        )
    return _scaled(outlet, factor)


def storing(outlet: Outlet, factor: float) -> Outlet:
    """An outlet with a multiple of its compliances; CaseError ``bad_outlet``."""
    low, high = FACTORS
    if not (np.isfinite(factor) and low <= factor <= high):
        raise CaseError(
            "bad_outlet",
            f"The compliance behind an outlet can be made {low:g} to {high:g} times its own, not {factor:g} times.",
        )
    if isinstance(outlet, RcrOutlet):
        return replace(outlet, c=factor * outlet.c)
    if isinstance(outlet, CoronaryOutlet):
        return replace(outlet, c_artery=factor * outlet.c_artery, c_muscle=factor * outlet.c_muscle)
    raise CaseError("bad_outlet", f"Outlet {outlet.name} has no compliance that could be changed: it stores no blood.")


def closed(outlet: Outlet) -> Outlet:
    """An outlet that lets next to nothing through: a resistance ``CLOSED`` times its own and no compliance."""
    whole = resistance_of(outlet)
    p_distal = outlet.p_venous if isinstance(outlet, CoronaryOutlet) else getattr(outlet, "p_distal", 0.0)
    return ResistanceOutlet(outlet.patch_id, outlet.name, CLOSED * whole, p_distal, outlet.extension_start)


def resistance_of(outlet: Outlet) -> float:
    """All that resists the mean flow behind an outlet [Pa s/m3]; CaseError ``bad_outlet`` where nothing does."""
    if isinstance(outlet, RcrOutlet):
        return outlet.r_proximal + outlet.r_distal
    if isinstance(outlet, ResistanceOutlet):
        return outlet.resistance
    if isinstance(outlet, CoronaryOutlet):
        return outlet.r_artery + outlet.r_micro + outlet.r_vein
    assert isinstance(outlet, PressureOutlet | SplitOutlet)
    raise CaseError(
        "bad_outlet", f"Outlet {outlet.name} has no resistance that could be changed: it holds a pressure or a share."
    )


def at_pace(outlet: Outlet, pace: float) -> Outlet:
    """An outlet whose own curve, if it has one, runs so many times as fast."""
    if isinstance(outlet, CoronaryOutlet):
        return replace(outlet, p_muscle=paced(outlet.p_muscle, pace))
    if isinstance(outlet, PressureOutlet):
        return replace(outlet, pressure=paced(outlet.pressure, pace))
    return outlet


def paced(curve: Waveform, pace: float, factor: float = 1.0) -> Waveform:
    """A curve that runs so many times as fast, its values times a factor."""
    times, values = np.asarray(curve.t) / pace, np.asarray(curve.values) * factor
    return Waveform(tuple(times.tolist()), tuple(values.tolist()))


def _scaled(outlet: Outlet, factor: float) -> Outlet:
    resistance_of(outlet)
    if isinstance(outlet, RcrOutlet):
        return replace(outlet, r_proximal=factor * outlet.r_proximal, r_distal=factor * outlet.r_distal)
    if isinstance(outlet, CoronaryOutlet):
        resistances = {name: factor * getattr(outlet, name) for name in ("r_artery", "r_micro", "r_vein")}
        return replace(outlet, **resistances)
    assert isinstance(outlet, ResistanceOutlet)
    return replace(outlet, resistance=factor * outlet.resistance)
