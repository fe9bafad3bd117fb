"""PHASES and ELAPSS: published scores of unruptured intracranial aneurysms.

* PHASES: Greving et al. 2014, Lancet Neurol 13:59. 8382 patients of six cohorts in North America, Europe and Japan;
  risk of rupture in five years. Points and risks as two independent open programs carry them (seen 2026-11-29).
* ELAPSS: Backes et al. 2017, Neurology 88:1600. Risk of growth in three and five years. Points and risks as the table
  of a clinical reference work quotes them (seen 2026-11-29), which gives the point for an earlier hemorrhage to those
  who had none; one calculator on the web gives it to those who had one.

Both tell what happened to groups; most cohorts were selected, and treated aneurysms left them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

from solvers.risk.scores import Score, points_above

Population = Literal["north_american_or_european", "japanese", "finnish"]
Site = Literal["ica", "mca", "aca", "acom", "pcom", "posterior"]
SITES: Mapping[str, str] = {
    "ica": "internal carotid artery",
    "mca": "middle cerebral artery",
    "aca": "anterior cerebral artery",
    "acom": "anterior communicating artery",
    "pcom": "posterior communicating artery",
    "posterior": "vertebral, basilar and their branches",
}

RUPTURE_5Y, GROWTH_3Y, GROWTH_5Y = "rupture in 5 years", "growth in 3 years", "growth in 5 years"
_PHASES_POPULATION = {"north_american_or_european": 0, "japanese": 3, "finnish": 5}
_PHASES_SIZE = ((0.0, 0), (7.0, 3), (10.0, 6), (20.0, 10))
_PHASES_SITE = {"ica": 0, "mca": 2, "aca": 4, "acom": 4, "pcom": 4, "posterior": 4}
_PHASES_RISK = {2: 0.4, 3: 0.7, 4: 0.9, 5: 1.3, 6: 1.7, 7: 2.4, 8: 3.2, 9: 4.3, 10: 5.3, 11: 7.2, 12: 17.8}
_ELAPSS_SITE = {"ica": 0, "aca": 0, "acom": 0, "mca": 3, "pcom": 5, "posterior": 5}
_ELAPSS_POPULATION = {"north_american_or_european": 0, "japanese": 1, "finnish": 7}
_ELAPSS_SIZE = ((0.0, 0), (3.0, 4), (5.0, 10), (7.0, 13), (10.0, 22))
_ELAPSS_RISK: Sequence[tuple[int, float, float]] = (
    (0, 5.0, 8.4),
    (5, 7.8, 13.0),
    (10, 11.7, 19.3),
    (15, 17.5, 28.1),
    (20, 25.8, 39.9),
    (25, 42.7, 60.8),
)


def phases(
    population: Population, hypertension: bool, age_years: float, size_mm: float, earlier_hemorrhage: bool, site: Site
) -> Score:
    """PHASES: population, hypertension, age, size, earlier hemorrhage from another aneurysm, site."""
    parts = {
        "population": _PHASES_POPULATION[population],
        "hypertension": int(hypertension),
        "age": int(age_years >= 70.0),
        "size": points_above(size_mm, _PHASES_SIZE),
        "earlier hemorrhage": int(earlier_hemorrhage),
        "site": _PHASES_SITE[site],
    }
    points = min(max(sum(parts.values()), 2), 12)
    return Score(parts, {RUPTURE_5Y: _PHASES_RISK[points]})


def elapss(
    population: Population, age_years: float, size_mm: float, earlier_hemorrhage: bool, site: Site, irregular: bool
) -> Score:
    """ELAPSS: earlier hemorrhage, location, age over 60, population, size, shape; a point for each begun five years."""
    parts = {
        "earlier hemorrhage": int(not earlier_hemorrhage),
        "location": _ELAPSS_SITE[site],
        "age": max(0, math.ceil((age_years - 60.0) / 5.0)),
        "population": _ELAPSS_POPULATION[population],
        "size": points_above(size_mm, _ELAPSS_SIZE),
        "shape": 4 * int(irregular),
    }
    row = next(row for row in reversed(_ELAPSS_RISK) if sum(parts.values()) >= row[0])
    return Score(parts, {GROWTH_3Y: row[1], GROWTH_5Y: row[2]})
