"""One comparison of a computed number with what it should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

Progress = Callable[[float, str], None]


@dataclass(frozen=True)
class Row:
    """A compared number.

    Attributes
    ----------
    error
        What ``gate`` limits: relative to the reference, or absolute where ``is_absolute``.
    source
        Where the reference comes from.
    is_absolute, is_least
        Whether ``gate`` limits the absolute distance; whether values beyond the reference are no error.
    """

    name: str
    quantity: str
    unit: str
    value: float
    reference: float
    gate: float
    source: str
    is_absolute: bool = False
    is_least: bool = False

    @property
    def error(self) -> float:
        """Absolute or relative distance from the reference."""
        distance = abs(self.value - self.reference)  # NaN stays NaN, and no gate holds it
        if self.is_least and self.value > self.reference:
            distance = 0.0
        return distance if self.is_absolute else distance / abs(self.reference)

    def as_dict(self) -> dict[str, Any]:
        """The row as the program prints it."""
        return {
            "name": self.name,
            "quantity": self.quantity,
            "unit": self.unit,
            "value": self.value,
            "reference": self.reference,
            "error": self.error,
            "gate": self.gate,
            "passed": bool(self.error <= self.gate),
            "source": self.source,
        }


@dataclass(frozen=True)
class Curve:
    """A computed curve beside its reference, for a picture: it has no gate.

    Attributes
    ----------
    name, quantity
        Of the check, and what is drawn.
    x_label, y_label
        With units.
    x, computed
        (n,) each.
    source, reference_x, reference
        Where the reference comes from, and its points (m,) each; no points where there are none.
    """

    name: str
    quantity: str
    x_label: str
    y_label: str
    x: tuple[float, ...]
    computed: tuple[float, ...]
    source: str = ""
    reference_x: tuple[float, ...] = ()
    reference: tuple[float, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """The curve as it is kept in files, numbers to six digits."""
        return {
            key: [float(f"{number:.6g}") for number in value] if isinstance(value, tuple) else value
            for key, value in asdict(self).items()
        }


def order_row(name: str, quantity: str, observed: float, expected: float, least: float, source: str) -> Row:
    """An observed order of convergence that must reach ``least``."""
    return Row(name, quantity, "", observed, expected, expected - least, source, is_absolute=True, is_least=True)


def inside_row(name: str, quantity: str, unit: str, value: float, low: float, high: float, source: str) -> Row:
    """A value that must lie in an interval: its middle is the reference, half its width the gate."""
    return Row(name, quantity, unit, value, (low + high) / 2.0, (high - low) / 2.0, source, is_absolute=True)
