"""The working page of an open case: rail, views, the step's panel, and how they act on each other."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QSplitter, QStackedWidget, QWidget

from app.case.commands import RemovePoint, SetParameters, SetPatientValues, SetPoint
from app.desktop.edit.agreement_dialog import AgreementDialog
from app.desktop.edit.edit_section import EditSection
from app.desktop.edit.edit_session import EditSession
from app.desktop.edit.edit_tool import EditTool
from app.desktop.libraries import import_heavy_libraries, import_modes
from app.desktop.measure.measuring import Measuring
from app.desktop.modes import MODES, mode_states
from app.desktop.new_case import series_of
from app.desktop.panels.import_panel import ImportPanel
from app.desktop.panels.mesh_panel import MeshPanel
from app.desktop.panels.report_panel import ReportPanel
from app.desktop.panels.segment_panel import SegmentPanel
from app.desktop.panels.simulate_panel import SimulatePanel
from app.desktop.panels.step_panel import StepPanel
from app.desktop.rail import StepRail
from app.desktop.session.background import Background
from app.desktop.session.session import Session
from app.desktop.session.words import progress_sentence, seconds_text
from app.desktop.views.quad_view import Layout, QuadView
from app.desktop.views.widest_place import widest_place
from app.workflow.steps import path_of, step_of
from imaging.segmentation.presets import PRESETS

_ITEMS = {"mesh": "mesh", "results": "result", "report": "result"}
_PANEL_WIDTH = 410
_BELOW_SHARES = (5, 3)
"""Of the height: what a mode shows in 3D, and below it."""


class Workspace(QWidget):
    """``noted`` carries a sentence and a step to go to; ``situation_changed`` tells that actions may be enabled."""

    noted = Signal(str, str)
    situation_changed = Signal()
    first_slice_shown = Signal()
    refused = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session: Session | None = None
        self.step_id = "import"
        self.armed = ""
        self.rail = StepRail()
        self.quad = QuadView()
        self.scene: Any = None
        self.edit_tool = EditTool(self.quad, self)
        self.edit: EditSession | None = None
        self.tools: EditSection | None = None
        self.guide: Any = None
        self.measuring = Measuring(self.quad, self)
        self._monitor: Any = None
        self._libraries = Background("libraries", self)
        self._is_loading = False
        self._center = QStackedWidget()
        self._center.addWidget(self.quad)
        self._below = QStackedWidget()
        self._below.hide()
        self._middle = QSplitter(Qt.Orientation.Vertical)
        self._middle.setChildrenCollapsible(False)
        for widget, share in zip((self._center, self._below), _BELOW_SHARES, strict=True):
            self._middle.addWidget(widget)
            self._middle.setStretchFactor(self._middle.count() - 1, share)
        self.panels: dict[str, StepPanel] = {}
        self.modes: dict[str, Any] = {}
        self._panel_stack = QStackedWidget()
        self._panel_stack.setFixedWidth(_PANEL_WIDTH)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.rail)
        layout.addWidget(self._middle, 1)
        layout.addWidget(self._panel_stack)
        self.rail.chosen.connect(self.go_to)
        self.measuring.armed_changed.connect(self._begin_measuring)
        self.quad.point_placed.connect(self._place_point)
        self.quad.slices["axial"].first_painted.connect(self.first_slice_shown)
        self.quad.slices["axial"].first_painted.connect(self._load_libraries)

    # Session ----------------------------------------------------------------------------------------------------------

    def set_session(self, session: Session | None) -> None:
        """Show an open case, or nothing."""
        self.disarm()
        self.session = session
        for panel in self.panels.values():
            self._panel_stack.removeWidget(panel)
            panel.deleteLater()
        self.panels = {}
        self.tools = None
        self._close_modes()
        self._set_monitor_watch()
        self._set_edit(session)
        self.measuring.set_session(session)
        if session is None:
            self.quad.set_volume(None)
            self.quad.set_labels(None)
            self.quad.set_points({})
            self.quad.forget_position()
            if self.scene is not None:
                self.scene.set_session(None)
            if self.guide is not None:
                self.guide.set_session(None)
            return
        store, data, runner = session.store, session.data, session.runner
        data.loaded.connect(self._take)
        store.points_changed.connect(self._show_points)
        store.history_changed.connect(self._refresh_panels)
        session.states_changed.connect(self._refresh_states)
        session.run_watch.changed.connect(self._refresh_run)
        session.run_watch.status_changed.connect(self._refresh_run)
        session.check.changed.connect(self._refresh_check)
        session.doctor.changed.connect(self._refresh_run)
        session.surface_doctor.changed.connect(self._refresh_surface)
        session.run_watch.finished.connect(lambda: self.noted.emit("The run is finished.", "results"))
        runner.progressed.connect(self._tell_progress)
        runner.started.connect(lambda step_id: self._tell_progress(step_id, 0.0, "Starting", None))
        runner.ended.connect(self._end_progress)
        runner.finished.connect(self._note_finished)
        session.run_watch.status_changed.connect(self._refresh_rail)
        store.model_changed.connect(self._refresh_rail)
        self._refresh_rail()
        self.quad.set_can_edit(store.is_writable)
        self._show_points()
        data.want("image", "surface", "segmentation")
        if self.scene is not None:
            self.scene.set_session(session)
        if self.guide is not None:
            self.guide.set_session(session)
        first = self._first_step(session)
        self.quad.set_layout(self._layout_of(first))
        if store.case.current("image") is None:
            self._load_libraries()  # there is no first slice to wait for
        go_on = partial(self._go_on, session, first)
        self._libraries.submit(
            lambda: step_of(store.case, first).module, go_on, go_on
        )  # the panel's form is made from it

    def _set_edit(self, session: Session | None) -> None:
        """Edit the labels of an open case, or none."""
        if self.edit is not None:
            self.edit_tool.set_session(None)
            self.edit.close()
            self.edit.deleteLater()
        self.edit = EditSession(session, self) if session is not None else None
        if self.edit is not None:
            self.edit_tool.set_session(self.edit)
            self.edit.edited.connect(self.quad.refresh_labels)
            self.edit.rested.connect(lambda: self.scene and self.scene.refresh())
            self.edit.refused.connect(self.refused)

    def _go_on(self, session: Session, first: str, answer: Any) -> None:
        """Show the first step that is not done, unless the user chose one meanwhile."""
        if self.session is session and not self.panels:
            self.go_to(first)
            self.rail.buttons[first].setFocus()

    def _load_libraries(self) -> None:
        """Load what the 3D view and the plots need, after the first slice is on the screen."""
        if not self._is_loading and self.scene is None:
            self._is_loading = True
            self._libraries.submit(import_heavy_libraries, lambda done: self.make_scene(), self.refused.emit)

    def make_scene(self) -> None:
        """Make the 3D view, once its libraries are there."""
        self._is_loading = False
        if self.scene is not None or self.session is None:
            return
        from app.desktop.scene.scene import Scene
        from app.desktop.views.scene_view import SceneView

        view = SceneView()
        view.maximize_asked.connect(lambda: self.quad.toggle_maximized("only_scene"))
        view.failed.connect(self.refused)
        self.quad.set_scene(view)
        self.scene = Scene(view, self.quad, self)
        self.scene.set_step(self.step_id)
        self.scene.set_session(self.session)
        self.scene.result_changed.connect(self._take_result)
        for mode in self.modes.values():
            mode.set_scene(self.scene)
        self.session.data.want("model")
        self.situation_changed.emit()
        QTimer.singleShot(0, self, self._take_result)  # the window answers in between
        if self.session.run_watch.curves.time_s:
            QTimer.singleShot(0, self, self._make_monitor)
        self._refresh_run()

    @property
    def has_vessels(self) -> bool:
        """Whether there are vessels to look along: a scan, a model and the 3D view are there."""
        data = self.session.data if self.session is not None else None
        return self.scene is not None and data is not None and data.volume is not None and data.model is not None

    def show_vessels(self) -> None:
        """Look along a vessel; its views are made when they are wanted first."""
        if not self.has_vessels:
            return
        if self.guide is None:
            from app.desktop.vessel_guide import VesselGuide

            self.guide = VesselGuide(self.quad, self.scene.view, self)
            self.guide.set_session(self.session)
        self.quad.set_layout("vessel")

    def close_views(self) -> None:
        """Free what the 3D view holds."""
        self._libraries.close(finish=False)
        if self.scene is not None:
            if self.guide is not None:
                self.guide.close()
            self.scene.view.close_renderer()

    # Steps ------------------------------------------------------------------------------------------------------------

    def go_to(self, step_id: str) -> None:
        """Show a step or a mode; any may be shown at any time."""
        if self.session is None or step_id not in (*self.session.states, *MODES):
            return
        if self.step_id in self.modes:
            self.modes[self.step_id].leave()
        self.step_id = step_id
        if step_id in MODES:
            self._enter_mode(step_id)
            return
        self._below.hide()
        if step_id != "segment":
            self.disarm()
        panel = self._panel(step_id)
        self._panel_stack.setCurrentWidget(panel)
        self.rail.set_current(step_id)
        if step_id in _ITEMS:
            self.session.data.want(_ITEMS[step_id])  # type: ignore[arg-type]
        self._center.setCurrentWidget(self.quad)
        self.quad.set_layout(self._layout_of(step_id))
        self._refresh_run()
        if self.scene is not None:
            self.scene.set_step(step_id)
        self.situation_changed.emit()

    def _enter_mode(self, mode_id: str) -> None:
        assert self.session is not None
        self.disarm()
        self.rail.set_current(mode_id)
        if mode_id not in self.modes:
            enter = partial(self._make_mode, self.session, mode_id)
            self._libraries.submit(import_modes, enter, self.refused.emit)
        else:
            self._show_mode(mode_id)

    def _make_mode(self, session: Session, mode_id: str, done: Any) -> None:
        if session is not self.session or mode_id in self.modes or self.step_id != mode_id:
            return
        mode = self.modes[mode_id] = self._new_mode(mode_id)
        mode.refused.connect(self.refused)
        self._panel_stack.addWidget(mode.panel)
        self._below.addWidget(mode.below)
        QTimer.singleShot(0, mode, partial(self._show_mode, mode_id))  # the window answers in between

    def _show_mode(self, mode_id: str) -> None:
        if mode_id != self.step_id or mode_id not in self.modes:
            return
        mode = self.modes[mode_id]
        self._below.show()
        self._panel_stack.setCurrentWidget(mode.panel)
        self._below.setCurrentWidget(mode.below)
        self._center.setCurrentWidget(self.quad)
        self.quad.set_layout("only_scene")
        if self.scene is not None:
            self.scene.show_vessels(None)
            self.scene.set_step(mode_id)
        mode.enter(self.scene)
        self.situation_changed.emit()

    def _new_mode(self, mode_id: str) -> Any:
        from app.desktop.cross_check.mode import CrossCheckMode
        from app.desktop.ensemble.mode import EnsembleMode
        from app.desktop.tune.mode import TuneMode
        from app.desktop.what_if.mode import WhatIfMode

        assert self.session is not None
        made: dict[str, type[Any]] = {
            "what_if": WhatIfMode,
            "cross_check": CrossCheckMode,
            "tune": TuneMode,
            "ensemble": EnsembleMode,
        }
        return made[mode_id](self.session, self)

    def _close_modes(self) -> None:
        for mode in self.modes.values():
            mode.close()
            for stack, widget in ((self._panel_stack, mode.panel), (self._below, mode.below)):
                stack.removeWidget(widget)
                widget.deleteLater()
            mode.deleteLater()
        self.modes = {}
        self._below.hide()

    def run_current(self) -> None:
        """Run the step that is shown, if it can be."""
        if self.step_id in self.panels:
            self.panels[self.step_id].ask_to_run()

    def run_step(self, step_id: str) -> None:
        """Run a step with the parameters that the case remembers for it."""
        if self.session is None:
            return
        panel = self.panels.get(step_id)
        values = panel.values if isinstance(panel, ImportPanel) else panel.run_values if panel else None
        self.session.runner.run(step_id, values)

    def _panel(self, step_id: str) -> StepPanel:
        assert self.session is not None
        if step_id in self.panels:
            return self.panels[step_id]
        panel = self._new_panel(step_id)
        self.panels[step_id] = panel
        self._panel_stack.addWidget(panel)
        panel.run_asked.connect(self.run_step)
        panel.cancel_asked.connect(self.session.runner.cancel)
        panel.parameters_edited.connect(self._edit_parameters)
        panel.set_declaration(step_of(self.session.store.case, step_id).module.Parameters)
        self._refresh_panel(panel)
        return panel

    def _new_panel(self, step_id: str) -> StepPanel:
        assert self.session is not None
        if step_id == "import":
            chooser = ImportPanel()
            chooser.source_chosen.connect(lambda folder: self._list_series(chooser, folder))
            return chooser
        if step_id == "segment":
            segment = SegmentPanel()
            segment.arm_asked.connect(self.arm)
            segment.show_asked.connect(self._show_point)
            segment.remove_asked.connect(lambda role: self._do(RemovePoint(role)))
            segment.label_look_changed.connect(self.quad.set_label_look)
            segment.set_labels(self.session.data.labels)
            tools = EditSection(self.edit_tool)
            tools.place_asked.connect(self.show_place)
            tools.chosen.connect(self._begin_editing)
            tools.compare_asked.connect(self._ask_comparison)
            if self.edit is not None:
                tools.set_session(self.edit)
            segment.add_edit(tools)
            self.tools = tools
            return segment
        if step_id == "mesh":
            mesh = MeshPanel()
            mesh.cut_changed.connect(lambda is_cut: self.scene and self.scene.set_cut(is_cut))
            mesh.examine_asked.connect(self.session.surface_doctor.examine)
            mesh.place_asked.connect(self.show_place)
            mesh.fix_asked.connect(self.session.repair_model)
            mesh.family_asked.connect(self.session.mesh_family)
            return mesh
        if step_id == "simulate":
            simulate = SimulatePanel()
            simulate.patient_entered.connect(lambda name, value: self._do(SetPatientValues({name: value})))
            simulate.run_cancel_asked.connect(self._cancel_run)
            simulate.run_continue_asked.connect(self._continue_run)
            simulate.check_asked.connect(self._check_run)
            simulate.place_asked.connect(self.show_place)
            simulate.fix_asked.connect(self._apply)
            return simulate
        if step_id == "results":
            from app.desktop.panels.results_panel import ResultsPanel

            results = ResultsPanel()
            results.look_changed.connect(lambda look: self.scene and self.scene.show_result(**look))
            results.set_result(
                self.session.data.result if self.scene is not None else None
            )  # plots come with the scene
            return results
        if step_id == "report":
            report = ReportPanel()
            report.open_asked.connect(self._open_report)
            return report
        return StepPanel(step_id)

    # Points -----------------------------------------------------------------------------------------------------------

    def arm(self, role: str) -> None:
        """The next click in a slice places this point; an empty text stops that."""
        self.armed = role
        self.quad.set_armed(role or None)
        panel = self.panels.get("segment")
        if isinstance(panel, SegmentPanel):
            panel.set_armed(role)
        self.situation_changed.emit()

    def disarm(self) -> None:
        """Stop placing points, measuring and editing."""
        if self.armed:
            self.arm("")
        if self.measuring.kind is not None:
            self.measuring.stop()
        self.put_tool_away()

    def _ask_comparison(self) -> None:
        name, _ = QFileDialog.getOpenFileName(self, "Another segmentation of this scan (NRRD, NIfTI, MHA)")
        if name and self.session is not None:
            AgreementDialog(self.session.store.opened.folder, Path(name), self).show()

    def put_tool_away(self) -> None:
        """Give the mouse back to the views."""
        if self.tools is not None and self.edit_tool.operation is not None:
            self.tools.choose("")

    @property
    def is_armed(self) -> bool:
        """Whether the next click in a slice places, measures or edits something."""
        return bool(self.armed) or self.measuring.kind is not None or self.edit_tool.operation is not None

    def _begin_measuring(self, kind: str) -> None:
        """Measuring, placing points and editing put one another away."""
        if kind:
            if self.armed:
                self.arm("")
            self.put_tool_away()
        self.situation_changed.emit()

    def _begin_editing(self) -> None:
        if self.measuring.kind is not None and self.edit_tool.operation is not None:
            self.measuring.stop()
        self.situation_changed.emit()

    def _place_point(self, role: str, position: Any) -> None:
        x, y, z = (round(float(value), 3) for value in position)
        self._do(SetPoint(role, (x, y, z)))
        self.quad.choose_position(position)

    def _show_points(self) -> None:
        if self.session is None:
            return
        points = self.session.store.case.points
        self.quad.set_points(points)
        panel = self.panels.get("segment")
        if isinstance(panel, SegmentPanel):
            panel.set_case(self.session.store.case, self.session.store.is_writable)
            if self.armed and self.armed in points:
                self.arm(panel.next_missing())

    def _show_point(self, role: str) -> None:
        if self.session is not None and role in self.session.store.case.points:
            self.quad.choose_position(self.session.store.case.points[role])

    # What comes in ----------------------------------------------------------------------------------------------------

    def _take(self, item: str, content: Any) -> None:
        if item == "image":
            self.quad.set_volume(content)
        elif item == "segmentation":
            self.quad.set_labels(content)
            if content is not None and self.session is not None:
                self.session.data.compute("place", partial(widest_place, content), self.quad.suggest_position)
            panel = self.panels.get("segment")
            if isinstance(panel, SegmentPanel):
                panel.set_labels(content)
        if item == "segmentation" and self.tools is not None:
            self.tools.refresh()
        self.situation_changed.emit()

    def _take_result(self) -> None:
        panel: Any = self.panels.get("results")
        if panel is not None and self.session is not None and panel.result is not self.session.data.result:
            panel.set_result(self.session.data.result)
        self.situation_changed.emit()

    def _refresh_panels(self) -> None:
        for panel in self.panels.values():
            self._refresh_panel(panel)
        self.situation_changed.emit()

    def _refresh_panel(self, panel: StepPanel) -> None:
        assert self.session is not None
        store = self.session.store
        panel.set_case(store.case, store.is_writable)
        panel.set_state(self.session.states[panel.step_id], self.session.runner.step_id is not None)
        if isinstance(panel, SegmentPanel):
            chosen = store.case.parameters.get("segment", {}).get("preset", next(iter(PRESETS)))
            panel.set_roles(PRESETS[chosen].roles)
        if isinstance(panel, MeshPanel):
            panel.set_doctor(self.session.surface_doctor)
        if isinstance(panel, SimulatePanel):
            self._refresh_run()

    def _refresh_states(self) -> None:
        if self.session is None:
            return
        self._refresh_rail()
        for panel in self.panels.values():
            panel.set_state(self.session.states[panel.step_id], self.session.runner.step_id is not None)
        self.situation_changed.emit()

    def _refresh_rail(self) -> None:
        if self.session is not None:
            of_modes = mode_states(self.session.store.case, self.session.run_watch.status)
            self.rail.set_states({**self.session.states, **of_modes})

    def _tell_progress(self, step_id: str, fraction: float, text: str, seconds_left: float | None) -> None:
        if step_id in self.panels:
            self.panels[step_id].set_progress(fraction, text, seconds_left)

    def _end_progress(self, step_id: str) -> None:
        if step_id in self.panels:
            self.panels[step_id].set_progress(None)

    def _note_finished(self, step_id: str) -> None:
        if self.session is None:
            return
        if step_id == "simulate":
            self.session.start_if_sound()
            return
        path = path_of(self.session.store.case)
        record = self.session.store.case.current(path[step_id].makes)
        order = list(path)
        following = order[(order.index(step_id) + 1) % len(order)] if step_id != order[-1] else ""
        seconds = f" in {seconds_text(record.recipe.seconds)}" if record is not None else ""
        self.noted.emit(f"{path[step_id].title} is done{seconds}.", following)

    # Simulation -------------------------------------------------------------------------------------------------------

    def _make_monitor(self) -> None:
        if self._monitor is None:
            from app.desktop.monitor.run_monitor import RunMonitor

            self._monitor = RunMonitor()
            self._center.addWidget(self._monitor)
            self._set_monitor_watch()

    def _show_monitor(self) -> None:
        if self.step_id != "simulate" or self.session is None:
            return
        if self.scene is None:  # its libraries are not there yet; it is shown when they are
            self._load_libraries()
            return
        self._make_monitor()
        if self._center.currentWidget() is not self._monitor:
            self._center.setCurrentWidget(self._monitor)
            self._monitor.refresh()

    def _set_monitor_watch(self) -> None:
        if self._monitor is not None:
            self._monitor.set_watch(self.session.run_watch if self.session is not None else None)

    def _refresh_run(self) -> None:
        if self.session is None:
            return
        if self.step_id == "simulate" and self.session.run_watch.curves.time_s:
            QTimer.singleShot(0, self, self._show_monitor)
        panel = self.panels.get("simulate")
        if isinstance(panel, SimulatePanel):
            watch = self.session.run_watch
            panel.set_run(watch, progress_sentence(watch), self.session.doctor.told)
            self._refresh_check()

    def _refresh_surface(self) -> None:
        if "mesh" in self.panels:
            self._refresh_panel(self.panels["mesh"])

    def _refresh_check(self) -> None:
        panel = self.panels.get("simulate")
        if self.session is not None and isinstance(panel, SimulatePanel):
            panel.set_check(self.session.check, tuple(self.session.run_watch.curves.findings))

    def _apply(self, fix: Any) -> None:
        if self.session is not None:
            self.noted.emit(f"{fix.title}: the run is prepared again and started.", "")
            self.session.apply(fix)

    def _check_run(self) -> None:
        if self.session is not None and "simulate" in self.panels:
            self.session.check.check_settings(self.panels["simulate"].run_values)

    def show_place(self, place_mm: Any) -> None:
        """Bring the crosshair to a place (mm, LPS), and light it in 3D."""
        self.quad.choose_position(place_mm)
        if self.scene is not None:
            self.scene.mark(place_mm)
        self._center.setCurrentWidget(self.quad)

    def toggle_monitor(self) -> None:
        """Go from the curves of a run to the 3D view, or back."""
        if self._monitor is not None and self._center.currentWidget() is self.quad and self.step_id == "simulate":
            self._center.setCurrentWidget(self._monitor)
            self._monitor.refresh()
        else:
            self._center.setCurrentWidget(self.quad)

    def _cancel_run(self) -> None:
        if self.session is not None:
            self.session.cancel_run()

    def _continue_run(self) -> None:
        if self.session is not None:
            self.session.start_run(go_on=True)

    # Commands ---------------------------------------------------------------------------------------------------------

    def _do(self, command: Any) -> None:
        if self.session is not None:
            self.session.store.do(command)

    def _edit_parameters(self, step_id: str, values: dict[str, Any]) -> None:
        self._do(SetParameters(step_id, values))

    def _list_series(self, panel: ImportPanel, folder: Any) -> None:
        if self.session is not None:
            self.session.data.compute("series", partial(series_of, folder), panel.set_series)

    def _open_report(self) -> None:
        assert self.session is not None
        record = self.session.store.case.current("report")
        if record is not None:
            path = self.session.store.opened.path_of(record.files["pdf"])
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(path)))

    @staticmethod
    def _first_step(session: Session) -> str:
        """Where a user goes on: the first step that is not done."""
        for step_id, state in session.states.items():
            if state.state != "done":
                return step_id
        return "results"

    def _layout_of(self, step_id: str) -> Layout:
        """How the views are arranged when a step is entered; without a scan there are no slices."""
        if self.session is not None and self.session.store.case.current("image") is None:
            return "only_scene"
        return "four" if step_id in ("import", "segment") else "scene"
