"""Edits of a what-if: each takes a change to the next one, in which what is neutral is left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from app.workflow.parameters import declared
from app.workflow.what_if import Change, Stenosis
from imaging.anatomy.vessel_names import spelled

NEUTRAL = 1.0
HOLDS = ("the inflow", "the pressure at the inlet", "a given pressure")
"""What is held at the inlet."""


@dataclass(frozen=True)
class BranchDials:
    """What can be changed of a branch."""

    percent: float = declared(
        0.0, help="Narrowing of the diameter at its throat", unit="%", minimum=0.0, maximum=95.0, source="as it is"
    )
    position: float = declared(
        50.0, help="Place of the throat along the branch", unit="%", minimum=0.0, maximum=100.0, source="assumption"
    )
    length_mm: float = declared(
        0.0, help="Length of the narrowing; 0: four radii", unit="mm", minimum=0.0, maximum=200.0, source="assumption"
    )
    radius: float = declared(
        1.0, help="Factor on the radius of the whole branch", unit="1", minimum=0.5, maximum=2.0, source="as it is"
    )


@dataclass(frozen=True)
class OutletDials:
    """What can be changed of an outlet."""

    resistance: float = declared(
        1.0, help="Factor on the resistance behind the outlet", unit="1", minimum=0.05, maximum=20.0, source="as it is"
    )
    compliance: float = declared(
        1.0, help="Factor on the compliance behind the outlet", unit="1", minimum=0.05, maximum=20.0, source="as it is"
    )


def branch_dials(change: Change, branch: str) -> BranchDials:
    """How a change has a branch."""
    own = next((one for one in change.stenoses if one.branch == branch), None)
    radius = (change.radii or {}).get(branch, NEUTRAL)
    if own is None:
        return BranchDials(radius=radius)
    return BranchDials(own.percent, 100.0 * own.position, own.length_mm, radius)


def with_branch(change: Change, branch: str, dials: BranchDials) -> Change:
    """A change that has a branch like this; a narrowing of 0 % is none."""
    others = tuple(one for one in change.stenoses if one.branch != branch)
    own = Stenosis(branch, dials.percent, dials.position / 100.0, dials.length_mm)
    stenoses = (*others, own) if dials.percent > 0.0 else others
    return replace(change, stenoses=stenoses, radii=_with(change.radii, branch, dials.radius))


def outlet_dials(change: Change, outlet: str) -> OutletDials:
    """How a change has an outlet."""
    return OutletDials((change.outlets or {}).get(outlet, NEUTRAL), (change.compliances or {}).get(outlet, NEUTRAL))


def with_outlet(change: Change, outlet: str, dials: OutletDials) -> Change:
    """A change that has an outlet like this."""
    return replace(
        change,
        outlets=_with(change.outlets, outlet, dials.resistance),
        compliances=_with(change.compliances, outlet, dials.compliance),
    )


def with_closed(change: Change, outlet: str, is_closed: bool) -> Change:
    """A change with an outlet closed or open."""
    others = tuple(name for name in change.closed if name != outlet)
    return replace(change, closed=(*others, outlet) if is_closed else others)


def held_by(change: Change) -> int:
    """Index into ``HOLDS`` of what a change holds at the inlet."""
    return 2 if change.pressure_mmhg is not None else 1 if change.holds_pressure else 0


def sentences_of(change: Change) -> list[str]:
    """What is changed, a line for each."""
    told = []
    for one in change.stenoses:
        length = f", {one.length_mm:g} mm long" if one.length_mm else ""
        told.append(f"{spelled(one.branch)}: narrowed by {one.percent:g} % at {100 * one.position:g} %{length}")
    told += [f"{spelled(branch)}: radius × {factor:g}" for branch, factor in (change.radii or {}).items()]
    told += [f"behind {spelled(name)}: resistance × {factor:g}" for name, factor in (change.outlets or {}).items()]
    told += [f"behind {spelled(name)}: compliance × {factor:g}" for name, factor in (change.compliances or {}).items()]
    told += [f"{spelled(name)}: closed" for name in change.closed]
    if change.stroke != NEUTRAL:
        told.append(f"volume of a beat × {change.stroke:g}")
    if change.heart_rate_bpm is not None:
        told.append(f"heart rate {change.heart_rate_bpm:g} 1/min, each beat of the same volume")
    if change.pressure_mmhg is not None:
        told.append(f"mean pressure at the inlet held at {change.pressure_mmhg:g} mmHg")
    elif change.holds_pressure:
        told.append("pressure at the inlet held as it is, not the inflow")
    return told


def _with(factors: Mapping[str, float] | None, name: str, factor: float) -> dict[str, float] | None:
    found = {other: value for other, value in (factors or {}).items() if other != name}
    if factor != NEUTRAL:
        found[name] = factor
    return found or None
