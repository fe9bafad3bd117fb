"""The working page of an open case: rail, views, the step's panel, and how they act on each other."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.case.commands import SetParameters
from app.desktop.edit.agreement_dialog import AgreementDialog
from app.desktop.edit.edit_session import EditSession
from app.desktop.edit.edit_tool import EditTool
from app.desktop.libraries import import_heavy_libraries
from app.desktop.measure.measuring import Measuring
from app.desktop.mode_stack import ModeStack
from app.desktop.modes import MODES, mode_states
from app.desktop.panels.import_panel import ImportPanel
from app.desktop.panels.mesh_panel import MeshPanel
from app.desktop.panels.named_panel import NamedVesselsPanel
from app.desktop.panels.segment_panel import SegmentPanel
from app.desktop.panels.simulate_panel import SimulatePanel
from app.desktop.panels.step_panel import StepPanel
from app.desktop.phase_bar import PhaseBar
from app.desktop.placing import Placing
from app.desktop.rail import StepRail
from app.desktop.run_display import RunDisplay
from app.desktop.session.background import Background
from app.desktop.session.case_data import read_phase
from app.desktop.session.session import Session
from app.desktop.session.words import seconds_text
from app.desktop.step_panels import new_panel
from app.desktop.views.quad_view import Layout, QuadView
from app.desktop.views.widest_place import widest_place
from app.workflow.segment import chosen_preset
from app.workflow.steps import path_of, step_of
from imaging.segmentation.presets import PRESETS
from imaging.types import LabelMap

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
        self.rail = StepRail()
        self.quad = QuadView()
        self.scene: Any = None
        self.edit_tool = EditTool(self.quad, self)
        self.edit: EditSession | None = None
        self.guide: Any = None
        self.measuring = Measuring(self.quad, self)
        self.placing = Placing(self.quad, self.measuring, self.edit_tool, self)
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
        self._panel_stack = QStackedWidget()
        self._panel_stack.setFixedWidth(_PANEL_WIDTH)
        self.mode_stack = ModeStack(self._panel_stack, self._below, self._center, self._libraries, self)
        self.run_display = RunDisplay(self._center, self.quad, self)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.rail)
        self.phase_bar = PhaseBar()
        column = QVBoxLayout()
        column.addWidget(self._middle, 1)
        column.addWidget(self.phase_bar)
        layout.addLayout(column, 1)
        layout.addWidget(self._panel_stack)
        self.rail.chosen.connect(self.go_to)
        self.phase_bar.wanted.connect(self._want_phase)
        self.placing.changed.connect(self.situation_changed)
        self.mode_stack.shown.connect(self._show_mode)
        self.mode_stack.refused.connect(self.refused)
        self.mode_stack.labels_shown.connect(self._show_labels)
        self.mode_stack.place_asked.connect(self._place)
        self.quad.slices["axial"].first_painted.connect(self.first_slice_shown)
        self.quad.slices["axial"].first_painted.connect(self._load_libraries)

    # Session ----------------------------------------------------------------------------------------------------------

    def set_session(self, session: Session | None) -> None:
        """Show an open case, or nothing."""
        self.session = session
        for panel in self.panels.values():
            self._panel_stack.removeWidget(panel)
            panel.deleteLater()
        self.panels = {}
        self.mode_stack.close_all()
        self.placing.set_session(session)
        self.run_display.set_session(session)
        self._set_edit(session)
        self.measuring.set_session(session)
        if session is None:
            self.quad.set_volume(None)
            self.phase_bar.set_phases((), 0)
            self.quad.set_labels(None)
            self.quad.forget_position()
            if self.scene is not None:
                self.scene.set_session(None)
            if self.guide is not None:
                self.guide.set_session(None)
            return
        store, data, runner = session.store, session.data, session.runner
        data.loaded.connect(self._take)
        store.history_changed.connect(self._refresh_panels)
        session.states_changed.connect(self._refresh_states)
        session.run_watch.changed.connect(self._refresh_run)
        session.run_watch.status_changed.connect(self._refresh_run)
        session.check.changed.connect(self.run_display.refresh_check)
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
        self.scene.result_changed.connect(self.take_result)
        self.mode_stack.set_scene(self.scene)
        self.run_display.has_libraries = True
        self.session.data.want("model")
        self.situation_changed.emit()
        QTimer.singleShot(0, self, self.take_result)  # the window answers in between
        if self.run_display.has_curves:
            QTimer.singleShot(0, self, self.run_display.make_monitor)
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
        self.mode_stack.leave()
        self.step_id = step_id
        self.run_display.is_wanted = step_id == "simulate"
        if step_id != "segment":
            self.disarm()
        if step_id in MODES:
            self.rail.set_current(step_id)
            self.mode_stack.want(self.session, step_id)
            return
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

    def _show_mode(self, mode_id: str) -> None:
        self._center.setCurrentWidget(self.modes[mode_id].center or self.quad)
        self.quad.set_layout("only_scene")
        if self.scene is not None:
            self.scene.show_vessels(None)
            self.scene.set_step(mode_id)
        self.mode_stack.made[mode_id].enter(self.scene)
        QTimer.singleShot(0, self, self._share_height)
        self.situation_changed.emit()

    def _show_labels(self, labels: LabelMap | None) -> None:
        """Show an answer's labels beside the 3D view, or again those of the segmentation."""
        if self.session is None:
            return
        if labels is not None:
            self.quad.set_layout("four")
        self.quad.set_labels(labels if labels is not None else self.session.data.labels)

    def _place(self, landmark_id: str) -> None:
        """Let a click in a slice place a landmark."""
        self.quad.set_layout("four")
        self.placing.arm(landmark_id)

    def _share_height(self) -> None:
        """Give what stands below the 3D view its share, where it has taken more."""
        above, below = self._middle.sizes()
        if above < below:
            self._middle.setSizes([(above + below) * share // sum(_BELOW_SHARES) for share in _BELOW_SHARES])

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
        panel = new_panel(step_id, self.session, self)
        self.panels[step_id] = panel
        self._panel_stack.addWidget(panel)
        panel.run_asked.connect(self.run_step)
        panel.cancel_asked.connect(self.session.runner.cancel)
        panel.parameters_edited.connect(self._edit_parameters)
        self._refresh_panel(panel)
        declaration = step_of(self.session.store.case, step_id).module.Parameters
        QTimer.singleShot(0, panel, partial(panel.set_declaration, declaration))  # the window answers in between
        return panel

    def disarm(self) -> None:
        """Stop placing points, measuring and editing."""
        self.placing.disarm()

    @property
    def modes(self) -> dict[str, Any]:
        """The modes that were entered."""
        return self.mode_stack.made

    def ask_comparison(self) -> None:
        """Ask for another segmentation of the scan to compare with."""
        name, _ = QFileDialog.getOpenFileName(self, "Another segmentation of this scan (NRRD, NIfTI, MHA)")
        if name and self.session is not None:
            AgreementDialog(self.session.store.opened.folder, Path(name), self).show()

    # What comes in ----------------------------------------------------------------------------------------------------

    def _take(self, item: str, content: Any) -> None:
        if item == "image":
            self.quad.set_volume(content)
            self._take_phases()
        elif item == "segmentation":
            self.quad.set_labels(content)
            if content is not None and self.session is not None:
                self.session.data.compute("place", partial(widest_place, content), self.quad.suggest_position)
            panel = self.panels.get("segment")
            if isinstance(panel, SegmentPanel):
                panel.set_labels(content)
        named = self.panels.get("model")
        if item == "model" and isinstance(named, NamedVesselsPanel):
            named.set_model(content)
        if item == "segmentation" and self.placing.tools is not None:
            self.placing.tools.refresh()
        self.situation_changed.emit()

    def _take_phases(self) -> None:
        image = self.session.store.case.current("image") if self.session is not None else None
        phases = image.facts.get("phases", []) if image is not None else []
        used = next((n for n, phase in enumerate(phases) if phase["file"] == "volume"), 0)
        self.phase_bar.set_phases([phase["label"] for phase in phases], used)

    def _want_phase(self, number: int) -> None:
        """Read a phase off the window's thread, and show it."""
        session = self.session
        image = session.store.case.current("image") if session is not None else None
        if session is None or image is None:
            return
        path = session.store.opened.path_of(image.files[image.facts["phases"][number]["file"]])
        session.data.compute("phase", partial(read_phase, path), self._show_phase)

    def _show_phase(self, volume: Any) -> None:
        self.quad.show_phase(volume)
        self.phase_bar.tell_shown()

    def take_result(self) -> None:
        """Show the result that is loaded, in its panel."""
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
            # Where nothing was chosen and no points tell, the list begins with the first; nothing is assumed by that.
            shown = chosen_preset(store.case) or next(iter(PRESETS.values()))
            panel.set_anatomies(tuple(PRESETS.values()), shown)
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

    def _refresh_run(self) -> None:
        if self.step_id == "simulate" and self.scene is None and self.run_display.has_curves:
            self._load_libraries()  # the curves are shown when these are there
        self.run_display.refresh()

    def _refresh_surface(self) -> None:
        if "mesh" in self.panels:
            self._refresh_panel(self.panels["mesh"])

    def apply(self, fix: Any) -> None:
        """Do what the Doctor proposes."""
        if self.session is not None:
            self.noted.emit(f"{fix.title}: the run is prepared again and started.", "")
            self.session.apply(fix)

    def show_place(self, place_mm: Any) -> None:
        """Bring the crosshair to a place (mm, LPS), and light it in 3D."""
        self.quad.choose_position(place_mm)
        if self.scene is not None:
            self.scene.mark(place_mm)
        self._center.setCurrentWidget(self.quad)

    def _edit_parameters(self, step_id: str, values: dict[str, Any]) -> None:
        if self.session is not None:
            self.session.store.do(SetParameters(step_id, values))

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
