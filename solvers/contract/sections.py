"""Sections of the vessel whose flow and pressure a run writes down, and the file that it writes them to.

``sections.csv`` has a row for each of at most ``SAMPLES`` instants of a beat: ``step``, ``time`` [s], ``cycle`` (from
0), ``phase`` [s] in it, and for every section ``flow[name]`` [m3/s], positive along its normal, ``pressure[name]`` [Pa]
and ``speed[name]`` [m/s], both means over its area. The file does not grow beyond ``MOST_BYTES``: beats before the last
whole one are then left out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from solvers.contract.decoding import refuse
from solvers.contract.files import SECTIONS
from solvers.contract.openings import Point, quantity
from solvers.contract.table import read_table

SAMPLES = 100
MOST_BYTES = 16_000_000
MOST_SECTIONS = 400


@dataclass(frozen=True)
class Section:
    """A plane section of the piece of lumen in which ``center`` lies.

    Attributes
    ----------
    center
        In the lumen [m].
    normal
        Along the vessel, the way that counts as positive; of any length.
    branch, arc_length
        Which vessel it belongs to, and how far along it [m]: for plots.
    """

    name: str
    center: Point
    normal: Point
    branch: str = ""
    arc_length: float = quantity("m", -1e3, 1e3, "place along the branch", 0.0)


def check_sections(sections: tuple[Section, ...]) -> None:
    """Refuse (``bad_spec``) sections without a direction or a name of their own, or too many of them."""
    if len(sections) > MOST_SECTIONS:
        refuse(f"{len(sections)} sections are asked for, but at most {MOST_SECTIONS} are written: leave some out.")
    names = [section.name for section in sections]
    for section in sections:
        if names.count(section.name) > 1 or not section.name.strip():
            refuse(f"Two sections are named {section.name!r}; give every section a name of its own.", "name_used_twice")
        numbers = (*section.center, *section.normal)
        if not all(map(math.isfinite, numbers)) or not any(section.normal):
            refuse(f"Section {section.name!r} has no place or no direction; give it a center and a normal.")


def section_columns(sections: Sequence[Section]) -> list[str]:
    """The columns of ``sections.csv``."""
    of = [f"{what}[{section.name}]" for section in sections for what in ("flow", "pressure", "speed")]
    return ["step", "time", "cycle", "phase", *of]


def read_sections(run_dir: Path) -> dict[str, NDArray[np.float64]]:
    """Every column (n_rows,) by name; empty if the run has written none."""
    return read_table(run_dir / SECTIONS)
