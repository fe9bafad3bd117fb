"""Forms are made from declarations, facts are shown with their units."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from gui_driver import Driver
from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox

from app.desktop.panels.facts import rows_of, sentences_of, table_of
from app.desktop.panels.forms import NumberField, ParameterForm, PatientForm
from app.workflow.parameters import declared
from app.workflow.steps import STEPS


@dataclass(frozen=True)
class Declaration:
    edge_mm: float = declared(1.5, help="Edge length", unit="mm", minimum=0.5, maximum=4.0, source="our choice")
    n_layers: int = declared(3, help="Layers along the wall", minimum=1, maximum=8)
    is_fine: bool = declared(False, help="Finer")
    method: str = declared("b", help="Method", choices=("a", "b"))
    name: str = declared("x", help="Name")
    secret_path: str = declared("", help="Path", private=True)


@pytest.mark.gui
def test_a_form_has_a_field_of_the_right_kind_for_each_public_parameter(drive: Driver) -> None:
    form = ParameterForm(Declaration)
    drive.show(form)
    kinds = {name: type(field) for name, field in form.fields.items()}
    assert kinds == {
        "edge_mm": NumberField,
        "n_layers": QSpinBox,
        "is_fine": QCheckBox,
        "method": QComboBox,
        "name": QLineEdit,
    }
    assert form.values == {"edge_mm": 1.5, "n_layers": 3, "is_fine": False, "method": "b", "name": "x"}
    edge, layers = form.fields["edge_mm"], form.fields["n_layers"]
    assert isinstance(edge, NumberField) and isinstance(layers, QSpinBox)
    assert (edge.minimum(), edge.maximum(), edge.suffix()) == (0.5, 4.0, " mm")
    assert (layers.minimum(), layers.maximum()) == (1, 8)
    for word in ("Edge length", "0.5 to 4 mm", "1.5 mm", "our choice"):
        assert word in edge.toolTip()
    assert edge.accessibleName() == "Edge length"


@pytest.mark.gui
def test_a_form_tells_edits_but_not_what_the_case_remembers(drive: Driver) -> None:
    form = ParameterForm(Declaration)
    drive.show(form)
    told: list[dict[str, object]] = []
    form.edited.connect(told.append)
    form.set_values({"edge_mm": 2.25, "method": "a"})
    assert told == [] and form.values["edge_mm"] == 2.25 and form.values["method"] == "a"
    field = form.fields["n_layers"]
    assert isinstance(field, QSpinBox)
    field.setValue(5)
    assert told[-1] == {"edge_mm": 2.25, "n_layers": 5, "is_fine": False, "method": "a", "name": "x"}
    form.set_values({})
    assert form.values["edge_mm"] == 1.5


@pytest.mark.gui
@pytest.mark.parametrize("step_id", list(STEPS))
def test_the_declaration_of_every_step_makes_a_form(drive: Driver, step_id: str) -> None:
    declaration = STEPS[step_id].module.Parameters
    form = ParameterForm(declaration)
    drive.show(form)
    defaults = declaration()
    for name, value in form.values.items():
        assert value == pytest.approx(getattr(defaults, name)), name


@pytest.mark.gui
def test_a_value_that_was_not_entered_is_marked_as_assumed(drive: Driver) -> None:
    form = PatientForm()
    assert form.minimumSizeHint().width() <= 370, "nothing is pushed out of the panel, which is 410 px wide"
    drive.show(form)
    told: list[tuple[str, object]] = []
    form.entered.connect(lambda name, value: told.append((name, value)))
    form.set_entered({"heart_rate_bpm": 64.0})
    assert form.fields["heart_rate_bpm"].value() == 64.0 and "entered" in form.marks["heart_rate_bpm"].text()
    assert form.fields["systolic_mmhg"].value() == 120.0 and form.marks["systolic_mmhg"].text() == "assumed"
    assert "textbook" in form.marks["systolic_mmhg"].toolTip()
    form.fields["systolic_mmhg"].setValue(135.0)
    form.marks["heart_rate_bpm"].click()
    assert told == [("systolic_mmhg", 135.0), ("heart_rate_bpm", None)]


def test_facts_carry_the_unit_of_their_name() -> None:
    facts = {
        "size": [233, 167, 191],
        "spacing_mm": [1.5, 1.5, 2.0],
        "n_cells": 182278,
        "volume_ml": {"aorta": 117.6},
        "tawss_pa": {"p99": 7.9},
        "pressure_drop_mmhg": 3.25,
        "volume_change_relative": -0.0123,
        "mass_imbalance_rel": 2e-4,
        "min_dihedral_deg": 5.5,
        "is_watertight": True,
        "origin_mm": [1, 2, 3],
        "notes": ["A sentence."],
    }
    shown = {(row.name, row.value, row.depth) for row in rows_of(facts)}
    assert {
        ("Size", "233 × 167 × 191", 0),
        ("Spacing", "1.5 × 1.5 × 2 mm", 0),
        ("Number of cells", "182\u202f278", 0),
        ("Aorta", "117.6 mL", 1),
        ("99th percentile", "7.9 Pa", 1),
        ("Pressure drop", "3.25 mmHg", 0),
        ("Volume change", "-1.2 %", 0),
        ("Mass imbalance", "0.02 %", 0),
        ("Min dihedral angle", "5.5°", 0),
        ("Is watertight", "yes", 0),
    } <= shown
    assert not any(name.startswith("Origin") for name, _, _ in shown)
    assert sentences_of(facts) == ["A sentence."]


def test_least_median_and_largest_are_called_so_and_rounded() -> None:
    facts = {"layer_thickness_mm": [0.20290276, 0.95290388, 3.60558813], "scaled_jacobian_p1": 0.0803183}
    assert [(row.name, row.value, row.depth) for row in rows_of(facts)] == [
        ("Layer thickness", "", 0),
        ("Min", "0.203 mm", 1),
        ("Median", "0.953 mm", 1),
        ("Max", "3.61 mm", 1),
        ("Scaled Jacobian 1st percentile", "0.0803", 0),
    ]


def test_outlets_are_told_in_units_that_clinicians_use() -> None:
    """1 mmHg s/mL is 133.322e6 Pa s/m3, so that resistance times compliance stays the same time."""
    outlet = {"r_proximal_pa_s_m3": 133.322387415e6, "c_m3_pa": 2e-6 / 133.322387415, "r_distal_pa_s_m3": 1.5e9}
    assert [(row.name, row.value) for row in rows_of({"windkessels": {"arch": outlet}})][2:] == [
        ("Proximal resistance", "1 mmHg s/mL"),
        ("Compliance", "2 mL/mmHg"),
        ("Distal resistance", "11.3 mmHg s/mL"),
    ]


def test_facts_cannot_smuggle_markup_into_the_window() -> None:
    assert "<b>" not in table_of({"title": "<b>x</b>", "notes": ["<b>y</b>"]})
