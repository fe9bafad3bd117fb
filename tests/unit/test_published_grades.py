"""PHASES, ELAPSS and the carotid consensus against worked examples and their boundaries."""

from __future__ import annotations

import pytest

from solvers.risk.aneurysm_scores import GROWTH_5Y, RUPTURE_5Y, elapss, phases
from solvers.risk.carotid_grades import graded
from solvers.risk.scores import extremes


def test_phases_worked_example_and_boundaries() -> None:
    found = phases("japanese", True, 72.0, 8.0, False, "mca")
    assert found.points == 10 and found.risks_percent == {RUPTURE_5Y: 5.3}
    least = phases("north_american_or_european", False, 69.9, 6.99, False, "ica")
    assert least.points == 0 and least.risks_percent[RUPTURE_5Y] == 0.4
    most = phases("finnish", True, 70.0, 20.0, True, "posterior")
    assert most.points == 22 and most.risks_percent[RUPTURE_5Y] == 17.8
    assert [phases("finnish", False, 50.0, size, False, "ica").parts["size"] for size in (7.0, 9.99, 10.0, 19.99)] == [
        *(3, 3, 6, 6),
    ]


def test_elapss_worked_example_and_boundaries() -> None:
    found = elapss("north_american_or_european", 68.0, 7.7, False, "mca", True)
    assert found.points == 23 and found.risks_percent[GROWTH_5Y] == 39.9
    ages = [
        elapss("japanese", age, 1.0, True, "ica", False).parts["age"] for age in (60.0, 60.1, 65.0, 66.0, 70.0, 71.0)
    ]
    assert ages == [0, 1, 1, 2, 2, 3]
    assert elapss("finnish", 40.0, 2.0, True, "acom", False).points == 7
    assert elapss("finnish", 81.0, 12.0, False, "pcom", True).risks_percent[GROWTH_5Y] == 60.8


def test_what_is_not_known_widens_a_score() -> None:
    known = {"age_years": 60.0, "size_mm": 8.0, "site": "mca", "population": "japanese"}
    yes_no = {"hypertension": (False, True), "earlier_hemorrhage": (False, True)}
    low, high = extremes(phases, known, yes_no)
    assert (low.points, high.points) == (8, 10)


@pytest.mark.parametrize(
    ("velocity", "plaque", "grade"),
    [
        (124.9, False, "normal"),
        (124.9, True, "below 50 %"),
        (125.0, True, "50 to 69 %"),
        (230.0, True, "50 to 69 %"),
        (230.1, True, "70 % or more"),
    ],
)
def test_the_carotid_consensus_at_its_boundaries(velocity: float, plaque: bool, grade: str) -> None:
    assert graded(velocity, plaque).grade == grade


def test_the_carotid_consensus_says_when_its_parts_disagree() -> None:
    assert graded(300.0, True, 5.0, 120.0).agrees and graded(300.0, True, 5.0, 120.0).grade == "70 % or more"
    odd = graded(240.0, True, 4.0, 100.0)
    assert not odd.agrees and (odd.by_ratio, odd.by_end_diastolic) == ("50 to 69 %", "50 to 69 %")
    assert graded(90.0, False, 1.9, 39.9).agrees and not graded(90.0, False, 2.0).agrees
