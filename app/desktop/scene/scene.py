"""What the 3D view shows at each step, kept in line with the case, the crosshair and the result's controls."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from app.case.records import Case
from app.desktop import theme
from app.desktop.modes import MODES
from app.desktop.scene.anatomy_layers import (
    captions_of,
    crosshair_actors,
    label_actors,
    mark_actors,
    mesh_actors,
    model_actors,
    opening_captions,
    point_actors,
    point_captions,
    surface_actors,
)
from app.desktop.scene.plane_layer import SliceInScene
from app.desktop.scene.result_look import ResultActors, ResultColors, ResultLook, changed_look
from app.desktop.scene.vessel_look import VesselActors, VesselLook, VesselWall
from app.desktop.scene.volume_layer import VolumeInScene, VolumeLook
from app.desktop.session.case_data import ITEMS
from app.desktop.session.session import Session
from app.desktop.views.oblique_plane import ObliquePlane, Reslicers
from app.desktop.views.quad_view import QuadView
from app.desktop.views.renderer import Pick, SceneRenderer
from app.desktop.views.scene_view import Build, Caption, SceneView
from app.desktop.views.slice_plane import PLANE_NAMES, SlicePlane
from app.workflow.result_files import ResultData
from imaging.types import FloatArray, Volume

_REST_MS = 60
_MARK_RADII, _MARK_PART = 0.4, 0.01
"""Size of a mark in radii of the narrowest opening, and at least in parts of the model's extent."""
_LAYERS = ("anatomy", "planes", "points", "crosshair", "mark", "volume")


