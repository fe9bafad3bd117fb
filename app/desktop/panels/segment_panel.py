"""The points that a preset asks for, and the look of the labels."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QIcon, QPixmap
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from app.case.records import Case, Position
from app.desktop import theme
from app.desktop.panels.step_panel import StepPanel, section
from app.workflow.segment import placed_points
from imaging.segmentation.declaration import PointRole, Preset
from imaging.types import LabelMap

_FIRST_OPACITY = 0.45


class PointRow(QWidget):
    """One role: whether it is placed, and what can be done with it."""

    def __init__(self, role: PointRole, panel: SegmentPanel) -> None:
        super().__init__(panel)
        self.role = role
        self.mark = QLabel()
        self.mark.setFixedWidth(16)
        title = QLabel(f"{role.title} (optional)" if role.is_optional else role.title)
        title.setWordWrap(True)
        title.setToolTip(role.hint)
        self.place = QPushButton("Place")
        self.place.setCheckable(True)
        self.place.setToolTip(f"{role.hint} Then click in a slice.")
        self.place.clicked.connect(lambda checked: panel.arm_asked.emit(role.id if checked else ""))
        self.show_it = QPushButton("Go to")
        self.show_it.clicked.connect(lambda: panel.show_asked.emit(role.id))
        self.remove = QPushButton("×")
        self.remove.setToolTip("Remove the point")
        self.remove.clicked.connect(lambda: panel.remove_asked.emit(role.id))
        for button, verb in ((self.place, "Place"), (self.show_it, "Go to"), (self.remove, "Remove")):
            button.setAccessibleName(f"{verb} {role.title}")
        self.remove.setFixedWidth(30)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        row.addWidget(self.mark)
        row.addWidget(title, 1)
        row.addWidget(self.place)
        row.addWidget(self.show_it)
        row.addWidget(self.remove)

    def set_position(self, position: Position | None, is_writable: bool, is_armed: bool) -> None:
        """Show whether the point is placed."""
        is_placed = position is not None
        self.mark.setText("✓" if is_placed else "○")
        self.mark.setStyleSheet(f"color: {theme.STATE_COLORS['done' if is_placed else 'todo']}")
        where = f"L {position[0]:.1f}, P {position[1]:.1f}, H {position[2]:.1f} mm" if position else "not placed"
        self.mark.setToolTip(where)
        self.show_it.setToolTip(where)
        self.place.setText("Move" if is_placed else "Place")
        self.place.setChecked(is_armed)
        self.place.setEnabled(is_writable)
        self.show_it.setEnabled(is_placed)
        self.remove.setEnabled(is_placed and is_writable)


class SegmentPanel(StepPanel):
    """Points and labels. ``arm_asked`` carries a role, or an empty text to stop placing."""

    arm_asked = Signal(str)
    show_asked = Signal(str)
    remove_asked = Signal(str)
    label_look_changed = Signal(float, object)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.rows: dict[str, PointRow] = {}
        self.label_checks: dict[int, QCheckBox] = {}
        self._points: Mapping[str, Position] = {}
        self._armed = ""
        super().__init__("segment", parent)

    def add_sections(self) -> None:
        self.body.addWidget(section("Anatomy"))
        self.anatomy = QComboBox()
        self.anatomy.setAccessibleName("Anatomy")
        self.anatomy.setPlaceholderText("Choose the anatomy")
        self.anatomy.activated.connect(self._choose_anatomy)
        self.body.addWidget(self.anatomy)
        self.body.addWidget(section("Points"))
        self._hint = QLabel()
        self._hint.setWordWrap(True)
        self._hint.setObjectName("muted")
        self._points_box = QVBoxLayout()
        self._points_box.setSpacing(2)
        self.body.addLayout(self._points_box)
        self.body.addWidget(self._hint)

    def add_edit(self, edit: QWidget) -> None:
        """Put the edit tools into the panel."""
        self._edit_box.addWidget(section("Edit the labels"))
        self._edit_box.addWidget(edit)

    def add_sections_below(self) -> None:
        self._edit_box = QVBoxLayout()
        self.body.addLayout(self._edit_box)
        self._look = QWidget()
        look = QVBoxLayout(self._look)
        look.setContentsMargins(0, 0, 0, 0)
        look.addWidget(section("Labels over the scan"))
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(0, 100)
        self.opacity.setValue(round(100 * _FIRST_OPACITY))
        self.opacity.setAccessibleName("Opacity of the labels")
        self.opacity.valueChanged.connect(self._tell_look)
        row = QHBoxLayout()
        row.addWidget(QLabel("Opacity"))
        row.addWidget(self.opacity, 1)
        look.addLayout(row)
        self._checks = QGridLayout()
        look.addLayout(self._checks)
        self.body.addWidget(self._look)
        self._look.hide()

    def set_anatomies(self, presets: Sequence[Preset], shown: Preset) -> None:
        """What can be chosen, what is, and the points and settings that it has."""
        if self.anatomy.count() != len(presets):
            self.anatomy.clear()
            for n, preset in enumerate(presets):
                self.anatomy.addItem(preset.title, preset.id)
                self.anatomy.setItemData(n, preset.anatomy, Qt.ItemDataRole.ToolTipRole)
        self.anatomy.setCurrentIndex(self.anatomy.findData(shown.id))
        self.anatomy.setToolTip(shown.anatomy)
        self.anatomy.setEnabled(self._is_writable)
        self.set_roles(shown.roles)
        if self.form is not None:
            self.form.show_only([field.name for field in dataclasses.fields(shown.parameters_type)])

    def _choose_anatomy(self, index: int) -> None:
        chosen = {**self._remembered, "preset": str(self.anatomy.itemData(index))}
        self.parameters_edited.emit(self.step_id, chosen)

    def set_roles(self, roles: tuple[PointRole, ...]) -> None:
        """The points that the chosen preset asks for."""
        if tuple(self.rows) == tuple(role.id for role in roles):
            return
        for row in self.rows.values():
            self._points_box.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = {role.id: PointRow(role, self) for role in roles}
        for row in self.rows.values():
            self._points_box.addWidget(row)
        self._refresh_points()

    def set_case(self, case: Case, is_writable: bool) -> None:
        super().set_case(case, is_writable)
        self._points = placed_points(case)
        self._refresh_points()

    def set_armed(self, role: str) -> None:
        """The role that the next click in a slice places, or an empty text."""
        self._armed = role
        self._refresh_points()

    def is_placed(self, role: str) -> bool:
        """Whether a role of the chosen preset has its point."""
        return role in self.rows and role in self._points

    def next_missing(self) -> str:
        """The first role that needs a point and has none yet, or an empty text."""
        missing = (r for r, row in self.rows.items() if r not in self._points and not row.role.is_optional)
        return next(missing, "")

    def set_labels(self, labels: LabelMap | None) -> None:
        """The labels whose look can be changed."""
        for check in self.label_checks.values():
            self._checks.removeWidget(check)
            check.hide()
            check.deleteLater()
        names = labels.names if labels is not None else {}
        self.label_checks = {value: QCheckBox(name.replace("_", " ")) for value, name in sorted(names.items())}
        for n, (value, check) in enumerate(self.label_checks.items()):
            swatch = QPixmap(12, 12)
            swatch.fill(QColor(theme.CATEGORIES[(value - 1) % len(theme.CATEGORIES)]))
            check.setIcon(QIcon(swatch))
            check.setChecked(True)
            check.toggled.connect(self._tell_look)
            self._checks.addWidget(check, n // 2, n % 2)
        self._look.setVisible(labels is not None)
        self._tell_look()

    def _tell_look(self, *_: object) -> None:
        hidden = frozenset(value for value, check in self.label_checks.items() if not check.isChecked())
        self.label_look_changed.emit(self.opacity.value() / 100.0, hidden)

    def _refresh_points(self) -> None:
        for role, row in self.rows.items():
            row.set_position(self._points.get(role), self._is_writable, role == self._armed)
        if self._armed in self.rows:
            self._hint.setText(f"{self.rows[self._armed].role.hint} Esc stops.")
        else:
            needed = [role for role, row in self.rows.items() if not row.role.is_optional]
            n_missing = sum(role not in self._points for role in needed)
            self._hint.setText(f"{n_missing} of {len(needed)} points are missing." if n_missing else "")
        self._hint.setVisible(bool(self._hint.text()))
