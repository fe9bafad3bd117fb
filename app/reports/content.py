"""What a report says, as plain data: numbers with units in their names, checks, assumptions, sources."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.workflow.cross_check_result import CrossCheck

CheckState = Literal["met", "missed", "finding", "noted"]

LIMITS_OF_WALL_STRESS = (
    "Absolute wall shear stress from an assumed inflow is uncertain by about half: many teams' results for the same "
    "five intracranial aneurysms spread by 48 % (SD over mean; normalized 18 %; inflow 23 %; Valen-Sendstad "
    "et al., Cardiovasc Eng Technol 2018). Compare places within this case rather than absolute values."
)
LIMITS_OF_PEAK_PRESSURE = (
    "A rigid wall accelerates the whole column of blood at once: pressures while the inflow rises or falls contain "
    "that inertia; means over the beat do not."
)
LIMITS_OF_STEADY_FLOW = (
    "Steady flow at the mean inflow: a pressure loss grows faster than the flow, so a beat's mean drop is larger; "
    "nothing is said of the pulse."
)
LIMITS_OF_LUMEN = (
    "Blood flows only through the lumen that was segmented: what leaves it (a false lumen, small branches) and what "
    "the picture of the scan does not resolve is left out."
)

LIMITS_OF_SURFACE = (
    "Blood flows only through the surface that was imported: how true it is to the patient, and what was left out of "
    "it, this program cannot tell."
)


@dataclass(frozen=True)
class Narrowest:
    """The smallest inscribed radius of a vessel, flow extensions left out, and its distance from the vessel's start."""

    vessel: str
    radius_mm: float
    at_mm: float
    position_mm: tuple[float, float, float]


@dataclass(frozen=True)
class Opening:
    """An inlet or outlet: its number on the page, how wide it is, and what passes through it.

    Pressure drops are from the inlet to here, over the beat and at the instant of the largest inflow; None at the
    inlet, and what only a pulse has is None in steady flow. ``share`` is the part of the inflow that leaves here,
    ``asked_share`` what the outlets were tuned for.
    """

    number: int
    name: str
    kind: str
    is_main: bool
    radius_mm: float
    mean_flow_ml_s: float
    peak_flow_ml_s: float | None
    share: float | None
    asked_share: float | None
    systolic_mmhg: float | None
    diastolic_mmhg: float | None
    mean_mmhg: float
    mean_drop_mmhg: float | None
    peak_flow_drop_mmhg: float | None
    narrowest: Narrowest | None


@dataclass(frozen=True)
class Target:
    """Pressures that the outlets were tuned for, and the opening (by its name on the page) where they shall hold."""

    site: str
    systolic_mmhg: float
    diastolic_mmhg: float


@dataclass(frozen=True)
class Check:
    """Something that was checked: what was found, what it was held against, and how that came out.

    A ``finding`` is a weakness in words; ``noted`` has no limit, it is there to be read.
    """

    name: str
    found: str
    limit: str
    state: CheckState


@dataclass(frozen=True)
class Source:
    """A record that the numbers come from: its id, what made it, and the SHA-256 of its files by name."""

    id: str
    title: str
    made_utc: str
    parameters: Mapping[str, Any]
    sha256: Mapping[str, str]


@dataclass(frozen=True)
class Content:
    """One report.

    Attributes
    ----------
    target
        What the outlets were tuned for; None when they were not.
    heart_rate_bpm, osi_max, osi_p99
        None in steady flow.
    entered
        (name, value with unit) of what was entered for this patient.
    assumptions
        (name, value with unit, source) of every value that was not measured in this patient.
    definitions
        (name, definition) of the quantities on the wall.
    out_of_date
        Sentences on what changed in the case since the numbers were computed; empty when nothing did.
    cross_check
        How the run compares with 1D and 0D models; it has a page of its own.
    answers
        The newest answer of each assessment, as the case keeps it; each has pages of its own.
    """

    title: str
    case_id: str
    made_utc: str
    version: str
    scan: str
    openings: tuple[Opening, ...]
    target: Target | None
    lumen_volume_ml: float
    narrowest: Narrowest
    heart_rate_bpm: float | None
    tawss_pa: Mapping[str, float]
    osi_max: float | None
    osi_p99: float | None
    checks: tuple[Check, ...]
    entered: tuple[tuple[str, str], ...]
    assumptions: tuple[tuple[str, str, str], ...]
    definitions: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    limits: tuple[str, ...]
    out_of_date: tuple[str, ...]
    sources: tuple[Source, ...]
    software: Mapping[str, str]
    cross_check: CrossCheck | None = None
    answers: tuple[Mapping[str, Any], ...] = ()

    @property
    def is_steady(self) -> bool:
        """Whether the flow is steady, with no heart beat."""
        return self.heart_rate_bpm is None

    @property
    def inlet(self) -> Opening:
        """The opening through which the flow enters."""
        return next(opening for opening in self.openings if opening.kind == "inlet")

    @property
    def main_outlet(self) -> Opening:
        """The outlet at the end of the main vessel, else the one with the largest flow."""
        outlets = [opening for opening in self.openings if opening.kind == "outlet"]
        return max(outlets, key=lambda outlet: (outlet.is_main, outlet.mean_flow_ml_s))

    @property
    def missed(self) -> tuple[Check, ...]:
        """The checks that missed their limit."""
        return tuple(check for check in self.checks if check.state == "missed")