class Scene(QObject):
    """Fills a `SceneView`. ``result_changed`` tells that another result (or none) can be looked at, ``wall_changed``
    that the vessels of another wall can be colored; ``vessel_picked`` carries the vessel that was clicked."""

    result_changed = Signal()
    wall_changed = Signal()
    vessel_picked = Signal(str)

    def __init__(self, view: SceneView, quad: QuadView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.view = view
        self._quad = quad
        self._session: Session | None = None
        self._step = "import"
        self._shows_planes = True
        self._shows_captions = True
        self._is_cut = False
        self._planes: list[SliceInScene] = []
        self._volume_look = VolumeLook()
        self._volume: VolumeInScene | None = None
        self._framed_for = ""
        self.colors: ResultColors | None = None
        self.look = ResultLook("")
        self._result_actors: ResultActors | None = None
        self.wall: VesselWall | None = None
        self.vessel_look: VesselLook | None = None
        self._vessel_actors: VesselActors | None = None
        self._follow_timer = QTimer(self)
        self._follow_timer.setSingleShot(True)
        self._follow_timer.timeout.connect(self._follow)
        self._turn_timer = QTimer(self)
        self._turn_timer.setSingleShot(True)
        self._turn_timer.timeout.connect(self.refresh)
        quad.position_changed.connect(lambda position: self._follow_timer.start(_REST_MS))
        self._reslicers = Reslicers()  # of the rendering thread
        quad.planes_changed.connect(self._take_planes)
        quad.window_changed.connect(lambda window: self._follow_timer.start(_REST_MS))
        view.picked.connect(self._take_pick)

    def set_session(self, session: Session | None) -> None:
        """Show a case, or nothing."""
        self._session = session
        self._framed_for = ""
        self.colors = self.wall = self.vessel_look = None
        for name in _LAYERS:
            self.view.set_layer(name, None)
        self.view.set_legend(None)
        self.view.set_readout("")
        if session is not None:
            session.data.loaded.connect(self._take)
            session.store.points_changed.connect(self._show_points)
            session.store.landmarks_changed.connect(self._show_points)
            for item in ITEMS:
                self._take(item, session.data.content(item))
        self.result_changed.emit()

    def set_step(self, step_id: str) -> None:
        """Show what belongs to a step."""
        self._step = step_id
        self.view.set_layer("mark", None)
        self._want_wall()
        self.refresh()

    def set_shows(self, *, planes: bool | None = None, captions: bool | None = None) -> None:
        """Turn the slices or the names on or off."""
        self._shows_planes = self._shows_planes if planes is None else planes
        self._shows_captions = self._shows_captions if captions is None else captions
        self.refresh()

    def set_cut(self, is_cut: bool) -> None:
        """Lay the mesh open at the crosshair, and look at it from the front; or close it."""
        self._is_cut = is_cut
        if is_cut:
            self.view.look_from("A")
        self.refresh()

    def set_volume_look(self, look: VolumeLook) -> None:
        """Draw the scan itself, or not."""
        was_shown, self._volume_look = bool(self._volume_look.preset), look
        session = self._session
        if session is None or session.data.volume is None or not look.preset:
            self._volume = None
            self.view.set_layer("volume", None)
            return
        if was_shown:
            self._follow()
            return
        volume, position, normal = session.data.volume, self._quad.position_mm, self._cut_normal()
        self.view.set_layer("volume", lambda: [self._made_volume(volume).show(look, position, normal)])
        self.view.fit("volume")

    def _made_volume(self, volume: Volume) -> VolumeInScene:
        """In the rendering thread: the drawn scan is made once."""
        if self._volume is None:
            self._volume = VolumeInScene(volume)
        return self._volume

    def _cut_normal(self) -> FloatArray | None:
        plane = self._quad.slices[self._volume_look.cut].plane if self._volume_look.cut else None
        return plane.axes[2] if plane is not None else None

    def mark(self, place_mm: Any) -> None:
        """Light a place until another step is shown."""
        x, y, z = (float(c) for c in place_mm)
        caption = Caption(f"here ({x:.0f}, {y:.0f}, {z:.0f} mm)", (x, y, z), theme.POINT)
        self.view.set_layer("mark", partial(mark_actors, (x, y, z), self._mark_radius_mm()), [caption])

    def _mark_radius_mm(self) -> float:
        model = self._session.data.model if self._session is not None else None
        if model is None:
            return 3.0
        narrowest = min(patch.radius_mm for patch in model.patches if patch.kind != "wall")
        extent = float(np.linalg.norm(np.ptp(model.surface.points, axis=0)))
        return max(_MARK_RADII * narrowest, _MARK_PART * extent)

    def fit(self) -> None:
        """Show all, from where one looks now."""
        self.view.fit("planes" if self._framed_for == "planes" else "anatomy")

    def show_result(self, **changes: Any) -> None:
        """Change fields of the `ResultLook`."""
        if self.colors is not None:
            self.look = changed_look(self.look, changes, len(self.colors.result.times_s))
            if self._shows_result:
                self.view.set_layer("anatomy", partial(self._build_result, self.colors, self.look))
                self.view.set_legend(partial(self.colors.paint_legend, self.look))

    def show_vessels(self, look: VesselLook | None) -> None:
        """Color the vessels in a mode; None shows the plain model."""
        had, self.vessel_look = self.vessel_look, look
        if self._step not in MODES:
            return
        if look is None or had is None or not self._shows_vessels:
            self.refresh()
        else:
            self._show_vessels(look)

    def _show_vessels(self, look: VesselLook) -> None:
        assert self.wall is not None
        captions = look.captions if self._shows_captions else ()
        self.view.set_layer("anatomy", partial(self._build_vessels, self.wall, look), captions)
        self.view.set_legend(look.paint_legend)

    @property
    def _shows_vessels(self) -> bool:
        return self._step in MODES and self.wall is not None and self.vessel_look is not None

    def _want_wall(self) -> None:
        """Give the points of the wall to their vessels, off the window's thread."""
        data = self._session.data if self._session is not None else None
        if data is not None and self._step in MODES and (self.wall is None or self.wall.model is not data.model):
            self.wall = None
            if data.model is not None:
                data.compute("wall", partial(VesselWall, data.model), self._take_wall)

    def _take_wall(self, wall: VesselWall) -> None:
        self.wall = wall
        self.wall_changed.emit()
        self.refresh()

    @property
    def _shows_result(self) -> bool:
        return self._step in ("results", "report") and self.colors is not None

    def _take(self, item: str, content: Any) -> None:
        if item == "image":
            self._volume = None
            self._volume_look = VolumeLook()
            self.view.set_layer("volume", None)
            self._reslicers.clear()
            self._planes = []
            if content is not None:
                self._planes = [SliceInScene(SlicePlane.of(name, content.grid)) for name in PLANE_NAMES]
        elif item == "result":
            self.colors = ResultColors(content) if isinstance(content, ResultData) else None
            self.look = self.colors.first_look if self.colors is not None else ResultLook("")
            self.result_changed.emit()
        elif item == "model":
            self._want_wall()
        self.refresh()

    def refresh(self) -> None:
        """Show what is there now."""
        session = self._session
        if session is None:
            return
        self.view.set_readout("")
        self.view.set_legend(None)
        content, build, captions = self._anatomy(session)
        self.view.set_layer("anatomy", build, captions if self._shows_captions else ())
        if self._shows_result:
            self.show_result()
        if self._shows_vessels and self.vessel_look is not None:
            self._show_vessels(self.vessel_look)
        self._show_points()
        self._show_planes(session.data.volume)
        self._follow()
        if content and content != self._framed_for:
            self._framed_for = content
            self.view.fit("planes" if content == "planes" else "anatomy", "O" if content == "planes" else "V")

    def _anatomy(self, session: Session) -> tuple[str, Build | None, Sequence[Caption]]:
        """What kind of thing the step shows (a new kind is framed anew), how it is made, and its captions."""
        data, step = session.data, self._step
        if self._shows_result or self._shows_vessels:
            return "vessel", None, ()
        if step == "mesh" and data.mesh is not None and _is_of_model(session.store.case):
            cut_at = self._quad.position_mm if self._is_cut else None
            kept = tuple(patch for patch in data.mesh.patches if cut_at is None or patch.center_mm[1] >= cut_at[1])
            return "vessel", partial(mesh_actors, data.mesh, data.model, cut_at), captions_of(kept)
        if step not in ("import", "segment") and data.model is not None:
            build = partial(model_actors, data.model, is_glassy=step in ("model", "simulate"))
            return "vessel", build, captions_of(data.model.patches)
        if data.surface is not None:
            captions = opening_captions(session.store.case.current("surface"))
            return "vessel", partial(surface_actors, data.surface), captions
        if step != "import" and data.labels is not None:
            return "labels", partial(label_actors, data.labels), ()
        return "planes" if data.volume is not None and self._shown_planes() else "", None, ()

    def _build_result(self, colors: ResultColors, look: ResultLook) -> Sequence[Any]:
        """In the rendering thread: the actors of a result are kept from look to look."""
        if self._result_actors is None or self._result_actors.colors is not colors:
            self._result_actors = ResultActors(colors)
        return self._result_actors.show(look)

    def _build_vessels(self, wall: VesselWall, look: VesselLook) -> Sequence[Any]:
        """In the rendering thread: so is the actor of the vessels."""
        if self._vessel_actors is None or self._vessel_actors.wall is not wall:
            self._vessel_actors = VesselActors(wall)
        return self._vessel_actors.show(look)

    def _show_points(self) -> None:
        if self._session is None:
            return
        case = self._session.store.case
        points = {name: landmark.position_mm for name, landmark in case.landmarks.items()}
        points |= case.points if self._step == "segment" else {}
        captions = point_captions(points) if self._shows_captions else ()
        self.view.set_layer("points", partial(point_actors, points) if points else None, captions)

    def _show_planes(self, volume: Volume | None) -> None:
        self.view.set_layer("crosshair", crosshair_actors if volume is not None else None)
        planes = self._shown_planes()
        if volume is None or not planes:
            self.view.set_layer("planes", None)
            return
        position, window = self._quad.position_mm, self._quad.window_level
        self.view.set_layer("planes", lambda: [plane.show(volume, position, window) for plane in planes])

    def _take_planes(self) -> None:
        """The slices were turned, or laid along the scan's axes again."""
        self._planes = [
            SliceInScene(replace(plane, reslicers=self._reslicers) if isinstance(plane, ObliquePlane) else plane)
            for plane in self._quad.planes
        ]
        self._turn_timer.start(_REST_MS)

    def _shown_planes(self) -> list[SliceInScene]:
        """All slices of a scan, the axial one beside its labels, none with model and result."""
        if not self._shows_planes or self._session is None or self._step not in ("import", "segment"):
            return []
        has_labels = self._step == "segment" and self._session.data.labels is not None
        return self._planes[:1] if has_labels else self._planes

    def _follow(self) -> None:
        """Bring crosshair and slices of the scene to the views' position and window."""
        session = self._session
        if session is None or session.data.volume is None:
            return
        volume, position, window = session.data.volume, self._quad.position_mm, self._quad.window_level
        planes = self._shown_planes()
        drawn, look, normal = self._volume, self._volume_look, self._cut_normal()

        def move(renderer: SceneRenderer) -> None:
            if drawn is not None and look.preset:
                drawn.show(look, position, normal)
            for actor in renderer.actors_of("crosshair"):
                actor.SetPosition(*position)
            for plane in planes:
                plane.show(volume, position, window)

        self.view.change(move)

    def _take_pick(self, pick: Pick) -> None:
        text = ""
        if pick.layer == "anatomy" and self._shows_result and self.colors is not None and pick.point_id >= 0:
            text = self.colors.read(self.look, pick.point_id)
        elif pick.layer == "anatomy" and self._shows_vessels and self.wall is not None and self.vessel_look is not None:
            vessel = self.wall.vessel_at(pick.point_id)
            text = self.vessel_look.told_at(self.wall, pick.point_id)
            self.vessel_picked.emit(vessel)
        self.view.set_readout(text)
        if pick.layer in ("anatomy", "points"):
            self._quad.choose_position(np.asarray(pick.position_mm))


def _is_of_model(case: Case) -> bool:
    """Whether the mesh fills the model that is there, not an earlier one."""
    mesh = case.current("mesh")
    return mesh is not None and mesh.recipe.inputs.get("model") == case.input_digest("model")
