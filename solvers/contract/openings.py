"""The openings of a vessel in a run's spec: what flows in, and what closes each outlet."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass, field
from typing import Any, Literal

Point = tuple[float, float, float]
InletProfile = Literal["parabolic", "blunt", "plug", "womersley", "mapped"]


def quantity(unit: str, low: float, high: float, meaning: str, default: Any = dataclasses.MISSING) -> Any:
    """A dataclass field that declares a number: its unit, its bounds (both allowed) and what it means."""
    return field(default=default, metadata={"unit": unit, "low": low, "high": high, "meaning": meaning})


@dataclass(frozen=True)
class Waveform:
    """A quantity over one period: ``values`` (SI) at the times ``t`` [s], repeated for ever, smooth in between.

    One sample means a constant. Otherwise at least four, at increasing times from 0 up to the period; a sample at the
    period itself must repeat the first.
    """

    t: tuple[float, ...]
    values: tuple[float, ...]

    @staticmethod
    def constant(value: float) -> Waveform:
        """The waveform that never changes."""
        return Waveform((0.0,), (value,))

    def problem(self, period: float) -> str | None:
        """What is wrong with it, as the end of a sentence, or None."""
        if len(self.t) != len(self.values) or not self.t:
            return f"has {len(self.t)} times but {len(self.values)} values; give one value for each time"
        if not all(math.isfinite(number) for number in (*self.t, *self.values)):
            return "contains a number that is not finite; give every sample a number"
        if len(self.t) == 1:
            return None
        if len(self.t) < 4:
            return f"has only {len(self.t)} samples; give one for a constant, or at least four"
        if any(after <= before for before, after in zip(self.t, self.t[1:], strict=False)):
            return "has times that do not increase; sort its samples and remove repeated ones"
        if self.t[0] < 0 or self.t[-1] > period * (1 + 1e-9):
            return f"has times outside 0 to {period:g} s; give samples over one period"
        largest = max(abs(value) for value in self.values)
        if self.t[-1] > period * (1 - 1e-9) and abs(self.values[-1] - self.values[0]) > 1e-3 * largest:
            return "does not close: its value at the end of the period differs from that at its start"
        return None


@dataclass(frozen=True)
class MeasuredProfile:
    """A file of measured velocities beside the spec (solvers/flow/measured.py says what it holds).

    Attributes
    ----------
    is_registered
        Whether the measured points are moved, turned and scaled so that their centroid, plane and extent become those
        of the cap; otherwise they must lie on the cap already.
    """

    path: str
    sha256: str
    is_registered: bool = True


@dataclass(frozen=True)
class Inlet:
    """A cap through which a prescribed flow enters.

    Attributes
    ----------
    profile
        ``parabolic`` (the developed steady profile of a cap of any shape), ``blunt`` (flat with a boundary layer),
        ``plug`` (flat), ``womersley`` (the developed pulsatile profile of a cap of any shape), ``mapped`` (the
        measured velocities of ``measured``, brought to the prescribed flow).
    flow
        Volume flow into the vessel [m3/s].
    extension_start
        Center [m] of the section where the anatomy ends and the artificial flow extension begins, if there is one:
        the wall between there and the cap is left out of the indices.
    share
        Which part of an inflow that several inlets divide ``flow`` is (nothing is scaled by it); 1: one of its own.
    """

    patch_id: int
    name: str
    flow: Waveform
    profile: InletProfile = "blunt"
    extension_start: Point | None = None
    measured: MeasuredProfile | None = None
    share: float = quantity("", 1e-6, 1.0, "part of a common inflow", 1.0)


@dataclass(frozen=True)
class PressureInlet:
    """A cap at a prescribed pressure [Pa] through which fluid shall enter, straight across the cap.

    The flow is free, but what enters has the ``profile``: at a pressure alone, a profile is not stable.
    """

    patch_id: int
    name: str
    pressure: Waveform
    profile: Literal["parabolic", "blunt", "plug"] = "parabolic"
    extension_start: Point | None = None


@dataclass(frozen=True)
class RcrOutlet:
    """A cap that feeds a Windkessel: ``r_proximal``, then ``c`` to ground beside ``r_distal`` to ``p_distal``."""

    patch_id: int
    name: str
    r_proximal: float = quantity("Pa s/m3", 0.0, 1e13, "proximal resistance")
    c: float = quantity("m3/Pa", 0.0, 1e-5, "compliance")
    r_distal: float = quantity("Pa s/m3", 1e3, 1e14, "distal resistance")
    p_initial: float = quantity("Pa", -2e4, 6e4, "pressure of the compliance at the start")
    p_distal: float = quantity("Pa", -2e4, 4e4, "pressure behind the distal resistance", 0.0)
    extension_start: Point | None = None
    kind: Literal["rcr"] = "rcr"


@dataclass(frozen=True)
class PressureOutlet:
    """A cap at a prescribed pressure [Pa]."""

    patch_id: int
    name: str
    pressure: Waveform
    extension_start: Point | None = None
    kind: Literal["pressure"] = "pressure"


@dataclass(frozen=True)
class ResistanceOutlet:
    """A cap behind a resistance: P = ``resistance`` Q + ``p_distal``."""

    patch_id: int
    name: str
    resistance: float = quantity("Pa s/m3", 0.0, 1e14, "resistance")
    p_distal: float = quantity("Pa", -2e4, 4e4, "pressure behind the resistance", 0.0)
    extension_start: Point | None = None
    kind: Literal["resistance"] = "resistance"


@dataclass(frozen=True)
class CoronaryOutlet:
    """A cap that feeds the heart's own circulation, whose vessels the contracting muscle squeezes.

    ``r_artery``, then ``c_artery`` to ground, ``r_micro``, then ``c_muscle`` to the intramyocardial pressure, then
    ``r_vein`` to ``p_venous`` (Kim et al. 2010, Ann. Biomed. Eng. 38:3195; docs/theory-flow.md).

    Attributes
    ----------
    p_muscle
        Intramyocardial pressure [Pa] over one period: about the pressure in the left ventricle for left coronary
        arteries, a part of it for right ones.
    p_initial
        Pressure of the arterial compliance at the start.
    """

    patch_id: int
    name: str
    p_muscle: Waveform
    r_artery: float = quantity("Pa s/m3", 0.0, 1e14, "resistance of the small arteries")
    c_artery: float = quantity("m3/Pa", 0.0, 1e-6, "compliance of the small arteries")
    r_micro: float = quantity("Pa s/m3", 1e3, 1e14, "resistance of the microcirculation's arterial side")
    c_muscle: float = quantity("m3/Pa", 0.0, 1e-6, "compliance of the vessels in the muscle")
    r_vein: float = quantity("Pa s/m3", 1e3, 1e14, "resistance of its venous side")
    p_initial: float = quantity("Pa", -2e4, 6e4, "pressure of the arterial compliance at the start")
    p_venous: float = quantity("Pa", -2e4, 4e4, "pressure in the right atrium", 0.0)
    extension_start: Point | None = None
    kind: Literal["coronary"] = "coronary"


@dataclass(frozen=True)
class SplitOutlet:
    """A cap through which a given share of the whole inflow leaves, whatever pressure that needs."""

    patch_id: int
    name: str
    share: float = quantity("", 0.0, 1.0, "share of the inflow")
    extension_start: Point | None = None
    kind: Literal["split"] = "split"


Outlet = RcrOutlet | PressureOutlet | ResistanceOutlet | CoronaryOutlet | SplitOutlet
