"""The main window: menus, banners, messages, and the page that is shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QInputDialog,
    QLabel,
    QMainWindow,
    QMessageBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app import NOT_FOR_DIAGNOSIS, __version__
from app.case.bundle import OpenCase
from app.case.commands import RenameCase
from app.desktop.actions import ACTIONS, ActionSet, Situation
from app.desktop.anatomy.landmark_table import LandmarkTable
from app.desktop.cheat_sheet import CheatSheet
from app.desktop.job_bar import JobBar
from app.desktop.measure.table import MeasurementTable
from app.desktop.message_bar import MessageBar
from app.desktop.modes import MODES
from app.desktop.new_case import (
    NewCaseDialog,
    SeriesChoice,
    dropped_source,
    make_case,
    make_sample_case,
    read_study,
    remove_unfinished,
    write_sample,
)
from app.desktop.new_surface import NewSurfaceCaseDialog, ask_surface_file, make_surface_case
from app.desktop.panels.import_panel import ask_scan_file, ask_scan_folder
from app.desktop.preferences import remember, remembered
from app.desktop.recent import remember_case
from app.desktop.session.background import Background
from app.desktop.session.refusal import refusal_of
from app.desktop.session.session import Session
from app.desktop.study_browser import StudyBrowser
from app.desktop.views.mouse_profile import RADIOLOGY, SLICER
from app.desktop.views.window_level import FIRST_WINDOW, PRESETS, automatic_window
from app.desktop.welcome import WelcomePage
from app.desktop.workspace import Workspace
from app.workflow.import_surface import SurfaceSummary, is_surface, summary_of
from app.workflow.scan_study import StudyVerdict
from app.workflow.steps import STEPS
from imaging.dicom.series import is_dicom_source


class MainWindow(QMainWindow):
    """The program's window. It owns no truth: every action is a command on the case or a call into app/workflow."""

    unexpected_elsewhere = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("AngioTwin")
        self.resize(1600, 1000)
        self.setAcceptDrops(True)
        self.session: Session | None = None
        self._background = Background("window", self)
        self.messages = MessageBar()
        self.job = JobBar()
        self.welcome = WelcomePage()
        self.workspace = Workspace()
        self._pages = QStackedWidget()
        self._pages.addWidget(self.welcome)
        self._pages.addWidget(self.workspace)
        self._case_title = QLabel()
        self._case_title.setObjectName("case")
        self._read_only = QLabel("READ-ONLY")
        self._read_only.setObjectName("badge")
        self._read_only.setToolTip(
            "Another window holds this case, or its folder cannot be written: nothing is changed."
        )
        self._busy = QLabel()
        self._busy.setObjectName("muted")
        self._make_layout()
        self._make_measurements()
        self.actions_ = ActionSet(self, self._handlers())
        self.actions_.fill(self.menuBar())
        self._connect()
        self.actions_["view.slicer_mouse"].setChecked(remembered("mouse", RADIOLOGY.id) == SLICER.id)
        self.refresh_situation()

    # Making -----------------------------------------------------------------------------------------------------------

    def _make_layout(self) -> None:
        banner = QFrame()
        banner.setObjectName("banner")
        warning = QLabel(NOT_FOR_DIAGNOSIS)
        warning.setAlignment(Qt.AlignmentFlag.AlignCenter)
        banner_row = QHBoxLayout(banner)
        banner_row.setContentsMargins(8, 2, 8, 2)
        banner_row.addWidget(warning)
        self._header = QFrame()
        self._header.setObjectName("header")
        header_row = QHBoxLayout(self._header)
        header_row.setContentsMargins(12, 5, 12, 5)
        header_row.addWidget(self._case_title)
        header_row.addWidget(self._read_only)
        header_row.addStretch(1)
        header_row.addWidget(self._busy)
        center = QWidget()
        layout = QVBoxLayout(center)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for widget in (banner, self._header, self.messages, self.job):
            layout.addWidget(widget)
        layout.addWidget(self._pages, 1)
        self.setCentralWidget(center)

    def _make_measurements(self) -> None:
        self.measurements = MeasurementTable(self.workspace.measuring)
        self.measurements.refused.connect(self.messages.show_refusal)
        self._measurements = QDockWidget("Measurements", self)
        self._measurements.setWidget(self.measurements)
        self._measurements.hide()
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self._measurements)
        self.landmarks = LandmarkTable(self.workspace.placing)
        self.landmarks.refused.connect(self.messages.show_refusal)
        self.landmarks.noted.connect(lambda text: self._note(text, ""))
        self._landmarks = QDockWidget("Landmarks", self)
        self._landmarks.setWidget(self.landmarks)
        self._landmarks.hide()
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self._landmarks)
        self.volume_bar: Any = None
        self._volume = QDockWidget("Volume rendering", self)
        self._volume.hide()
        self.addDockWidget(Qt.DockWidgetArea.BottomDockWidgetArea, self._volume)

    def _connect(self) -> None:
        self.unexpected_elsewhere.connect(self.show_unexpected)
        self.messages.place_asked.connect(self._show_place)
        self.job.failed.connect(self.messages.show_refusal)
        self.welcome.asked.connect(lambda action_id: self.actions_[action_id].trigger())
        self.welcome.case_chosen.connect(self.open_case)
        self.welcome.sample_chosen.connect(self._ask_new_sample)
        self.workspace.situation_changed.connect(self.refresh_situation)
        self.workspace.noted.connect(self._note)
        self.workspace.refused.connect(self.messages.show_refusal)
        self._background.submit(_samples, self.welcome.set_samples, lambda refusal: None)

    def _handlers(self) -> dict[str, Callable[..., object]]:
        work, quad = self.workspace, self.workspace.quad
        handlers: dict[str, Callable[..., object]] = {
            "case.open": self._ask_case,
            "case.new_file": lambda: self.new_from(ask_scan_file(self)),
            "case.new_folder": lambda: self.new_from(ask_scan_folder(self)),
            "case.new_surface": lambda: self.new_from(ask_surface_file(self)),
            "case.sample_dicom": self._ask_sample_dicom,
            "case.rename": self._rename,
            "case.close": self.close_case,
            "app.quit": self.close,
            "edit.undo": self._undo,
            "edit.redo": self._redo,
            "points.disarm": work.disarm,
            "step.run": work.run_current,
            "step.cancel": self._cancel_step,
            "window.auto": self._automatic_window,
            "window.reset": lambda: quad.set_window(FIRST_WINDOW),
            "view.labels": lambda shown: quad.set_shows(labels=shown),
            "view.crosshair": lambda shown: quad.set_shows(crosshair=shown),
            "view.planes": lambda shown: work.scene and work.scene.set_shows(planes=shown),
            "view.captions": lambda shown: work.scene and work.scene.set_shows(captions=shown),
            "view.fit": self._fit,
            "view.monitor": work.run_display.toggle,
            "view.oblique": quad.set_oblique,
            "view.slab": quad.next_slab,
            "view.thicker": lambda: quad.thicken(1),
            "view.thinner": lambda: quad.thicken(-1),
            "view.cine": quad.set_cine,
            "view.slicer_mouse": self._choose_mouse,
            "layout.vessel": work.show_vessels,
            "view.detach": quad.detach_focused,
            "view.volume": self._toggle_volume,
            "measure.table": lambda: self._measurements.setVisible(not self._measurements.isVisible()),
            "landmarks.table": lambda: self._landmarks.setVisible(not self._landmarks.isVisible()),
            "landmarks.propose": self.landmarks.propose_all,
            "result.play": lambda: self._results("play_button").toggle(),
            "result.previous": lambda: self._results("step_frame")(-1),
            "result.next": lambda: self._results("step_frame")(1),
            "help.keys": lambda: CheatSheet(self).show(),
            "help.about": self._about,
        }
        handlers |= {f"step.{step_id}": partial(work.go_to, step_id) for step_id in (*STEPS, *MODES)}
        handlers |= {f"window.{preset.id}": partial(quad.set_window, preset.window) for preset in PRESETS}
        handlers |= {f"layout.{name}": partial(quad.set_layout, name) for name in ("four", "scene", "only_scene")}
        measures = [
            action.id for action in ACTIONS if action.id.startswith("measure.") and action.id != "measure.table"
        ]
        handlers |= {action_id: partial(work.measuring.arm, action_id.split(".")[1]) for action_id in measures}
        looks = [action.id for action in ACTIONS if action.id.startswith("look.")]
        return handlers | {action_id: partial(self._look_from, action_id[-1]) for action_id in looks}

    # Cases ------------------------------------------------------------------------------------------------------------

    def open_case(self, folder: Path, writable: bool = True) -> None:
        """Open a case folder; one that another window holds is offered read-only."""
        if not self.close_case():
            return
        try:
            opened = OpenCase.open(folder, writable=writable)
        except Exception as error:
            refusal = refusal_of(error)
            offers = [("Open read-only", lambda: self.open_case(folder, writable=False))]
            self.messages.show_refusal(refusal, offers if refusal.code in ("case_locked", "no_permission") else ())
            return
        self.messages.clear()
        self.session = Session(opened, self)
        self.session.refused.connect(self.messages.show_refusal)
        self.session.store.title_changed.connect(self.refresh_situation)
        self.workspace.set_session(self.session)
        self.landmarks.set_session(self.session)
        self._pages.setCurrentWidget(self.workspace)
        self._background.submit(
            partial(remember_case, opened.folder, opened.case.title), lambda done: None, lambda refusal: None
        )
        self.refresh_situation()

    def close_case(self) -> bool:
        """Close the case; returns whether it is closed. A running step is asked about, a running solver goes on."""
        session = self.session
        if session is None:
            return True
        step_id = session.runner.step_id
        if step_id is not None and not self._may_stop(step_id):
            return False
        self.session = None
        for action_id in ("view.oblique", "view.cine"):
            self.actions_[action_id].setChecked(False)
        self.workspace.quad.attach_all()
        self.workspace.set_session(None)
        self.landmarks.set_session(None)
        if self.volume_bar is not None:
            self.volume_bar.set_volume(None)
        session.close()
        session.deleteLater()
        self.messages.clear()
        self.welcome.refresh()
        self._pages.setCurrentWidget(self.welcome)
        self.refresh_situation()
        return True

    def import_new(self, source: Path, folder: Path, title: str, choice: SeriesChoice | None = None) -> None:
        """Make a case from a scan and open it."""
        self._start_job("Importing", make_case, (source, folder, title, choice or SeriesChoice()), folder)

    def _start_job(self, title: str, work: Callable[..., Any], arguments: tuple[Any, ...], folder: Path) -> None:
        is_new = not folder.exists()
        self.messages.clear()
        self.job.start(
            title,
            work,
            arguments,
            lambda record: self.open_case(folder),
            lambda: remove_unfinished(folder) if is_new else None,
        )

    def _ask_case(self) -> None:
        name = QFileDialog.getExistingDirectory(self, "Open a case folder (.case)")
        if name:
            self.open_case(Path(name))

    def new_from(self, source: Path | None) -> None:
        """Ask what is needed to make a case from a scan or a surface, and make it."""
        if source is None:
            return
        try:
            is_study = is_dicom_source(source)
        except Exception as error:
            self.messages.show_refusal(refusal_of(error))
            return
        if is_study:
            self.messages.clear()
            ask = partial(self._ask_new_from_study, source)
            self.job.start("Reading the study", read_study, (source,), ask, lambda: None)
        elif is_surface(source):
            self._background.submit(
                partial(summary_of, source), partial(self._ask_new_of_surface, source), self.messages.show_refusal
            )
        else:
            self._ask_new_title(source, SeriesChoice(), is_file=True)

    def _ask_new_from_study(self, source: Path, study: StudyVerdict) -> None:
        browser = StudyBrowser(study, self)
        if browser.exec():
            choice = SeriesChoice(
                browser.series_uid,
                browser.phase,
                browser.all_phases,
                repair=browser.repair,
                deidentify=browser.deidentify,
            )
            self._ask_new_title(source, choice)

    def _ask_new_title(self, source: Path, choice: SeriesChoice, *, is_file: bool = False) -> None:
        dialog = NewCaseDialog(self, asks_frame=source.suffix.lower() == ".vti", is_file=is_file)
        if dialog.exec():
            chosen = replace(
                choice,
                frame=dialog.chosen_frame,
                spacing_mm=dialog.spacing.value(),
                angiogram=dialog.angiogram.isChecked(),
            )
            self.import_new(source, dialog.folder, dialog.title.text().strip(), chosen)

    def _ask_new_of_surface(self, source: Path, summary: SurfaceSummary) -> None:
        dialog = NewSurfaceCaseDialog(summary, self)
        if dialog.exec():
            chosen = (dialog.unit, dialog.inlet, dialog.names_text)
            arguments = (source, dialog.folder, dialog.title.text().strip(), *chosen)
            self._start_job("Importing", make_surface_case, arguments, dialog.folder)

    def _ask_new_sample(self, sample_id: str) -> None:
        dialog = NewCaseDialog(self, sample_id.replace("_", " "))
        if dialog.exec():
            self._start_job("Fetching the sample", make_sample_case, (sample_id, dialog.folder), dialog.folder)

    def _ask_sample_dicom(self) -> None:
        """Write the slices of a sample into a folder, as a scanner delivers them, to try the way from there."""
        ids = {sample["title"]: sample["id"] for sample in _samples() if sample["kind"] == "scan"}
        title, is_given = QInputDialog.getItem(self, "Write a sample as a DICOM folder", "Sample", list(ids), 0, False)
        parent = QFileDialog.getExistingDirectory(self, "Where the folder is to be made") if is_given else ""
        if parent:
            folder = Path(parent) / ids[title]
            self.messages.clear()
            self.job.start(
                "Writing the sample", write_sample, (ids[title], folder), self._note_sample_dicom, lambda: None
            )

    def _note_sample_dicom(self, slices: Path) -> None:
        offers = [("New case from it", partial(self.new_from, slices))]
        self.messages.show_note(f"The slices are in {slices.parent.name}/{slices.name}.", offers)

    def _rename(self) -> None:
        if self.session is not None:
            old = self.session.store.case.title
            title, is_given = QInputDialog.getText(self, "Rename the case", "Title (no patient name):", text=old)
            if is_given and title.strip() and title.strip() != old:
                self.session.store.do(RenameCase(title.strip()))

    def _may_stop(self, step_id: str) -> bool:
        answer = QMessageBox.question(
            self,
            "A step is running",
            f"{STEPS[step_id].title} is still running. Stop it and close? The case stays as it was before the step.",
        )
        return answer == QMessageBox.StandardButton.Yes

    # Showing ----------------------------------------------------------------------------------------------------------

    def refresh_situation(self) -> None:
        """Bring menus, title and badges in line with what is there."""
        session, scene = self.session, self.workspace.scene
        if session is None:
            self.actions_.refresh(Situation(is_running=self.job.is_busy))
            self._header.hide()
            self._measurements.hide()
            self._landmarks.hide()
            self._volume.hide()
            return
        store = session.store
        running = session.runner.step_id
        self.actions_.refresh(
            Situation(
                has_case=True,
                is_writable=store.is_writable,
                undo_label=store.history.undo_label,
                redo_label=store.history.redo_label,
                is_running=running is not None,
                has_scan=session.data.volume is not None,
                has_scene=scene is not None,
                has_frames=scene is not None and scene.colors is not None and "results" in self.workspace.panels,
                has_vessels=self.workspace.has_vessels,
                has_model=session.data.model is not None,
                is_armed=self.workspace.placing.is_armed,
            )
        )
        labels = session.data.labels
        self.measurements.set_labels(list(labels.names.values()) if labels is not None else [])
        if self.volume_bar is not None and self.workspace.scene is not None:
            self.volume_bar.set_volume(self.workspace.quad.volume)
        self._header.show()
        self._case_title.setText(store.case.title)
        self._read_only.setVisible(not store.is_writable)
        self._busy.setText(f"{STEPS[running].title} is running" if running else "")
        self.setWindowTitle(f"{store.case.title} – AngioTwin")

    def show_unexpected(self, error: BaseException) -> None:
        """Say that something unforeseen happened; its details are in a log file."""
        self.messages.show_refusal(refusal_of(error))

    def _note(self, text: str, step_id: str) -> None:
        offers = [(f"Go to {STEPS[step_id].title}", partial(self.workspace.go_to, step_id))] if step_id else []
        self.messages.show_note(text, offers)

    def _show_place(self, place_mm: Any) -> None:
        if self.session is not None:
            self.workspace.show_place(place_mm)

    def _undo(self) -> None:
        if self.session is not None:
            self.session.store.undo()

    def _redo(self) -> None:
        if self.session is not None:
            self.session.store.redo()

    def _cancel_step(self) -> None:
        if self.session is not None:
            self.session.runner.cancel()

    def _automatic_window(self) -> None:
        quad = self.workspace.quad
        if quad.volume is not None:
            quad.set_window(automatic_window(quad.volume.array))

    def _toggle_volume(self) -> None:
        """Show or hide the controls of the volume rendering, which are made when they are wanted first."""
        if self.volume_bar is None:
            from app.desktop.volume_bar import VolumeBar

            self.volume_bar = VolumeBar()
            self.volume_bar.look_changed.connect(self.workspace.scene.set_volume_look)
            self._volume.setWidget(self.volume_bar)
            self.volume_bar.set_volume(self.workspace.quad.volume)
        self._volume.setVisible(not self._volume.isVisible())

    def _choose_mouse(self, is_slicer: bool) -> None:
        profile = SLICER if is_slicer else RADIOLOGY
        self.workspace.quad.set_profile(profile)
        remember("mouse", profile.id)

    def _fit(self) -> None:
        self.workspace.quad.fit()
        if self.workspace.scene is not None:
            self.workspace.scene.fit()

    def _look_from(self, letter: str) -> None:
        if self.workspace.scene is not None:
            self.workspace.scene.view.look_from(letter)

    def _results(self, name: str) -> Any:
        return getattr(self.workspace.panels["results"], name)

    def _about(self) -> None:
        QMessageBox.about(
            self,
            "AngioTwin",
            f"AngioTwin {__version__}\n\nFrom a CT angiogram to the patient's blood flow.\n{NOT_FOR_DIAGNOSIS}.\n\n"
            "Free software under the GNU General Public License, version 3 or later.",
        )

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        urls = event.mimeData().urls()
        if urls and all(url.isLocalFile() for url in urls):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """A case folder that is dropped is opened; anything else is taken for a scan, files for their folder."""
        path = dropped_source([Path(url.toLocalFile()) for url in event.mimeData().urls()])
        QTimer.singleShot(0, partial(self.open_case if (path / "case.json").is_file() else self.new_from, path))

    def closeEvent(self, event: QCloseEvent) -> None:
        if not self.close_case():
            event.ignore()
            return
        self.job.cancel()
        self.workspace.close_views()
        self._background.close(finish=True)
        event.accept()


def _samples() -> list[dict[str, Any]]:
    from app.workflow.samples import list_samples

    return list_samples()
