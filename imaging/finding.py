"""What a check of a scan found: one sentence, the number behind it, and how much it matters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from imaging.errors import ImagingError

Severity = Literal["refused", "repairable", "warning", "note"]
Place = tuple[float, float, float]


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

    Attributes
    ----------
    code : str
        Stable short name of the check, the same as that of the `ImagingError` which refuses the scan for it.
    severity : str
        ``refused``: the scan cannot be used. ``repairable``: it can be, when the user asks for the repair.
        ``warning``: it can be used, but results suffer. ``note``: worth knowing.
    message : str
        One sentence without anything that names the patient.
    value, unit
        The number that was measured, NaN-free; None where there is none.
    limit : float, optional
        What ``value`` was held against.
    place_mm : (3,) floats, optional
        Where, in the patient (LPS, mm).
    """

    code: str
    severity: Severity
    message: str
    value: float | None = None
    unit: str = ""
    limit: float | None = None
    place_mm: Place | None = None

    @property
    def error(self) -> ImagingError:
        """The refusal for this finding."""
        return ImagingError(self.code, self.message, self.place_mm)

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return {
            "code": self.code,
            "severity": self.severity,
            "message": self.message,
            "value": None if self.value is None else round(self.value, 4),
            "unit": self.unit,
            "limit": self.limit,
            "place_mm": self.place_mm,
        }
