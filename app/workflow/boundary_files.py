"""Inflow and outlet files of other programs: read, converted to SI, paired with the model's openings by name.

Formats: two columns of time [s] and flow; SimVascular's ``rcrt.dat`` (``n``, then for each outlet ``n``, perhaps its
name, ``Rp``, ``C``, ``Rd`` and ``n`` lines of time and distal pressure) and ``resistance.dat`` (name and resistance a
line). None of them says its units, so they must be stated.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from app.case.errors import CaseError
from app.workflow.units import M3_S_PER_FLOW_UNIT, OUTLET_UNITS, mmhg_from_pa
from imaging.types import Patch

INFLOW_SIGNS = ("by mean", "positive", "negative")
_CLOSES = 1e-3
PLAUSIBLE_SPEED_M_S = (0.005, 3.0)
"""Mean speed over the inlet's area at the largest inflow: from a vein at rest to an aortic valve in exercise."""
_PLAUSIBLE_PRESSURE_MMHG = (20.0, 250.0)


@dataclass(frozen=True)
class Inflow:
    """Flow into the vessel [m3/s] at times [s] over one period [s], and what a reader must know of it."""

    times_s: tuple[float, ...]
    flow_m3_s: tuple[float, ...]
    period_s: float
    notes: tuple[str, ...]

    @property
    def mean_m3_s(self) -> float:
        """Mean over the period, the curve taken as straight between its samples."""
        times, flow = (*self.times_s, self.period_s), (*self.flow_m3_s, self.flow_m3_s[0])
        parts = zip(times, times[1:], flow, flow[1:], strict=False)
        return sum((end - start) * (a + b) / 2.0 for start, end, a, b in parts) / self.period_s


@dataclass(frozen=True)
class OutletBlock:
    """What a file says of one outlet, in SI: a resistance alone has no proximal part and no compliance.

    ``label`` is the name that the file gives it, or its number in the file.
    """

    label: str
    source: str
    r_proximal: float
    c: float
    r_distal: float
    p_distal: float = 0.0

    @property
    def resistance(self) -> float:
        """Of both parts together [Pa s/m3]."""
        return self.r_proximal + self.r_distal


def read_inflow(path: Path, unit: str, sign: str = "by mean") -> Inflow:
    """An inflow curve.

    SimVascular counts flow out of a model as positive, others count flow into it. ``by mean`` takes the sign of the
    mean as the way in, because blood on the whole enters through an inlet; ``positive`` or ``negative`` states it, and
    a curve whose mean then leaves the vessel is refused. A curve whose last sample does not repeat the first ends one
    mean step after it.

    Raises
    ------
    CaseError
        ``unit_unknown``, ``file_unreadable``, ``inflow_backward``.
    """
    if unit not in M3_S_PER_FLOW_UNIT:
        raise CaseError(
            "unit_unknown",
            f"{path.name} does not say the unit of its flow: state it (inflow unit {', '.join(M3_S_PER_FLOW_UNIT)}).",
        )
    rows = [_numbers(path, line, 2) for line in _lines(path)]
    if len(rows) < 4:
        raise CaseError("file_unreadable", f"{path.name} holds {len(rows)} samples, but an inflow curve needs four.")
    times, flow = [row[0] for row in rows], [row[1] for row in rows]
    if any(later <= earlier for earlier, later in itertools.pairwise(times)) or times[0] < 0.0:
        raise CaseError("file_unreadable", f"The times in {path.name} do not increase from 0 on: sort its samples.")
    notes = []
    start = times[0]
    times = [time - start for time in times]
    largest = max(map(abs, flow))
    if abs(flow[-1] - flow[0]) <= _CLOSES * largest:
        period = times.pop()
        flow.pop()
    else:
        period = times[-1] + times[-1] / (len(times) - 1)
        notes.append(
            f"The inflow's last sample does not repeat its first, so the beat is taken to end one step later, at "
            f"{period:.3f} s."
        )
    mean = Inflow(tuple(times), tuple(flow), period, ()).mean_m3_s
    if abs(mean) < 1e-3 * largest or (sign == "positive" and mean < 0) or (sign == "negative" and mean > 0):
        raise CaseError(
            "inflow_backward",
            f"By the mean of {path.name} ({mean:.3g} {unit}) blood does not enter through the inlet"
            + (
                f", when {sign} flow is the way in: state the other sign." if sign != "by mean" else ": check the file."
            ),
        )
    turn = math.copysign(1.0, mean)
    if turn < 0:
        notes.append("The inflow file counts flow into the vessel as negative, as SimVascular does; it was turned.")
    scale = turn * M3_S_PER_FLOW_UNIT[unit]
    return Inflow(tuple(times), tuple(value * scale for value in flow), period, tuple(notes))


