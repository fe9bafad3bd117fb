"""Forms made from declared parameters."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSpinBox,
    QWidget,
)

from app.desktop.session.words import unit_text
from app.workflow.parameters import Parameter, describe
from app.workflow.patient import derived_values, entered_parameters, patient_values

_WIDEST = 1e9
_UNIT_SUFFIXES = (
    "_mm",
    "_s",
    "_hu",
    "_mmhg",
    "_bpm",
    "_l_min",
    "_kg_m3",
    "_mpa_s",
    "_ml",
    "_deg",
    "_radii",
    "_voxels",
    "_percent",
)


class NumberField(QDoubleSpinBox):
    """A number without trailing zeros; the wheel changes it only when it has the focus."""

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setDecimals(6)
        low, high = parameter.minimum, parameter.maximum
        self.setRange(-_WIDEST if low is None else low, _WIDEST if high is None else high)
        self.setStepType(QAbstractSpinBox.StepType.AdaptiveDecimalStepType)
        self.setSuffix(f" {unit_text(parameter.unit)}" if unit_text(parameter.unit) else "")
        self.setKeyboardTracking(False)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def textFromValue(self, value: float) -> str:
        return f"{value:.6g}"

    def wheelEvent(self, event: QWheelEvent) -> None:
        if self.hasFocus():
            super().wheelEvent(event)
        else:
            event.ignore()


class FileField(QWidget):
    """The path of a file, typed or chosen; it is used for the next run of the step and not kept."""

    def __init__(self, parameter: Parameter, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path = QLineEdit()
        self.path.setPlaceholderText("none")
        self.path.setAccessibleName(parameter.help)
        browse = QPushButton("…")
        browse.setFixedWidth(32)
        browse.setToolTip("Choose a file")
        browse.clicked.connect(self._browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self.path, 1)
        row.addWidget(browse)

    def _browse(self) -> None:
        names, _ = QFileDialog.getOpenFileNames(self, self.path.accessibleName())
        if names:
            self.path.setText(",".join(names))


def title_of(parameter: Parameter) -> str:
    """A parameter's name for people: without its unit, with a capital letter."""
    name = parameter.name
    for suffix in _UNIT_SUFFIXES:
        name = name.removesuffix(suffix)
    name = name.removeprefix("n_") if parameter.kind is int else name
    words = name.replace("_", " ")
    return words[0].upper() + words[1:]


def tooltip_of(parameter: Parameter) -> str:
    """What a parameter means, its bounds, its default and where that is from."""
    unit = f" {unit_text(parameter.unit)}" if unit_text(parameter.unit) else ""
    lines = [parameter.help]
    if parameter.minimum is not None and parameter.maximum is not None and parameter.kind is not bool:
        lines.append(f"From {parameter.minimum:g} to {parameter.maximum:g}{unit}.")
    lines.append(f"Default: {parameter.default}{unit}" + (f" ({parameter.source})." if parameter.source else "."))
    return "\n".join(lines)


