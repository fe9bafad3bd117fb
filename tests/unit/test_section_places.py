"""Where sections of the vessels are put."""

from __future__ import annotations

import numpy as np
import pytest

from app.workflow.section_places import along_the_vessels, sections_of
from imaging.types import Branch, CenterlineTree, Surface, VesselModel

TRUNK = np.column_stack([np.zeros(101), np.zeros(101), np.linspace(0.0, 100.0, 101)])
DAUGHTER = np.column_stack([np.linspace(1.0, 40.0, 40), np.zeros(40), np.full(40, 60.0)])
MODEL = VesselModel(
    Surface(np.zeros((3, 3)), np.array([[0, 1, 2]]), {}, {}),
    (),
    CenterlineTree(
        np.concatenate([TRUNK, DAUGHTER]),
        np.concatenate([np.full(101, 5.0), np.full(40, 2.0)]),
        (Branch("trunk", tuple(range(101))), Branch("arm", (60, *range(101, 141)), "trunk")),
    ),
    extension_start_mm={2: (0.0, 0.0, 12.0), 3: (0.0, 0.0, 90.0), 4: (34.0, 0.0, 60.0)},
)


def test_sections_cut_one_vessel_each_and_leave_extensions_ends_and_branchings_out() -> None:
    found = sections_of(MODEL, 200)
    trunk = [section for section in found if section.branch == "trunk"]
    z = np.array([section.center[2] for section in trunk]) * 1e3
    assert len(trunk) >= 5 and (np.diff(z) > 0.0).all() and z.min() > 12.0 and z.max() < 90.0
    assert np.abs(z - 60.0).min() > 2.5, "there the daughter departs"
    assert [section.arc_length for section in trunk] == pytest.approx(z * 1e-3)
    for section in trunk:
        assert section.normal == pytest.approx((0.0, 0.0, 1.0))
    arm = [section for section in found if section.branch == "arm"]
    x = np.array([section.center[0] for section in arm]) * 1e3
    assert len(arm) >= 4 and x.min() > 7.0 and x.max() < 34.0, "outside the trunk, before the extension"
    assert all(section.normal == pytest.approx((1.0, 0.0, 0.0)) for section in arm)
    assert len({section.name for section in found}) == len(found)


def test_no_more_are_made_than_asked_for() -> None:
    assert sections_of(MODEL, 0) == ()
    assert [section.branch for section in sections_of(MODEL, 1)] == ["trunk"]
    assert 2 <= len(sections_of(MODEL, 4)) <= 4
    assert {section.branch for section in sections_of(MODEL, 4)} == {"trunk", "arm"}


def test_a_vessel_is_summed_up_by_its_first_and_last_pressure_and_its_range_of_flows() -> None:
    rows = [
        {"branch": "trunk", "mean_pressure_mmhg": pressure, "mean_flow_ml_s": flow}
        for pressure, flow in ((80.004, 20.1), (79.0, 19.9), (78.0, 20.0))
    ]
    summed = along_the_vessels(rows)
    assert summed["pressure_along_mmhg"] == {"trunk": [80.0, 78.0]}
    assert summed["flow_along_ml_s"] == {"trunk": [19.9, 20.1]}
