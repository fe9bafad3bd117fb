"""Velocities of an internal carotid artery set against the consensus of the Society of Radiologists in Ultrasound.

Grant et al. 2003, Radiology 229:340, table as two open pages quote it (seen 2026-11-29). The velocities are those of
Doppler ultrasound; those of a computed flow differ from them by the angle and the spectral broadening of the
measurement. Peak systolic velocity and plaque decide; the ratio and the end-diastolic velocity are set beside them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GRADES = ("normal", "below 50 %", "50 to 69 %", "70 % or more")
NOT_BY_VELOCITY = "near occlusion and occlusion are told by the lumen, not by velocities"


@dataclass(frozen=True)
class Grade:
    """What the consensus says.

    Attributes
    ----------
    grade
        By peak systolic velocity and plaque: one of ``GRADES``.
    by_ratio, by_end_diastolic
        What the other two would say: "below 50 %" stands for normal too; None where they are not known.
    agrees
        Whether all that are known say the same.
    """

    grade: str
    by_ratio: str | None
    by_end_diastolic: str | None

    @property
    def agrees(self) -> bool:
        primary = GRADES[1] if self.grade == GRADES[0] else self.grade
        return all(one in (None, primary) for one in (self.by_ratio, self.by_end_diastolic))


def graded(
    peak_systolic_cm_s: float,
    has_plaque: bool,
    ratio: float | None = None,
    end_diastolic_cm_s: float | None = None,
) -> Grade:
    """The grade of stenosis.

    Parameters
    ----------
    peak_systolic_cm_s, end_diastolic_cm_s
        Largest velocities in the internal carotid artery.
    has_plaque
        Whether plaque or a narrowing is seen.
    ratio
        Peak systolic velocity there over that in the common carotid artery.
    """
    by_velocity = _between(peak_systolic_cm_s, 125.0, 230.0)
    grade = GRADES[0] if by_velocity == GRADES[1] and not has_plaque else by_velocity
    return Grade(
        grade,
        None if ratio is None else _between(ratio, 2.0, 4.0),
        None if end_diastolic_cm_s is None else _between(end_diastolic_cm_s, 40.0, 100.0),
    )


def _between(value: float, low: float, high: float) -> str:
    """Both bounds belong to the middle grade, as the consensus writes it."""
    return GRADES[1] if value < low else GRADES[2] if value <= high else GRADES[3]


TABLE: Mapping[str, tuple[str, str, str, str]] = {
    GRADES[0]: ("< 125", "none", "< 2.0", "< 40"),
    GRADES[1]: ("< 125", "seen", "< 2.0", "< 40"),
    GRADES[2]: ("125 to 230", "seen", "2.0 to 4.0", "40 to 100"),
    GRADES[3]: ("> 230", "seen", "> 4.0", "> 100"),
}
"""Peak systolic velocity [cm/s], plaque, ratio, end-diastolic velocity [cm/s] of each grade."""