def check_inflow_speed(inflow: Inflow, area_m2: float) -> None:
    """Refuse an inflow that does not fit the inlet: the mark of a wrong unit of flow or of length.

    Raises
    ------
    CaseError
        ``inflow_implausible``.
    """
    speed = max(map(abs, inflow.flow_m3_s)) / area_m2
    low, high = PLAUSIBLE_SPEED_M_S
    if not low <= speed <= high:
        radius_mm = 1e3 * math.sqrt(area_m2 / math.pi)
        raise CaseError(
            "inflow_implausible",
            f"The largest inflow of {1e6 * max(map(abs, inflow.flow_m3_s)):.3g} mL/s through an inlet of "
            f"{2.0 * radius_mm:.3g} mm across means {speed:.3g} m/s, outside {low:g} to {high:g} m/s: check the unit "
            "of the inflow file and the unit of the surface.",
        )


def read_outlets(paths: Sequence[Path], units: str) -> tuple[OutletBlock, ...]:
    """All blocks of ``rcrt.dat`` and ``resistance.dat`` files.

    Raises
    ------
    CaseError
        ``unit_unknown``, ``file_unreadable``.
    """
    names = ", ".join(path.name for path in paths)
    if units not in OUTLET_UNITS:
        raise CaseError(
            "unit_unknown",
            f"{names} does not say its units: state them (outlet units "
            + "; ".join(f"{name}: {of.words}" for name, of in OUTLET_UNITS.items())
            + ").",
        )
    blocks = [block for path in paths for block in _blocks(path, units)]
    labels = [_plain_name(block.label) for block in blocks]
    twice = next((label for label in labels if labels.count(label) > 1), None)
    if twice is not None:
        raise CaseError("file_unreadable", f"{names} says twice what is behind {twice}: keep one of the two.")
    return tuple(blocks)


def paired(blocks: Sequence[OutletBlock], outlets: Sequence[Patch], pairs: str) -> tuple[OutletBlock, ...]:
    """The block of each outlet, in the order of the outlets; never by the place in a list.

    A block belongs to the outlet of its name (case and a leading ``cap_`` aside), or to the one that ``pairs`` states:
    ``cap_right_iliac=face_4, 2=face_5``, a block without a name by its number in the file.

    Raises
    ------
    CaseError
        ``bad_pair``, ``block_without_outlet``, ``outlet_without_block``.
    """
    stated = _stated(pairs)
    known = {_plain_name(outlet.name): outlet for outlet in outlets}
    of: dict[int, OutletBlock] = {}
    for block in blocks:
        wished = stated.pop(_plain_name(block.label), block.label)
        outlet = known.get(_plain_name(wished))
        if outlet is None:
            raise CaseError(
                "block_without_outlet",
                f"{block.source} speaks of {block.label!r}, but the model's outlets are {_outlets_text(outlets)}: say "
                f"which one is meant (pairs {block.label}=NAME), or name the openings so.",
            )
        if outlet.id in of:
            raise CaseError("bad_pair", f"Two conditions are given for the outlet {outlet.name}: keep one.")
        of[outlet.id] = block
    if stated:
        raise CaseError("bad_pair", f"The outlet files do not speak of {', '.join(stated)}: correct the pairs.")
    without = [outlet for outlet in outlets if outlet.id not in of]
    if without:
        raise CaseError(
            "outlet_without_block",
            f"The outlet files say nothing of {_outlets_text(without)}: give a file for it, or leave the files out.",
        )
    return tuple(of[outlet.id] for outlet in outlets)


def mean_pressure_pa(blocks: Sequence[OutletBlock], inflow_m3_s: float) -> float:
    """Pressure [Pa] that the mean inflow raises before all outlets together, the vessel's own resistance left out.

    ``(Q + sum p_d/R) / sum 1/R``: resistances side by side.
    """
    conductance = sum(1.0 / block.resistance for block in blocks)
    return (inflow_m3_s + sum(block.p_distal / block.resistance for block in blocks)) / conductance


