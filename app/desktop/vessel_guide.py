"""Moving along a vessel: the picture along it, the section across it, its profile, the slices and the 3D view follow
one another."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyqtgraph
from PySide6.QtCore import QObject, Qt, QTimer, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.monitor.plots import Plot
from app.desktop.scene.actors import actor_of, lines_data
from app.desktop.session.background import Background
from app.desktop.session.session import Session
from app.desktop.views.quad_view import QuadView
from app.desktop.views.scene_view import SceneView
from app.desktop.views.vessel_pictures import CrossView, CurvedView
from app.workflow.vessel_views import CurvedParameters, VesselView, curved_picture, profile_of, vessel_view
from imaging.reformat.curved_planar import CurvedPicture, cross_section
from imaging.reformat.profile import VesselProfile, outlines
from imaging.types import FloatArray

_STEP_MM = 1.0
_REACH_RADII = 3.0
_REST_MS = 40
_LEAST_HEIGHT_PX, _MOST_HEIGHT_PX = 190, 300
_KINDS = {"Straightened": "straightened", "Stretched": "stretched"}
_LAYOUTS = ("vessel", "curved", "cross")
_SECTION_HALF_MM, _SECTION_RADII = 12.0, 2.5


class ProfileBar(QWidget):
    """The vessel that is shown, how it is cut, and its diameters and area with a cursor."""

    vessel_chosen = Signal(str)
    cut_changed = Signal()
    moved = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("panel")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self.setMinimumHeight(_LEAST_HEIGHT_PX)
        self.setMaximumHeight(_MOST_HEIGHT_PX)
        self.vessel = QComboBox()
        self.vessel.setAccessibleName("Vessel")
        self.kind = QComboBox()
        self.kind.addItems(list(_KINDS))
        self.kind.setAccessibleName("Kind of picture along the vessel")
        self.angle = QSlider(Qt.Orientation.Horizontal)
        self.angle.setRange(-180, 180)
        self.angle.setAccessibleName("Turn about the vessel")
        self.angle.setToolTip("Turns the cut about the vessel")
        self._angle_text = QLabel("0°")
        self._angle_text.setFixedWidth(44)
        self.curve = QComboBox()
        self.curve.addItems(["Diameter", "Area"])
        self.curve.setAccessibleName("What the plot shows")
        row = QHBoxLayout()
        row.setContentsMargins(8, 4, 8, 0)
        for text, widget in (("Vessel", self.vessel), ("Picture", self.kind), ("Plot", self.curve)):
            row.addWidget(QLabel(text))
            row.addWidget(widget)
        row.addWidget(QLabel("Turn"))
        row.addWidget(self.angle, 1)
        row.addWidget(self._angle_text)
        self.diameter = Plot("Diameter along the vessel", ("From the inlet", "mm"), ("Diameter", "mm"))
        self.area = Plot("Area along the vessel", ("From the inlet", "mm"), ("Area", "mm²"))
        self._cursors = []
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        for plot in (self.diameter, self.area):
            cursor = pyqtgraph.InfiniteLine(angle=90, movable=True, pen=pyqtgraph.mkPen(theme.POINT, width=1.5))
            cursor.sigDragged.connect(lambda line: self.moved.emit(float(line.value())))
            plot.add_line(cursor)
            plot.chart.scene().sigMouseClicked.connect(partial(self._click, plot))
            self._cursors.append(cursor)
            layout.addWidget(plot, 1)
        self.area.hide()
        self.vessel.currentTextChanged.connect(self.vessel_chosen)
        self.kind.currentTextChanged.connect(lambda text: self.cut_changed.emit())
        self.angle.valueChanged.connect(self._turn)
        self.curve.currentTextChanged.connect(self._choose_curve)

    def set_profile(self, profile: VesselProfile | None) -> None:
        """Show what was measured along the vessel."""
        self.diameter.clear_curves()
        self.area.clear_curves()
        if profile is not None:
            along = profile.along_mm
            self.diameter.show_curve("of equal area", along, profile.diameter_mm, theme.ACCENT)
            self.diameter.show_curve("inscribed sphere", along, profile.inscribed_mm, theme.CATEGORIES[0], dashed=True)
            self.area.show_curve("of the lumen", along, profile.area_mm2, theme.ACCENT)

    def set_along(self, along_mm: float) -> None:
        """Where the cursor stands."""
        for cursor in self._cursors:
            cursor.setValue(along_mm)

    def _turn(self, degrees: int) -> None:
        self._angle_text.setText(f"{degrees}°")
        self.cut_changed.emit()

    def _choose_curve(self, text: str) -> None:
        self.diameter.setVisible(text == "Diameter")
        self.area.setVisible(text == "Area")

    def _click(self, plot: Plot, event: Any) -> None:
        box = plot.chart.getPlotItem().getViewBox()
        if box.sceneBoundingRect().contains(event.scenePos()):
            self.moved.emit(float(box.mapSceneToView(event.scenePos()).x()))


class VesselGuide(QObject):
    """Keeps the views of a vessel in line with each other and with the crosshair of the slices."""

    def __init__(self, quad: QuadView, scene: SceneView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.curved, self.cross, self.bar = CurvedView(), CrossView(), ProfileBar()
        self.along_mm = 0.0
        self.view: VesselView | None = None
        self.profile: VesselProfile | None = None
        self.picture: CurvedPicture | None = None
        self._quad, self._scene = quad, scene
        self._session: Session | None = None
        self._generation = 0
        self._is_moving = False
        self._work = Background("vessel", self)
        self._rest = QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.timeout.connect(self._show_ring)
        self._turned = QTimer(self)
        self._turned.setSingleShot(True)
        self._turned.timeout.connect(self._ask_picture)
        for name, widget in (("curved", self.curved), ("cross", self.cross), ("profile", self.bar)):
            quad.add_view(name, widget)
        for picture in (self.curved, self.cross):
            picture.window_dragged.connect(quad.set_window)
            picture.stepped.connect(lambda notches: self.go_to(self.along_mm - notches * _STEP_MM))
            picture.set_window(quad.window_level)
            quad.window_changed.connect(picture.set_window)
        self.curved.picked.connect(self._pick_along)
        self.cross.picked.connect(self._pick_across)
        self.curved.maximize_asked.connect(lambda: quad.toggle_maximized("curved"))
        self.cross.maximize_asked.connect(lambda: quad.toggle_maximized("cross"))
        self.bar.moved.connect(self.go_to)
        self.bar.vessel_chosen.connect(self.choose)
        self.bar.cut_changed.connect(lambda: self._turned.start(_REST_MS))
        quad.position_changed.connect(self._follow)
        quad.layout_changed.connect(lambda name: self._take_layout())

    def set_session(self, session: Session | None) -> None:
        """Show the vessels of a case, or nothing."""
        self._session = session
        if session is not None:
            session.data.loaded.connect(self._take)
        self._fill()

    def close(self) -> None:
        """End the thread."""
        self._work.close(finish=False)

    def choose(self, name: str) -> None:
        """Show a vessel by its name."""
        data = self._session.data if self._session is not None else None
        self._generation += 1
        self.view = self.profile = self.picture = None
        self.bar.set_profile(None)
        self.curved.set_picture(None)
        self.cross.set_section(None, np.zeros((0, 2, 3)), [])
        self._show_ring()
        if data is None or data.model is None or data.volume is None or not name or not self._is_shown:
            return
        model = data.model
        work = partial(lambda: (found := vessel_view(model, name), profile_of(model, found)))
        self._work.submit(work, partial(self._take_vessel, self._generation), self._refuse)

    def go_to(self, along_mm: float) -> None:
        """Look at a place of the vessel; everything follows."""
        if self.view is None:
            return
        self.along_mm = float(np.clip(along_mm, 0.0, self.view.line.length_mm))
        self._is_moving = True
        self._quad.choose_position(self.view.line.at(self.along_mm)[0])
        self._is_moving = False
        self._show_place()

    @property
    def _is_shown(self) -> bool:
        return self._quad.layout_name in _LAYOUTS

    def _take_layout(self) -> None:
        """A vessel is worked out when it is looked at first."""
        if self._is_shown and self.view is None:
            self.choose(self.bar.vessel.currentText())
        self._show_ring()

    def _take(self, item: str, content: Any) -> None:
        if item in ("image", "model"):
            self._fill()

    def _fill(self) -> None:
        """The vessels that can be chosen."""
        data = self._session.data if self._session is not None else None
        model = data.model if data is not None and data.volume is not None else None
        names = [branch.name for branch in model.centerlines.branches] if model is not None else []
        self.bar.vessel.blockSignals(True)
        self.bar.vessel.clear()
        self.bar.vessel.addItems(names)
        self.bar.vessel.blockSignals(False)
        self.choose(names[0] if names else "")

    def _take_vessel(self, generation: int, made: tuple[VesselView, VesselProfile]) -> None:
        if generation != self._generation:
            return
        self.view, self.profile = made
        self.bar.set_profile(self.profile)
        along, distance = self.view.line.nearest(self._quad.position_mm)
        self.along_mm = along if distance <= self._near_mm(along) else 0.5 * self.view.line.length_mm
        self._ask_picture()
        self._show_place()

    def _ask_picture(self) -> None:
        data = self._session.data if self._session is not None else None
        if self.view is None or data is None or data.volume is None:
            return
        self._generation += 1
        parameters = CurvedParameters(kind=_KINDS[self.bar.kind.currentText()], angle=float(self.bar.angle.value()))
        work = partial(curved_picture, data.volume, self.view, parameters)
        self._work.submit(work, partial(self._take_picture, self._generation), self._refuse)

    def _take_picture(self, generation: int, picture: CurvedPicture) -> None:
        if generation != self._generation or self.view is None:
            return
        self.picture = picture
        start = self.view.own_start_mm
        marks = ((start, f"{self.view.name.replace('_', ' ')} begins"),) if start > 1.0 else ()
        self.curved.set_picture(picture, marks)
        self._show_place()

    def _refuse(self, refusal: Any) -> None:
        if self._session is not None:
            self._session.refused.emit(refusal)

    def _follow(self, position_mm: FloatArray) -> None:
        """The crosshair was moved elsewhere: go to the place of the vessel beside it."""
        if self.view is None or self._is_moving:
            return
        along, distance = self.view.line.nearest(position_mm)
        if distance <= self._near_mm(along):
            self.along_mm = along
            self._show_place()

    def _near_mm(self, along_mm: float) -> float:
        return _REACH_RADII * self._radius_mm(along_mm)

    def _radius_mm(self, along_mm: float) -> float:
        assert self.profile is not None
        return 0.5 * float(np.interp(along_mm, self.profile.along_mm, self.profile.inscribed_mm))

    def _show_place(self) -> None:
        """Bring the pictures and the plot to the place that is looked at."""
        data = self._session.data if self._session is not None else None
        if self.view is None or self.profile is None or data is None or data.volume is None or data.model is None:
            return
        self.curved.set_along(self.along_mm)
        self.bar.set_along(self.along_mm)
        pixel = float(min(data.volume.grid.spacing_mm)) / 2.0
        half = max(_SECTION_HALF_MM, _SECTION_RADII * 0.5 * float(np.nanmax(self.profile.inscribed_mm)))
        section = cross_section(data.volume, self.view.line, self.along_mm, half, pixel, float(self.bar.angle.value()))
        tangent = self.view.line.at(self.along_mm)[1]
        outline = outlines(data.model.surface, section.center_mm, tangent, 1.5 * half)
        self.cross.set_section(section, outline, self._words())
        self._rest.start(_REST_MS)

    def _words(self) -> list[tuple[str, str]]:
        assert self.profile is not None
        n = int(np.abs(self.profile.along_mm - self.along_mm).argmin())
        area, diameter = float(self.profile.area_mm2[n]), float(self.profile.diameter_mm[n])
        lines = [(f"{self.along_mm:.1f} mm", theme.POINT)]
        if np.isfinite(area):
            lines += [(f"{area:.0f} mm²", theme.TEXT), (f"⌀ {diameter:.1f} mm", theme.TEXT)]
        else:
            lines.append(("joins another", theme.WARNING))
        lines.append((f"inscribed {self.profile.inscribed_mm[n]:.1f} mm", theme.TEXT))
        return lines

    def _show_ring(self) -> None:
        """The section's outline in the 3D view, while a vessel is looked at."""
        data = self._session.data if self._session is not None else None
        if not self._is_shown or self.view is None or data is None or data.model is None:
            self._scene.set_layer("section", None)
            return
        point, tangent, _, _ = self.view.line.at(self.along_mm)
        segments = outlines(data.model.surface, point, tangent, 2.0 * self._radius_mm(self.along_mm) + 1.0)
        if not len(segments):
            self._scene.set_layer("section", None)
            return
        self._scene.set_layer("section", partial(_ring_actors, segments))

    def _pick_along(self, right_mm: float, down_mm: float) -> None:
        if self.picture is not None:
            self.go_to(self.picture.along_at(down_mm))

    def _pick_across(self, right_mm: float, down_mm: float) -> None:
        """The crosshair goes to the place itself; the section stays."""
        section = self.cross.section
        if section is not None:
            self._is_moving = True
            self._quad.choose_position(section.to_lps(right_mm, down_mm))
            self._is_moving = False


def _ring_actors(segments: FloatArray) -> list[Any]:
    data = lines_data(segments.reshape(-1, 3), np.arange(0, 2 * len(segments) + 1, 2))
    actor = actor_of(data, theme.POINT)
    actor.GetProperty().SetLineWidth(4.0)
    actor.GetProperty().LightingOff()
    actor.PickableOff()
    return [actor]
