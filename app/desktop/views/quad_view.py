"""Axial, sagittal, coronal and 3D side by side, with one crosshair and one window for the three slices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import numpy as np
from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.views.label_colors import label_colors
from app.desktop.views.mouse_profile import MouseProfile
from app.desktop.views.oblique_plane import ObliquePlane, Reslicers
from app.desktop.views.slice_plane import PLANE_NAMES, PlaneName, SlicePlane
from app.desktop.views.slice_view import SliceView
from app.desktop.views.window_level import FIRST_WINDOW, Window
from imaging.reformat.slab import SLAB_MODES, THIN, Slab
from imaging.types import FloatArray, Grid, LabelMap, Volume

Layout = Literal["four", "scene", "axial", "sagittal", "coronal", "only_scene", "vessel", "curved", "cross"]
Place = tuple[int, int, int, int]
"""Row, column, and how many rows and columns are covered."""

_LAYOUTS: dict[str, tuple[dict[str, Place], tuple[int, int, int], tuple[int, int, int]]] = {
    "four": (
        {"axial": (0, 0, 1, 1), "sagittal": (0, 1, 1, 1), "coronal": (1, 0, 1, 1), "scene": (1, 1, 1, 1)},
        (1, 1, 0),
        (1, 1, 0),
    ),
    "scene": (
        {"scene": (0, 0, 3, 1), "axial": (0, 1, 1, 1), "sagittal": (1, 1, 1, 1), "coronal": (2, 1, 1, 1)},
        (1, 1, 1),
        (3, 1, 0),
    ),
    "vessel": (
        {
            "curved": (0, 0, 3, 1),
            "cross": (0, 1, 1, 1),
            "scene": (0, 2, 1, 1),
            "axial": (1, 1, 1, 1),
            "sagittal": (1, 2, 1, 1),
            "profile": (2, 1, 1, 2),
        },
        (3, 3, 2),
        (3, 3, 3),
    ),
}
"""Where the views are, and how the rows and columns share the room; every other layout is one view alone."""
_SAME_PLACE_MM = 1e-3
_CINE_MS = 80
_THICKNESSES_MM = (1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 15.0, 20.0, 30.0, 50.0)


class QuadView(QWidget):
    """The views of a case. Positions are LPS mm; nothing here is kept when the window closes."""

    position_changed = Signal(object)
    window_changed = Signal(object)
    point_placed = Signal(str, object)
    layout_changed = Signal(str)
    planes_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slices: dict[PlaneName, SliceView] = {name: SliceView(name, self) for name in PLANE_NAMES}
        self.scene: QWidget = QLabel("Loading the 3D view", self)
        self._more: dict[str, QWidget] = {}
        self.position_mm: FloatArray = np.zeros(3)
        self._has_position = self._is_chosen = False
        self.window_level = FIRST_WINDOW
        self.volume: Volume | None = None
        self._labels: LabelMap | None = None
        self._layout_name: Layout = "four"
        self._layout_before: Layout = "four"
        self._opacity = 0.45
        self._hidden: frozenset[int] = frozenset()
        self.slab = THIN
        self._reslicers = Reslicers()
        self._oblique: dict[PlaneName, ObliquePlane] = {}
        self._windows: dict[str, DetachedWindow] = {}
        self._cine = QTimer(self)
        self._cine.setInterval(_CINE_MS)
        self._cine.timeout.connect(self._next_picture)
        self._cine_view: PlaneName = "axial"
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(2, 2, 2, 2)
        self._grid.setSpacing(2)
        for view in self.slices.values():
            view.position_picked.connect(self.choose_position)
            view.window_dragged.connect(self.set_window)
            view.point_placed.connect(self.point_placed)
            view.maximize_asked.connect(self._toggle_sender)
            view.turned.connect(self._turn_sender)
        self.set_layout("four")

    def set_scene(self, scene: QWidget) -> None:
        """Put the 3D view in its place."""
        old, self.scene = self.scene, scene
        self._grid.removeWidget(old)
        old.hide()
        old.deleteLater()
        scene.setParent(self)
        self.set_layout(self._layout_name)

    def add_view(self, name: str, view: QWidget) -> None:
        """A further view, which the layouts of its name and ``vessel`` show."""
        self._more[name] = view
        view.setParent(self)
        view.hide()

    # What is shown ----------------------------------------------------------------------------------------------------

    def set_volume(self, volume: Volume | None) -> None:
        """Show a scan; the crosshair goes to its middle unless it lies in it already."""
        self.volume = volume
        self._oblique = {}
        self._reslicers.clear()
        for view in self.slices.values():
            view.set_volume(volume)
            view.set_others((), shows_handles=False)
        self.set_labels(self._labels)
        if volume is not None and not (self._has_position and volume.grid.contains(self.position_mm)):
            self.set_position(volume.grid.to_lps((np.asarray(volume.grid.size) - 1) / 2.0))

    def show_phase(self, volume: Volume) -> None:
        """Show another phase of the same scan in the slices, where they are."""
        self.volume = volume
        for view in self.slices.values():
            view.show_phase(volume)

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

    # Planes -----------------------------------------------------------------------------------------------------------

    @property
    def planes(self) -> tuple[SlicePlane | ObliquePlane, ...]:
        """The planes that are shown."""
        return tuple(view.plane for view in self.slices.values() if view.plane is not None)

    @property
    def is_oblique(self) -> bool:
        """Whether the planes can be turned."""
        return bool(self._oblique)

    def set_oblique(self, is_oblique: bool) -> None:
        """Let the planes be turned about the crosshair, or lay them along the scan's axes again."""
        if self.volume is None or is_oblique == self.is_oblique:
            return
        grid = self.volume.grid
        straight = {name: SlicePlane.of(name, grid) for name in PLANE_NAMES}
        self._oblique = {}
        if is_oblique:
            self._show_oblique({name: ObliquePlane.of(plane, self._reslicers) for name, plane in straight.items()})
            return
        for name, view in self.slices.items():
            view.set_plane(straight[name])
            view.set_others((), shows_handles=False)
        self.planes_changed.emit()
        self.set_position(self.position_mm)

    def turn(self, name: PlaneName, angle_deg: float) -> None:
        """Turn the two other planes about the crosshair in one of them, clockwise as it is seen."""
        if self._oblique:
            self._show_oblique(ObliquePlane.turned(self._oblique, name, angle_deg))

    def _show_oblique(self, planes: dict[PlaneName, ObliquePlane]) -> None:
        self._oblique = planes
        for name, view in self.slices.items():
            view.set_plane(planes[name])
            others = [(planes[other].axes[2], theme.PLANE_COLORS[other]) for other in PLANE_NAMES if other != name]
            view.set_others(tuple(others), shows_handles=True)
        self.planes_changed.emit()

    def set_slab(self, slab: Slab) -> None:
        """Show thin or thick slices in all planes."""
        self.slab = slab
        for view in self.slices.values():
            view.set_slab(slab)

    def next_slab(self) -> None:
        """Go from thin slices to MIP, MinIP, mean, and back."""
        mode = SLAB_MODES[(SLAB_MODES.index(self.slab.mode) + 1) % len(SLAB_MODES)]
        self.set_slab(Slab(mode, self.slab.thickness_mm))

    def thicken(self, steps: int) -> None:
        """A thicker slab, or a thinner one."""
        larger = [t for t in _THICKNESSES_MM if t > self.slab.thickness_mm]
        smaller = [t for t in _THICKNESSES_MM if t < self.slab.thickness_mm]
        found = larger[:1] if steps > 0 else smaller[-1:]
        self.set_slab(Slab(self.slab.mode, found[0] if found else self.slab.thickness_mm))

    def set_cine(self, is_playing: bool) -> None:
        """Run through the slices of the view that has the keyboard (or the axial ones), again and again, or stop."""
        if not is_playing:
            self._cine.stop()
        elif self.volume is not None:
            self._cine_view = next((name for name, view in self.slices.items() if view.hasFocus()), "axial")
            self._cine.start()

    def _next_picture(self) -> None:
        view = self.slices[self._cine_view]
        if view.plane is None:
            self._cine.stop()
            return
        before = self.position_mm
        after = view.plane.stepped(before, 1)
        if np.allclose(after, view.plane.stepped(before, 0)):  # at the end: go on from the other one
            after = view.plane.stepped(before, -int(view.plane.n_slices))
        self.choose_position(after)

    def set_profile(self, profile: MouseProfile) -> None:
        """What the mouse's buttons do in the slices."""
        for view in self.slices.values():
            view.set_profile(profile)

    def _turn_sender(self, angle_deg: float) -> None:
        view = self.sender()
        assert isinstance(view, SliceView)
        self.turn(view.name, angle_deg)

    # Layout -----------------------------------------------------------------------------------------------------------

    @property
    def layout_name(self) -> Layout:
        """The present layout."""
        return self._layout_name

    def set_layout(self, name: Layout) -> None:
        """``four`` side by side, ``scene``: 3D large beside the slices, ``vessel``: along and across a vessel, or one
        view alone."""
        self._layout_name = name
        views: dict[str, QWidget] = {"scene": self.scene, **{str(key): view for key, view in self.slices.items()}}
        views |= self._more
        views = {key: view for key, view in views.items() if key not in self._windows}
        for view in views.values():
            self._grid.removeWidget(view)
        alone: dict[str, Place] = {"scene" if name == "only_scene" else name: (0, 0, 1, 1)}
        places, rows, columns = _LAYOUTS.get(name, (alone, (1, 0, 0), (1, 0, 0)))
        for n in range(3):
            self._grid.setRowStretch(n, rows[n])
            self._grid.setColumnStretch(n, columns[n])
        for key, view in views.items():
            if key in places:
                self._grid.addWidget(view, *places[key])
            view.setVisible(key in places)
        self.layout_changed.emit(name)

    def detach(self, name: str) -> None:
        """Put a view into a window of its own, for a second monitor; closing that brings it back."""
        views: dict[str, QWidget] = {"scene": self.scene, **{str(key): view for key, view in self.slices.items()}}
        view = (views | self._more).get(name)
        if view is None or name in self._windows:
            return
        self._grid.removeWidget(view)
        window = self._windows[name] = DetachedWindow(name, view, self.window())
        window.closed.connect(self._attach)
        self.set_layout(self._layout_name)
        window.show()
        view.show()

    def detach_focused(self) -> None:
        """Detach the view that has the keyboard, or else the 3D view."""
        found = [str(name) for name, view in self.slices.items() if view.hasFocus()]
        self.detach(found[0] if found else "scene")

    def attach_all(self) -> None:
        """Bring all views back."""
        for window in tuple(self._windows.values()):
            window.close()

    def _attach(self, name: str) -> None:
        window = self._windows.pop(name)
        window.view.setParent(self)
        window.deleteLater()
        self.set_layout(self._layout_name)

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


class DetachedWindow(QWidget):
    """A window of its own for one view."""

    closed = Signal(str)

    def __init__(self, name: str, view: QWidget, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Window)
        self.name, self.view = name, view
        self.setWindowTitle(f"{'3D' if name == 'scene' else name.capitalize()} – AngioTwin, not for diagnostic use")
        self.resize(900, 800)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(view)

    def closeEvent(self, event: QCloseEvent) -> None:
        self.closed.emit(self.name)
        event.accept()


def _is_same_grid(first: Grid, second: Grid) -> bool:
    corners = np.array([[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]) * np.asarray(first.size)
    return first.size == second.size and np.allclose(first.to_lps(corners), second.to_lps(corners), atol=_SAME_PLACE_MM)
