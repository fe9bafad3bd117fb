"""What the 3D view shows at each step, kept in line with the case, the crosshair and the result's controls."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app.desktop.scene.actors import label_surface
from app.desktop.scene.anatomy_layers import crosshair_actor, labels_layer, mesh_layer, model_layer, points_layer
from app.desktop.scene.mesh_cut import cut_mesh
from app.desktop.scene.plane_layer import SliceInScene
from app.desktop.scene.result_layer import ResultLayer
from app.desktop.session.session import Session
from app.desktop.views.quad_view import QuadView
from app.desktop.views.slice_plane import PLANE_NAMES, SlicePlane
from app.desktop.views.vtk_view import VtkView
from app.workflow.result_files import ResultData
from imaging.types import LabelMap

_FRONT = (0.0, -1.0, 0.0)
_QUICK_S, _REST_MS = 0.012, 120


class Scene(QObject):
    """Fills a `VtkView`. ``result_changed`` tells that another result (or none) can be looked at."""

    result_changed = Signal()

    def __init__(self, view: VtkView, quad: QuadView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self._quad = quad
        self._session: Session | None = None
        self._step = "import"
        self._shows_planes = True
        self._shows_captions = True
        self._is_cut = False
        self._planes: list[SliceInScene] = []
        self._crosshair = crosshair_actor()
        self._label_surface: Any = None
        self._framed_for = ""
        self.result: ResultLayer | None = None
        self._follow_timer = QTimer(self)
        self._follow_timer.setSingleShot(True)
        self._follow_timer.timeout.connect(self._follow)
        quad.position_changed.connect(self._follow_soon)
        quad.window_changed.connect(self._follow_soon)
        view.picked.connect(self._read_value)

    def set_session(self, session: Session | None) -> None:
        """Show a case, or nothing."""
        self._session = session
        self._planes = []
        self._label_surface = None
        self.result = None
        self._framed_for = ""
        for name in ("planes", "crosshair", "anatomy", "points"):
            self.view.set_layer(name, ())
        self.view.set_legend(None)
        self.view.readout = ""
        if session is not None:
            session.data.loaded.connect(self._take)
            session.store.points_changed.connect(self._show_points)
            for item in ("image", "segmentation", "model", "mesh", "result"):
                self._take(item, session.data.content(item))
        self.result_changed.emit()

    def set_step(self, step_id: str) -> None:
        """Show what belongs to a step."""
        self._step = step_id
        self._refresh()

    def set_shows(self, *, planes: bool | None = None, captions: bool | None = None) -> None:
        """Turn the slices or the names on or off."""
        self._shows_planes = self._shows_planes if planes is None else planes
        self._shows_captions = self._shows_captions if captions is None else captions
        self._refresh()

    def set_cut(self, is_cut: bool) -> None:
        """Lay the mesh open at the crosshair, seen from the front, or close it."""
        self._is_cut = is_cut
        self._refresh()

    def show_result(self, **look: Any) -> None:
        """Choose what is seen of the result; see `ResultLayer.show`."""
        if self.result is not None:
            self.result.show(**look)
            if self._step in ("results", "report"):
                self.view.set_layer("anatomy", self.result.actors)

    def _take(self, item: str, content: Any) -> None:
        if item == "image":
            self._planes = []
            if content is not None:
                self._planes = [SliceInScene(SlicePlane.of(name, content.grid)) for name in PLANE_NAMES]
        elif item == "segmentation":
            self._label_surface = None
            if isinstance(content, LabelMap) and self._session is not None:
                self._session.data.compute("label_surface", partial(label_surface, content), self._take_label_surface)
        elif item == "result":
            self.result = ResultLayer(content) if isinstance(content, ResultData) else None
            self.show_result()
            self.result_changed.emit()
        self._refresh()

    def _take_label_surface(self, surface: Any) -> None:
        self._label_surface = surface
        self._refresh()

    def _refresh(self) -> None:
        session = self._session
        if session is None:
            return
        self.view.readout = ""
        self.view.set_legend(None)
        self._show_anatomy(session)
        self._show_points()
        volume = session.data.volume
        self.view.set_layer("planes", [plane.actor for plane in self._shown_planes()])
        self.view.set_layer("crosshair", [self._crosshair] if volume is not None else ())
        self._follow()
        self._frame(session)

    def _frame(self, session: Session) -> None:
        """Fit the view when it shows another kind of thing; else the user's camera stays."""
        layer = "anatomy" if self.view.has_layer("anatomy") else "planes"
        shows_labels = self._step == "segment" or session.data.model is None
        kind = f"{layer} of labels" if shows_labels else layer
        if kind != self._framed_for and self.view.has_layer(layer):
            self._framed_for = kind
            self.view.fit_layers([layer], "O" if layer == "planes" else "A")

    def _show_anatomy(self, session: Session) -> None:
        data = session.data
        layer: Any = ((), ())
        if self._step in ("results", "report") and self.result is not None:
            layer = (self.result.actors, ())
            self.view.set_legend(self.result.paint_legend)
        elif self._step == "mesh" and data.mesh is not None:
            if self._is_cut:
                cut = partial(cut_mesh, data.mesh, self._quad.position_mm, _FRONT)
                data.compute("cut", cut, self._take_cut)
                return
            layer = mesh_layer(data.mesh, data.model, None)
        elif self._step == "import":
            pass  # the scan alone
        elif self._step != "segment" and data.model is not None:
            layer = model_layer(data.model, is_glassy=self._step == "model")
        else:
            layer = labels_layer(self._label_surface)
        self._set_anatomy(*layer)

    def _take_cut(self, cut: Any) -> None:
        data = self._session.data if self._session is not None else None
        if data is not None and data.mesh is not None and self._step == "mesh" and self._is_cut:
            self._set_anatomy(*mesh_layer(data.mesh, data.model, cut))

    def _set_anatomy(self, actors: Any, captions: Any) -> None:
        self.view.set_layer("anatomy", actors, captions if self._shows_captions else ())

    def _show_points(self) -> None:
        if self._session is None:
            return
        actors, captions = points_layer(self._session.store.case.points)
        is_shown = self._step == "segment"
        shown_captions = captions if self._shows_captions and is_shown else ()
        self.view.set_layer("points", actors if is_shown else (), shown_captions)

    def _shown_planes(self) -> list[SliceInScene]:
        """All slices of a scan, the axial one beside its labels, none with model and result."""
        if not self._shows_planes or self._step not in ("import", "segment"):
            return []
        return self._planes[:1] if self.view.has_layer("anatomy") else self._planes

    def _follow_soon(self, *_: object) -> None:
        """Follow the crosshair at once where rendering is quick, else when it rests: the slices come first."""
        if self.view.seconds_to_render < _QUICK_S:
            self._follow()
        else:
            self._follow_timer.start(_REST_MS)

    def _follow(self) -> None:
        session = self._session
        if session is None or session.data.volume is None:
            return
        self._crosshair.SetPosition(*self._quad.position_mm)
        is_changed = self.view.has_layer("crosshair")
        for plane in self._shown_planes():
            is_changed |= plane.show(session.data.volume, self._quad.position_mm, self._quad.window_level)
        if is_changed:
            self.view.redraw()

    def _read_value(self, layer: str, actor: Any, point_id: int, position_mm: Any) -> None:
        if layer == "anatomy" and self.result is not None and actor is self.result.wall_actor and point_id >= 0:
            self.view.readout = self.result.read(point_id)
        else:
            self.view.readout = ""
        if layer in ("anatomy", "points"):
            self._quad.set_position(np.asarray(position_mm))
        self.view.update()
