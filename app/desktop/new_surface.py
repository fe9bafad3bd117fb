"""Making a case from a surface: the unit of length is asked for, the openings are named, the inlet is chosen."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import (
    QButtonGroup,
    QDialogButtonBox,
    QFileDialog,
    QFrame,
    QGridLayout,
    QLabel,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.case.records import Record
from app.desktop.new_case import NewCaseDialog
from app.workflow.import_surface import SurfaceSummary, import_surface
from imaging.surface.foreign import MM_PER_UNIT, SUFFIXES
from imaging.types import Progress

SURFACE_FILTER = f"Surfaces ({' '.join(f'*{suffix}' for suffix in SUFFIXES)});;All files (*)"


def ask_surface_file(parent: QWidget) -> Path | None:
    """A surface file that the user chooses, or None."""
    name, _ = QFileDialog.getOpenFileName(parent, "Choose a surface", "", SURFACE_FILTER)
    return Path(name) if name else None


class NewSurfaceCaseDialog(NewCaseDialog):
    """Asks for title, place, unit, names of the openings and the inlet.

    No unit is chosen beforehand unless only one gives a vessel's size: a wrong one makes every number wrong.
    """

    def __init__(self, summary: SurfaceSummary, parent: QWidget | None = None) -> None:
        self._summary = summary
        self.units: dict[str, QRadioButton] = {}
        self.names: dict[int, QLineEdit] = {}
        self.inlets: dict[int, QRadioButton] = {}
        self._places: dict[int, QLabel] = {}
        super().__init__(parent)
        self.setWindowTitle("New case from a surface")
        self.setMinimumWidth(640)
        layout = self.layout()
        assert isinstance(layout, QVBoxLayout)
        layout.insertWidget(1, self._unit_box())
        layout.insertWidget(2, self._openings_box())
        if len(summary.likely_units) == 1:
            self.units[summary.likely_units[0]].setChecked(True)
        self._refresh()

    @property
    def unit(self) -> str:
        """The unit chosen, or an empty text."""
        return next((unit for unit, button in self.units.items() if button.isChecked()), "")

    @property
    def inlet(self) -> str:
        """The number of the opening where blood enters."""
        return next((str(number) for number, button in self.inlets.items() if button.isChecked()), "")

    @property
    def names_text(self) -> str:
        """The names given, as the step Model takes them."""
        given = {number: "_".join(field.text().split()) for number, field in self.names.items()}
        return ",".join(f"{number}={name}" for number, name in given.items() if name)

    def _unit_box(self) -> QWidget:
        box = QFrame()
        column = QVBoxLayout(box)
        column.setContentsMargins(0, 8, 0, 4)
        title = QLabel("<b>Unit of length</b>: the file does not say it. Which size is right?")
        title.setWordWrap(True)
        column.addWidget(title)
        group = QButtonGroup(self)
        for unit in MM_PER_UNIT:
            unlikely = "" if unit in self._summary.likely_units else " (no vessel's size)"
            button = QRadioButton(f"{unit}: {self._summary.sizes[unit]}{unlikely}")
            button.toggled.connect(self._refresh)
            group.addButton(button)
            column.addWidget(button)
            self.units[unit] = button
        return box

    def _openings_box(self) -> QWidget:
        box = QFrame()
        grid = QGridLayout(box)
        grid.setContentsMargins(0, 4, 0, 4)
        title = QLabel("<b>Openings</b>: name them, and say where blood enters.")
        grid.addWidget(title, 0, 0, 1, 4)
        for column, text in enumerate(("Number", "Size and place", "Name", "Inlet")):
            head = QLabel(text)
            head.setObjectName("muted")
            grid.addWidget(head, 1, column)
        group = QButtonGroup(self)
        widest = max(self._summary.openings, key=lambda opening: opening[1])[0]
        for row, (number, _, _) in enumerate(self._summary.openings, start=2):
            place, name, inlet = QLabel(), QLineEdit(), QRadioButton()
            name.setPlaceholderText(f"face_{number}")
            name.setAccessibleName(f"Name of opening {number}")
            inlet.setAccessibleName(f"Blood enters at opening {number}")
            inlet.setChecked(number == widest)
            group.addButton(inlet)
            for column, widget in enumerate((QLabel(str(number)), place, name, inlet)):
                grid.addWidget(widget, row, column)
            self.names[number], self.inlets[number], self._places[number] = name, inlet, place
        grid.setColumnStretch(2, 1)
        note = QLabel("The widest opening is taken for the inlet unless you choose another one.")
        note.setObjectName("muted")
        grid.addWidget(note, len(self._summary.openings) + 2, 0, 1, 4)
        return box

    def _refresh(self) -> None:
        super()._refresh()
        if not self.units:
            return
        unit = self.unit
        for number, radius, center in self._summary.openings:
            scale, words = (MM_PER_UNIT[unit], "mm") if unit else (1.0, "in the file")
            x, y, z = (c * scale for c in center)
            self._places[number].setText(f"radius {radius * scale:.3g} at {x:.3g}, {y:.3g}, {z:.3g} {words}")
        ok = self._buttons.button(QDialogButtonBox.StandardButton.Ok)
        ok.setEnabled(bool(self.title.text().strip()) and bool(unit))
        ok.setToolTip("" if unit else "Choose the unit of length first.")


def make_surface_case(
    source: Path, folder: Path, title: str, unit: str, inlet: str, names: str, progress: Progress
) -> Record:
    """Import a surface into a new case: what the child process does."""
    return import_surface(source, folder, title, unit=unit, inlet=inlet, names=names, progress=progress)
