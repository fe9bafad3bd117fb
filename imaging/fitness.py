"""Which analyses a scan allows, and why not the others: limits declared once, each with its source or as assumption."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal["yes", "limited", "no"]

VOXELS_ACROSS = 4.0
"""Assumption of this program: below four voxels across a vessel its segmentation is not relied on."""
VOXELS_ACROSS_WELL = 6.0
"""Assumption of this program: from six voxels on, stenoses are measured."""
LEAST_LUMEN_HU = 200.0
"""Assumption: a lumen below it is hard to tell from soft tissue and from calcium."""
LEAST_CONTRAST_TO_NOISE = 5.0
"""Assumption: the Rose criterion (what stands out by five times the noise is seen) applied to a voxel."""
_SOFT_TISSUE_HU = 50.0
"""Assumption: HU of muscle and unenhanced blood."""


@dataclass(frozen=True)
class Analysis:
    """What can be asked of a scan, and what it needs.

    Attributes
    ----------
    vessel_mm : float
        Diameter of the smallest vessel that the analysis is about; the voxel must go into it `VOXELS_ACROSS` times.
    vessel_source : str
        Where that diameter is from.
    coverage_mm : float
        Least length of the scan along the body (an assumption for every analysis).
    thickest_mm : float or None
        Thickest slice that a guideline allows, with ``thickest_source``.
    needs_phases : int
        Heart phases that must be there.
    body_parts : tuple of str
        Values of BodyPartExamined that fit; another stated value makes the verdict ``limited``. Empty: any.
    """

    id: str
    title: str
    vessel_mm: float
    vessel_source: str
    coverage_mm: float
    thickest_mm: float | None = None
    thickest_source: str = ""
    needs_phases: int = 1
    body_parts: tuple[str, ...] = ()


_TAVI = "SCCT 2019 consensus on CT before TAVI (Blanke et al., JACC Cardiovasc Imaging 12:1)"
_CHEST = ("CHEST", "HEART", "CORONARY", "THORAX", "AORTA", "CTA", "ANGIO", "BODY")

ANALYSES: tuple[Analysis, ...] = (
    Analysis(
        "coronary",
        "Coronary arteries",
        3.4,
        "left circumflex, Dodge et al. 1992, Circulation 86:232",
        90.0,
        1.0,
        "assumption: as for the aortic root",
        body_parts=_CHEST,
    ),
    Analysis(
        "carotid",
        "Carotid bifurcation",
        4.66,
        "internal carotid of women, Krejza et al. 2006, Stroke 37:1103",
        80.0,
        body_parts=("NECK", "HEAD", "CAROTID", "SPINE", "CSPINE"),
    ),
    Analysis(
        "intracranial",
        "Intracranial arteries and aneurysms",
        2.71,
        "internal carotid at its end, Baz et al. 2021, Medicina 57:839",
        20.0,
        body_parts=("HEAD", "BRAIN", "NECK", "SKULL"),
    ),
    Analysis(
        "aortic_root",
        "Aortic root and valve planning",
        23.0,
        "assumption: a narrow annulus",
        60.0,
        1.0,
        _TAVI,
        body_parts=_CHEST,
    ),
    Analysis(
        "thoracic_aorta",
        "Thoracic aorta and its branches",
        6.0,
        "assumption: left subclavian and common carotid arteries",
        150.0,
        3.0,
        "assumption",
        body_parts=(*_CHEST, "ABDOMEN"),
    ),
    Analysis(
        "abdominal_aorta",
        "Abdominal aorta and iliac arteries",
        6.0,
        "assumption: renal and external iliac arteries",
        200.0,
        1.5,
        _TAVI,
        body_parts=("ABDOMEN", "PELVIS", "AORTA", "CTA", "ANGIO", "CHEST", "BODY"),
    ),
    Analysis("wall", "Thickness of the wall", 2.0, "assumption: wall of a normal aorta", 20.0),
    Analysis(
        "motion",
        "Motion over the heart beat",
        23.0,
        "assumption: as for the aortic root",
        60.0,
        needs_phases=5,
        body_parts=_CHEST,
    ),
)


@dataclass(frozen=True)
class ScanFigures:
    """What is known of a scan. Lengths in mm; None where it is not known.

    ``in_plane_mm`` is the larger distance between pixels, ``step_mm`` that between slices, ``thickness_mm`` the slice
    thickness of the header, ``coverage_mm`` the extent from the first slice to the last, both included.
    """

    modality: str
    in_plane_mm: float
    step_mm: float
    coverage_mm: float
    thickness_mm: float | None = None
    n_phases: int = 1
    noise_hu: float | None = None
    lumen_hu: float | None = None
    was_looked_at: bool = False
    body_part: str = ""

    @property
    def resolution_mm(self) -> float:
        """The coarsest of pixel, step and slice thickness: what the smallest vessel is held against."""
        return max(self.in_plane_mm, self.step_mm, self.thickness_mm or 0.0)


@dataclass(frozen=True)
class Fitness:
    """Whether a scan allows an analysis; each reason is a sentence with the number and its limit."""

    analysis: Analysis
    state: State
    reasons: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "analysis": self.analysis.id,
            "title": self.analysis.title,
            "state": self.state,
            "reasons": list(self.reasons),
        }


def fitness_of(figures: ScanFigures, refusal: str = "") -> tuple[Fitness, ...]:
    """What a scan allows.

    Parameters
    ----------
    refusal : str
        Why the scan cannot be used at all; then every analysis is refused for it.
    """
    return tuple(_fitness(analysis, figures, refusal) for analysis in ANALYSES)


def _fitness(analysis: Analysis, figures: ScanFigures, refusal: str) -> Fitness:
    if refusal:
        return Fitness(analysis, "no", (refusal,))
    against: list[str] = []
    limits: list[str] = []
    across = analysis.vessel_mm / figures.resolution_mm
    voxel = f"voxels of {figures.resolution_mm:.2f} mm go {across:.1f} times into {analysis.vessel_mm:g} mm"
    if across < VOXELS_ACROSS:
        against.append(f"The {voxel} ({analysis.vessel_source}); at least {VOXELS_ACROSS:g} are needed.")
    elif across < VOXELS_ACROSS_WELL:
        limits.append(
            f"The {voxel} ({analysis.vessel_source}); a stenosis is measured well from {VOXELS_ACROSS_WELL:g} on."
        )
    thick = max(figures.step_mm, figures.thickness_mm or 0.0)
    if analysis.thickest_mm is not None and thick > analysis.thickest_mm * 1.001:
        limits.append(
            f"The slices are {thick:.2f} mm thick, more than {analysis.thickest_mm:g} mm ({analysis.thickest_source})."
        )
    if figures.coverage_mm < analysis.coverage_mm:
        against.append(
            f"The scan is {figures.coverage_mm:.0f} mm long; at least {analysis.coverage_mm:g} mm are needed "
            "(assumption)."
        )
    if figures.n_phases < analysis.needs_phases:
        against.append(
            f"The series has {figures.n_phases} heart phase; at least {analysis.needs_phases} are needed (assumption)."
        )
    against_enhancement, limit_enhancement = _enhancement(figures)
    against += against_enhancement
    limits += limit_enhancement
    part = figures.body_part.upper()
    if part and analysis.body_parts and not any(word in part for word in analysis.body_parts):
        limits.append(f"The header says that the body part is {part[:24]}.")
    return Fitness(analysis, "no" if against else "limited" if limits else "yes", (*against, *limits))


def _enhancement(figures: ScanFigures) -> tuple[list[str], list[str]]:
    if not figures.was_looked_at:
        return [], []
    if figures.lumen_hu is None:
        return ["No lumen enhanced to 150 HU or more was found (estimated from some slices)."], []
    limits = []
    if figures.lumen_hu < LEAST_LUMEN_HU:
        limits.append(
            f"The lumen is enhanced to about {figures.lumen_hu:.0f} HU; {LEAST_LUMEN_HU:g} HU are wanted (assumption)."
        )
    if figures.noise_hu:
        ratio = (figures.lumen_hu - _SOFT_TISSUE_HU) / figures.noise_hu
        if ratio < LEAST_CONTRAST_TO_NOISE:
            limits.append(
                f"The lumen stands out by {ratio:.1f} times the noise of {figures.noise_hu:.0f} HU; "
                f"{LEAST_CONTRAST_TO_NOISE:g} times are wanted (assumption: Rose criterion)."
            )
    return [], limits


def headline(fitness: tuple[Fitness, ...], refusal: str = "") -> str:
    """The verdict in one line."""
    if refusal:
        return "Cannot be used"
    by_state: Mapping[State, list[str]] = {
        state: [one.analysis.title.lower() for one in fitness if one.state == state]
        for state in ("yes", "limited", "no")
    }
    if by_state["yes"]:
        return f"Good for {_and(by_state['yes'])}"
    if by_state["limited"]:
        return f"With limits for {_and(by_state['limited'])}"
    return "For no analysis"


def _and(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
