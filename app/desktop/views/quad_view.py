"""Axial, sagittal, coronal and 3D side by side, with one crosshair and one window for the three slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QLabel, QWidget

from app.desktop.views.label_colors import label_colors
from app.desktop.views.slice_plane import PLANE_NAMES, PlaneName
from app.desktop.views.slice_view import SliceView
from app.desktop.views.window_level import FIRST_WINDOW, Window
from imaging.types import FloatArray, Grid, LabelMap, Volume

Layout = Literal["four", "scene", "axial", "sagittal", "coronal", "only_scene"]
_SAME_PLACE_MM = 1e-3


class QuadView(QWidget):
    """The views of a case. Positions are LPS mm; nothing here is kept when the window closes."""

    position_changed = Signal(object)
    window_changed = Signal(object)
    point_placed = Signal(str, object)
    layout_changed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slices: dict[PlaneName, SliceView] = {name: SliceView(name, self) for name in PLANE_NAMES}
        self.scene: QWidget = QLabel("Loading the 3D view", self)
        self.position_mm: FloatArray = np.zeros(3)
        self._has_position = self._is_chosen = False
        self.window_level = FIRST_WINDOW
        self.volume: Volume | None = None
        self._labels: LabelMap | None = None
        self._layout_name: Layout = "four"
        self._layout_before: Layout = "four"
        self._opacity = 0.45
        self._hidden: frozenset[int] = frozenset()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(2, 2, 2, 2)
        self._grid.setSpacing(2)
        for view in self.slices.values():
            view.position_picked.connect(self.choose_position)
            view.window_dragged.connect(self.set_window)
            view.point_placed.connect(self.point_placed)
            view.maximize_asked.connect(self._toggle_sender)
        self.set_layout("four")

    def set_scene(self, scene: QWidget) -> None:
        """Put the 3D view in its place."""
        old, self.scene = self.scene, scene
        self._grid.removeWidget(old)
        old.hide()
        old.deleteLater()
        scene.setParent(self)
        self.set_layout(self._layout_name)

    # What is shown ----------------------------------------------------------------------------------------------------

    def set_volume(self, volume: Volume | None) -> None:
        """Show a scan; the crosshair goes to its middle unless it lies in it already."""
        self.volume = volume
        for view in self.slices.values():
            view.set_volume(volume)
        self.set_labels(self._labels)
        if volume is not None and not (self._has_position and volume.grid.contains(self.position_mm)):
            self.set_position(volume.grid.to_lps((np.asarray(volume.grid.size) - 1) / 2.0))

    def set_labels(self, labels: LabelMap | None) -> None:
        """Show labels over the scan; labels of another scan, whose voxels lie elsewhere, are not shown."""
        self._labels = labels
        fits = labels is not None and self.volume is not None and _is_same_grid(labels.grid, self.volume.grid)
        for view in self.slices.values():
            view.set_labels(labels if fits else None)

    def refresh_labels(self, boxes: list[Any]) -> None:
        """The labels within boxes of voxels (k, j, i) changed in place."""
        for view in self.slices.values():
            for box in boxes:
                view.refresh_labels(box)

    def set_label_look(self, opacity: float, hidden: frozenset[int]) -> None:
        """How opaque the labels are, and which are not shown."""
        table = label_colors(opacity, hidden)
        for view in self.slices.values():
            view.set_label_table(table)

    def set_points(self, points: Mapping[str, tuple[float, float, float]]) -> None:
        """Landmarks to show."""
        for view in self.slices.values():
            view.set_points(points)

    def set_armed(self, role: str | None) -> None:
        """The point that the next click in a slice places."""
        for view in self.slices.values():
            view.set_armed(role)

    def set_can_edit(self, can_edit: bool) -> None:
        """Whether points can be dragged."""
        for view in self.slices.values():
            view.set_can_edit(can_edit)

    def set_shows(self, *, crosshair: bool | None = None, labels: bool | None = None) -> None:
        """Turn the crosshair or the labels on or off."""
        for view in self.slices.values():
            view.set_shows(crosshair=crosshair, labels=labels)

    def choose_position(self, position_mm: Any) -> None:
        """Move the crosshair because the user wants it there; no suggestion moves it away any more."""
        self._is_chosen = True
        self.set_position(position_mm)

    def suggest_position(self, position_mm: Any) -> None:
        """Move the crosshair to where something is to be seen, unless the user chose a place in this case."""
        if position_mm is not None and not self._is_chosen:
            self.set_position(position_mm)

    def forget_position(self) -> None:
        """Begin anew, for another case."""
        self._has_position = self._is_chosen = False

    def set_position(self, position_mm: Any) -> None:
        """Move the crosshair in all views."""
        self.position_mm = np.asarray(position_mm, dtype=float)
        self._has_position = True
        for view in self.slices.values():
            view.set_position(self.position_mm)
        self.position_changed.emit(self.position_mm)

    def set_window(self, window: Window) -> None:
        """Change the window of all slices."""
        self.window_level = window
        for view in self.slices.values():
            view.set_window(window)
        self.window_changed.emit(window)

    def fit(self) -> None:
        """Show whole slices."""
        for view in self.slices.values():
            view.fit()

    # Layout -----------------------------------------------------------------------------------------------------------

    @property
    def layout_name(self) -> Layout:
        """The present layout."""
        return self._layout_name

    def set_layout(self, name: Layout) -> None:
        """``four`` side by side, ``scene``: 3D large beside the slices, or one view alone."""
        self._layout_name = name
        views: dict[str, QWidget] = {"scene": self.scene, **{str(key): view for key, view in self.slices.items()}}
        for view in views.values():
            self._grid.removeWidget(view)
        for n in range(3):
            self._grid.setRowStretch(n, 0)
            self._grid.setColumnStretch(n, 0)
        places: dict[str, tuple[int, int, int, int]]
        if name == "four":
            places = {"axial": (0, 0, 1, 1), "sagittal": (0, 1, 1, 1), "coronal": (1, 0, 1, 1), "scene": (1, 1, 1, 1)}
            rows, columns = (1, 1, 0), (1, 1, 0)
        elif name == "scene":
            places = {"scene": (0, 0, 3, 1), "axial": (0, 1, 1, 1), "sagittal": (1, 1, 1, 1), "coronal": (2, 1, 1, 1)}
            rows, columns = (1, 1, 1), (3, 1, 0)
        else:
            places = {"scene" if name == "only_scene" else name: (0, 0, 1, 1)}
            rows, columns = (1, 0, 0), (1, 0, 0)
        for n in range(3):
            self._grid.setRowStretch(n, rows[n])
            self._grid.setColumnStretch(n, columns[n])
        for key, view in views.items():
            if key in places:
                self._grid.addWidget(view, *places[key])
            view.setVisible(key in places)
        self.layout_changed.emit(name)

    def toggle_maximized(self, name: Layout) -> None:
        """Show one view alone, or go back to the layout before."""
        if self._layout_name == name:
            self.set_layout(self._layout_before)
        else:
            self._layout_before = self._layout_name
            self.set_layout(name)

    def _toggle_sender(self) -> None:
        view = self.sender()
        assert isinstance(view, SliceView)
        self.toggle_maximized(view.name)


def _is_same_grid(first: Grid, second: Grid) -> bool:
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) * np.asarray(first.size)
    return first.size == second.size and np.allclose(first.to_lps(corners), second.to_lps(corners), atol=_SAME_PLACE_MM)