class ParameterForm(QWidget):
    """One field for each declared parameter that is not private, and one for each file.

    ``edited`` carries all values after an edit.
    """

    edited = Signal(object)

    def __init__(self, declaration: type[Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._get: dict[str, Callable[[], Any]] = {}
        self._set: dict[str, Callable[[Any], None]] = {}
        self._defaults: dict[str, Any] = {}
        self.fields: dict[str, QWidget] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setRowWrapPolicy(QFormLayout.RowWrapPolicy.WrapLongRows)
        layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        self._files: dict[str, FileField] = {}
        for parameter in describe(declaration):
            if parameter.is_file:
                chooser = self._files[parameter.name] = FileField(parameter)
                chooser.setToolTip(parameter.help)
                layout.addRow(f"{title_of(parameter)} file", chooser)
            elif not parameter.is_private:
                field = self._field(parameter)
                label = QLabel(title_of(parameter))
                for widget in (field, label):
                    widget.setToolTip(tooltip_of(parameter))
                field.setAccessibleName(parameter.help)
                label.setBuddy(field)
                layout.addRow(label, field)
                self.fields[parameter.name] = field
                self._defaults[parameter.name] = parameter.default

    @property
    def values(self) -> dict[str, Any]:
        """What the fields say."""
        return {name: get() for name, get in self._get.items()}

    @property
    def files(self) -> dict[str, str]:
        """The files that are chosen, by parameter."""
        chosen = {name: field.path.text().strip() for name, field in self._files.items()}
        return {name: path for name, path in chosen.items() if path}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show values over the defaults, without saying that something was edited."""
        for name, default in self._defaults.items():
            field = self.fields[name]
            field.blockSignals(True)
            self._set[name](values.get(name, default))
            field.blockSignals(False)

    def show_only(self, names: Collection[str]) -> None:
        """Hide the fields of settings that do not count now."""
        layout = self.layout()
        assert isinstance(layout, QFormLayout)
        for name, field in self.fields.items():
            layout.setRowVisible(field, name in names)

    def _field(self, parameter: Parameter) -> QWidget:
        if parameter.choices:
            choice = QComboBox()
            choice.addItems(list(parameter.choices))
            choice.setCurrentText(str(parameter.default))
            choice.currentTextChanged.connect(self._tell)
            return self._with(parameter, choice, choice.currentText, choice.setCurrentText)
        if parameter.kind is bool:
            check = QCheckBox()
            check.setChecked(parameter.default)
            check.toggled.connect(self._tell)
            return self._with(parameter, check, check.isChecked, check.setChecked)
        if parameter.kind is int:
            whole = QSpinBox()
            low, high = parameter.minimum, parameter.maximum
            whole.setRange(int(-_WIDEST if low is None else low), int(_WIDEST if high is None else high))
            whole.setKeyboardTracking(False)
            whole.setValue(parameter.default)
            whole.valueChanged.connect(self._tell)
            return self._with(parameter, whole, whole.value, whole.setValue)
        if parameter.kind is float:
            number = NumberField(parameter)
            number.setValue(parameter.default)
            number.valueChanged.connect(self._tell)
            return self._with(parameter, number, number.value, number.setValue)
        text = QLineEdit(str(parameter.default))
        text.editingFinished.connect(self._tell)
        return self._with(parameter, text, text.text, text.setText)

    def _with(
        self, parameter: Parameter, field: QWidget, get: Callable[[], Any], put: Callable[[Any], None]
    ) -> QWidget:
        self._get[parameter.name], self._set[parameter.name] = get, put
        return field

    def _tell(self, *_: object) -> None:
        self.edited.emit(self.values)


_WIDEST_LABEL_PX = 170
"""A longer name takes two lines, so that what stands beside it is not pushed out of the panel."""


class PatientForm(QWidget):
    """The patient's values; one that was not entered is marked as assumed, with its source.

    ``entered`` carries a name and a value, or None to make the value unknown again.
    """

    entered = Signal(str, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields: dict[str, NumberField] = {}
        self.marks: dict[str, QPushButton] = {}
        layout = QFormLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for parameter in entered_parameters():
            field = NumberField(parameter)
            field.setToolTip(tooltip_of(parameter))
            field.setAccessibleName(parameter.help)
            field.valueChanged.connect(lambda value, name=parameter.name: self.entered.emit(name, float(value)))
            mark = QPushButton()
            mark.setFlat(True)
            mark.clicked.connect(lambda checked=False, name=parameter.name: self.entered.emit(name, None))
            row = QHBoxLayout()
            row.addWidget(field, 1)
            row.addWidget(mark)
            label = QLabel(parameter.help)
            label.setFixedWidth(min(label.sizeHint().width(), _WIDEST_LABEL_PX))
            label.setWordWrap(True)
            label.setBuddy(field)
            layout.addRow(label, row)
            self.fields[parameter.name], self.marks[parameter.name] = field, mark
        self.set_entered({})

    def set_entered(self, entered: Mapping[str, float]) -> None:
        """Show what was entered, and the population values that stand in for the rest."""
        used, followed = vars(patient_values(entered)), derived_values(entered)
        for parameter in entered_parameters():
            field, mark = self.fields[parameter.name], self.marks[parameter.name]
            is_known = parameter.name in entered
            field.blockSignals(True)
            value = entered[parameter.name] if is_known else used.get(parameter.name, parameter.default)
            field.setValue(value if is_known else float(f"{value:.4g}"))
            field.blockSignals(False)
            word = "follows" if parameter.name in followed else "assumed" if parameter.name in used else "not used"
            mark.setText("entered ×" if is_known else word)
            mark.setEnabled(is_known)
            how = followed[parameter.name].how if parameter.name in followed else parameter.source
            mark.setToolTip(f"Make it unknown again; {how}" if is_known else f"Not entered; {how}")
            mark.setAccessibleName(f"{parameter.help}: {'entered, press to clear' if is_known else word}")
            mark.setStyleSheet("" if is_known else "color: #f0b450; font-style: italic;")