def pressure_note(pressure_pa: float) -> str:
    """A warning when the mean pressure is none that a patient has, else empty."""
    pressure = mmhg_from_pa(pressure_pa)
    low, high = _PLAUSIBLE_PRESSURE_MMHG
    if low <= pressure <= high:
        return ""
    return (
        f"The inflow and the outlet files together make a mean pressure of about {pressure:.3g} mmHg, which no patient "
        "has: check the units of the files and whether the resistances belong to this model."
    )


def pair_text(block: OutletBlock, outlet: Patch) -> str:
    """One line about a pair: who feeds what, with the place, in SI."""
    x, y, z = outlet.center_mm
    return (
        f"{block.label} in the file -> {outlet.name} at {x:.0f}, {y:.0f}, {z:.0f} mm: Rp {block.r_proximal:.4g}, "
        f"Rd {block.r_distal:.4g} Pa s/m3, C {block.c:.4g} m3/Pa"
    )


def _stated(pairs: str) -> dict[str, str]:
    stated = {}
    for word in filter(None, (part.strip() for part in pairs.split(","))):
        label, equals, name = (part.strip() for part in word.partition("="))
        if not equals or not name:
            raise CaseError("bad_pair", f"{word!r} is no pair: write, for example, cap_right_iliac=face_4.")
        stated[_plain_name(label)] = name
    return stated


def _plain_name(name: str) -> str:
    return name.strip().lower().removeprefix("cap_")


def _outlets_text(outlets: Sequence[Patch]) -> str:
    return ", ".join(f"{outlet.name} (at {', '.join(f'{c:.0f}' for c in outlet.center_mm)} mm)" for outlet in outlets)


def _blocks(path: Path, units: str) -> list[OutletBlock]:
    rows = [line.split() for line in _lines(path)]
    if not rows:
        raise CaseError("file_unreadable", f"{path.name} is empty: give an outlet file.")
    if all(len(row) == 2 for row in rows) and _number(rows[0][0]) is None:
        return [_resistance(path, row, units) for row in rows]
    return _rcr_blocks(path, [word for row in rows for word in row], units)


def _resistance(path: Path, row: Sequence[str], units: str) -> OutletBlock:
    value = _number(row[1])
    if value is None or value <= 0.0:
        raise CaseError("file_unreadable", f"The resistance {row[1]!r} of {row[0]} in {path.name} must be above 0.")
    return OutletBlock(row[0], path.name, 0.0, 0.0, value * OUTLET_UNITS[units].resistance)


def _rcr_blocks(path: Path, words: list[str], units: str) -> list[OutletBlock]:
    of = OUTLET_UNITS[units]
    damaged = CaseError("file_unreadable", f"{path.name} is no rcrt.dat or resistance.dat: check the file.")

    def take() -> float:
        number = _number(words.pop(0)) if words else None
        if number is None:
            raise damaged
        return number

    take()  # the largest number of time points
    blocks: list[OutletBlock] = []
    while words:
        n = take()
        label = str(len(blocks) + 1)
        if words and _number(words[0]) is None:
            label = words.pop(0)
        proximal, compliance, distal = take(), take(), take()
        pressures = [(take(), take())[1] for _ in range(int(n))]
        if not n or min(proximal, compliance) < 0.0 or distal <= 0.0:
            raise damaged
        if max(pressures) - min(pressures) > 1e-9 * max(map(abs, pressures), default=0.0):
            raise CaseError(
                "file_unreadable",
                f"The distal pressure of {label} in {path.name} changes over time, which is not supported: give one.",
            )
        blocks.append(
            OutletBlock(
                label,
                path.name,
                proximal * of.resistance,
                compliance * of.compliance,
                distal * of.resistance,
                pressures[0] * of.pressure,
            )
        )
    if not blocks:
        raise damaged
    return blocks


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CaseError("file_unreadable", f"{path.name} cannot be read as text: check the file's name.") from error
    return [line for line in (part.split("#")[0].strip() for part in text.splitlines()) if line]


def _numbers(path: Path, line: str, n: int) -> list[float]:
    numbers = [_number(word) for word in line.replace(",", " ").split()]
    found = [number for number in numbers if number is not None]
    if len(found) != len(numbers) or len(found) != n:
        raise CaseError("file_unreadable", f"The line {line[:60]!r} of {path.name} is not {n} numbers: correct it.")
    return found


def _number(word: str) -> float | None:
    try:
        number = float(word)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def as_facts(blocks: Sequence[OutletBlock], outlets: Sequence[Patch]) -> Mapping[str, str]:
    """The pairs for the run's record, by outlet."""
    return {outlet.name: pair_text(block, outlet) for block, outlet in zip(blocks, outlets, strict=True)}
