"""A record's facts as rows for people: names in words, numbers with the unit that their name carries."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

from app.desktop.session.words import unit_text
from app.workflow.units import M3_PER_ML, mmhg_from_pa

_MMHG_S_ML = mmhg_from_pa(M3_PER_ML)
"""What 1 Pa s/m3 is in mmHg s/mL."""
# Longest first: the ending of a fact's name tells its unit.
_UNITS: tuple[tuple[str, str], ...] = (
    ("_ml_s", "mL/s"),
    ("_l_min", "L/min"),
    ("_pa_s_m3", "mmHg s/mL"),
    ("_m3_pa", "mL/mmHg"),
    ("_mmhg", "mmHg"),
    ("_m_s", "m/s"),
    ("_mm2", "mm²"),
    ("_mm3", "mm³"),
    ("_deg", "°"),
    ("_bpm", "1/min"),
    ("_1_pa", "1/Pa"),
    ("_pa", "Pa"),
    ("_hu", "HU"),
    ("_ml", "mL"),
    ("_mm", "mm"),
    ("_mb", "MB"),
    ("_ms", "ms"),
    ("_s", "s"),
    ("_relative", "%"),
    ("_rel", "%"),
    ("_fraction", "%"),
    ("_error", "%"),
    ("_shares", "%"),
    ("_split", "%"),
)
# A solver's SI becomes what clinicians read.
_FACTORS = {"mmHg s/mL": _MMHG_S_ML, "mL/mmHg": 1.0 / _MMHG_S_ML}
# Two numbers are the least and the median, three the least, the median and the largest.
_SPREADS = {2: ("Min", "Median"), 3: ("Min", "Median", "Max")}
_SPREAD_NAMES = {"layer_thickness_mm", "first_layer_mm", "cells_across"}
_NOT_SHOWN = {"direction", "source_sha256", "origin_mm", "from_files", "sections", "scaled_jacobian_counts", "phases"}
_SENTENCES = {"notes", "findings", "warnings", "assumptions", "openings"}
_PRODUCTS = {"size", "size_mm", "spacing_mm"}
_ABBREVIATIONS = {"hu", "cfl", "wss", "tawss", "osi", "rrt", "ct", "rss", "hd95"}
_SPELLED = {"jacobian": "Jacobian", "dihedral": "dihedral angle"}
_NAMES = {
    "dt": "Time step",
    "r_proximal": "Proximal resistance",
    "r_distal": "Distal resistance",
    "c": "Compliance",
    "wall_s": "Time to solve",
    "n_ranks": "Processes",
}
_KEPT_ENDINGS = ("_error", "_shares", "_split")


@dataclass(frozen=True)
class Row:
    """A fact: its name, its value with unit, and how deep it is nested."""

    name: str
    value: str
    depth: int = 0


def sentences_of(facts: Mapping[str, Any]) -> list[str]:
    """Notes, findings and warnings among the facts."""
    return [str(text) for name in facts if name in _SENTENCES for text in facts[name] if isinstance(text, str) and text]


def rows_of(facts: Mapping[str, Any]) -> list[Row]:
    """The facts that people read."""
    return list(_rows({k: v for k, v in facts.items() if k not in _NOT_SHOWN | _SENTENCES}, "", 0))


def _rows(facts: Mapping[str, Any], inherited_unit: str, depth: int) -> Iterator[Row]:
    for name, value in facts.items():
        words, unit = words_and_unit(str(name))
        unit = unit or inherited_unit
        if isinstance(value, Mapping):
            yield Row(words, "", depth)
            yield from _rows(value, unit, depth + 1)
        elif name in _SPREAD_NAMES and isinstance(value, (list, tuple)) and len(value) in _SPREADS:
            yield Row(words, "", depth)
            for which, number in zip(_SPREADS[len(value)], value, strict=True):
                yield Row(which, value_text(number, unit), depth + 1)
        elif value is not None:
            value = value * _FACTORS[unit] if unit in _FACTORS else value
            between = " × " if name in _PRODUCTS else " … "
            yield Row(words, value_text(value, unit, between), depth)


def words_and_unit(name: str) -> tuple[str, str]:
    """A fact's name in words, and its unit ("%" for shares, "" for plain numbers)."""
    lower = name.lower()
    for suffix, unit in _UNITS:
        if lower.endswith(suffix) and len(lower) > len(suffix):
            words = _words(name if suffix in _KEPT_ENDINGS else name[: -len(suffix)])
            return _NAMES.get(lower, words), unit
    return _words(name), ""


def value_text(value: Any, unit: str, between: str = " … ") -> str:
    """A value with its unit, to as many digits as matter."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return between.join(_number_text(item) for item in value) + (f" {unit}" if unit else "")
    if isinstance(value, (int, float)):
        if unit == "%":
            return f"{100.0 * value:.2g} %" if abs(value) < 0.1 else f"{100.0 * value:.3g} %"
        return f"{_number_text(value)}{'' if unit == '°' else ' '}{unit}".rstrip()
    return str(value).replace("_", " ")


def _number_text(value: Any) -> str:
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        value = int(value)
    if isinstance(value, int) or (isinstance(value, float) and 1e3 <= abs(value) < 1e9):
        return f"{value:,.0f}".replace(",", "\u202f")
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) >= 100.0 else f"{value:.3g}"
    return str(value)


def table_of(facts: Mapping[str, Any]) -> str:
    """The facts as rich text."""
    rows = "".join(
        f"<tr><td style='padding-left:{14 * row.depth}px; padding-right:12px; color:#a3adb8'>{escape(row.name)}</td>"
        f"<td>{escape(row.value)}</td></tr>"
        for row in rows_of(facts)
    )
    assumed = "".join(
        f"<p style='margin:2px 0'>{escape(_assumption_text(assumption))}</p>"
        for assumption in facts.get("assumptions", ())
        if isinstance(assumption, Mapping)
    )
    if assumed:
        assumed = f"<p style='margin:6px 0 2px 0; color:#f0b450'>Assumed</p>{assumed}"
    notes = "".join(f"<p style='margin:4px 0'>{escape(text)}</p>" for text in sentences_of(facts))
    return f"<table cellpadding='1'>{rows}</table>{notes}{assumed}"


def _assumption_text(assumption: Mapping[str, Any]) -> str:
    unit = unit_text(str(assumption.get("unit", "")))
    return f"{assumption['name']}: {value_text(assumption['value'], unit)} ({assumption['source']})"


def _words(name: str) -> str:
    if name.lower() in _NAMES:
        return _NAMES[name.lower()]
    words = name.removeprefix("n_").replace("_", " ").strip()
    words = f"number of {words}" if name.startswith("n_") else words
    words = re.sub(r"\bp(\d+)$", lambda found: _percentile(int(found[1])), words)
    spelled = " ".join(word.upper() if word in _ABBREVIATIONS else _SPELLED.get(word, word) for word in words.split())
    return spelled[:1].upper() + spelled[1:]


def _percentile(n: int) -> str:
    if n == 50:
        return "median"
    ending = {1: "st", 2: "nd", 3: "rd"}.get(n % 10 if n % 100 not in (11, 12, 13) else 0, "th")
    return f"{n}{ending} percentile"
