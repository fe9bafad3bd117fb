"""All that a user can do by a key or a menu, declared once: menus, shortcuts and the cheat sheet are made from it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenuBar

from app.desktop.modes import MODES
from app.desktop.views.window_level import PRESETS
from app.workflow.steps import STEPS
from imaging.measurement import TYPES, MeasurementKind


@dataclass(frozen=True)
class Situation:
    """What decides which actions are enabled."""

    has_case: bool = False
    is_writable: bool = False
    undo_label: str | None = None
    redo_label: str | None = None
    is_running: bool = False
    has_scan: bool = False
    has_scene: bool = False
    has_frames: bool = False
    has_vessels: bool = False
    has_model: bool = False
    is_armed: bool = False


@dataclass(frozen=True)
class Action:
    """An action: stable id, title, key (may be empty), menu, when it is enabled."""

    id: str
    title: str
    key: str
    menu: str
    enabled_when: Callable[[Situation], bool] = lambda situation: True
    is_toggle: bool = False
    starts_on: bool = True


def _has_case(situation: Situation) -> bool:
    return situation.has_case


def _has_scan(situation: Situation) -> bool:
    return situation.has_scan


def _has_scene(situation: Situation) -> bool:
    return situation.has_scene


def _has_frames(situation: Situation) -> bool:
    return situation.has_frames


MEASURE_KEYS: dict[MeasurementKind, str] = {
    "distance": "D",
    "polyline": "Shift+D",
    "angle": "G",
    "ellipse": "Shift+E",
    "sphere": "Shift+B",
}

ACTIONS: tuple[Action, ...] = (
    Action("case.open", "Open case …", "Ctrl+O", "Case"),
    Action("case.new_file", "New case from a scan file …", "Ctrl+N", "Case"),
    Action("case.new_folder", "New case from a DICOM folder …", "Ctrl+Shift+N", "Case"),
    Action("case.new_surface", "New case from a surface …", "Ctrl+Alt+N", "Case"),
    Action("case.sample_dicom", "Write a sample as a DICOM folder …", "", "Case", lambda s: not s.is_running),
    Action("case.rename", "Rename the case …", "F2", "Case", lambda s: s.has_case and s.is_writable),
    Action("case.close", "Close case", "Ctrl+W", "Case", _has_case),
    Action("app.quit", "Quit", "Ctrl+Q", "Case"),
    Action("edit.undo", "Undo", "Ctrl+Z", "Edit", lambda s: s.is_writable and s.undo_label is not None),
    Action("edit.redo", "Redo", "Ctrl+Shift+Z", "Edit", lambda s: s.is_writable and s.redo_label is not None),
    Action("points.disarm", "Stop placing points, measuring, editing", "Esc", "Edit", lambda s: s.is_armed),
    *(
        Action(f"step.{step.id}", f"Go to {step.title}", f"Ctrl+{n}", "Steps", _has_case)
        for n, step in enumerate(STEPS.values(), 1)
    ),
    *(Action(f"step.{mode.id}", f"Go to {mode.title}", mode.key, "Steps", _has_case) for mode in MODES.values()),
    Action("step.run", "Run this step", "Ctrl+Return", "Steps", lambda s: s.is_writable and not s.is_running),
    Action("step.cancel", "Cancel the running step", "Ctrl+.", "Steps", lambda s: s.is_running),
    *(
        Action(
            f"window.{p.id}",
            f"Window: {p.title} ({p.window})",
            p.key,
            "View",
            _has_scan,
        )
        for p in PRESETS
    ),
    Action("window.auto", "Window: from the scan's values", "6", "View", _has_scan),
    Action("window.reset", "Window: back to the first", "0", "View", _has_scan),
    Action("view.labels", "Labels over the scan", "O", "View", _has_scan, True),
    Action("view.crosshair", "Crosshair", "X", "View", _has_scan, True),
    Action("view.oblique", "Turn the planes (oblique)", "Q", "View", _has_scan, True, False),
    Action("view.slab", "Slab: thin, MIP, MinIP, mean", "K", "View", _has_scan),
    Action("view.thicker", "Thicker slab", "]", "View", _has_scan),
    Action("view.thinner", "Thinner slab", "[", "View", _has_scan),
    Action("view.cine", "Cine through the slices", "C", "View", _has_scan, True, False),
    Action("view.slicer_mouse", "Mouse as in 3D Slicer", "", "View", _has_case, True, False),
    Action("view.detach", "View in a window of its own", "F9", "View", _has_case),
    Action("view.planes", "Slices in the 3D view", "T", "View", _has_scene, True),
    Action("view.captions", "Names in the 3D view", "N", "View", _has_scene, True),
    Action("view.fit", "Show all", "F", "View", _has_case),
    Action("view.monitor", "Curves of the run, or 3D", "M", "View", _has_scene),
    Action("layout.four", "Four views", "F5", "View", _has_case),
    Action("layout.scene", "3D large beside the slices", "F6", "View", _has_case),
    Action("layout.only_scene", "3D alone", "F7", "View", _has_case),
    Action("layout.vessel", "Along a vessel (curved planar)", "F8", "View", lambda s: s.has_vessels),
    Action("view.volume", "Volume rendering …", "Y", "3D", lambda s: s.has_scene and s.has_scan),
    Action("measure.table", "Table of measurements", "U", "Measure", _has_scan),
    *(
        Action(
            f"measure.{kind}", f"Measure: {TYPES[kind].title}", key, "Measure", lambda s: s.has_scan and s.is_writable
        )
        for kind, key in MEASURE_KEYS.items()
    ),
    Action("landmarks.table", "Landmarks and root measures", "J", "Measure", _has_case),
    Action(
        "landmarks.propose",
        "Propose landmarks from the model",
        "Shift+J",
        "Measure",
        lambda s: s.has_model and s.is_writable,
    ),
    Action("look.A", "Look from the front (anterior)", "A", "3D", _has_scene),
    Action("look.P", "Look from the back (posterior)", "P", "3D", _has_scene),
    Action("look.L", "Look from the patient's left", "L", "3D", _has_scene),
    Action("look.R", "Look from the patient's right", "R", "3D", _has_scene),
    Action("look.V", "Look along the arch (left anterior oblique 60°)", "V", "3D", _has_scene),
    Action("look.S", "Look from the head (superior)", "S", "3D", _has_scene),
    Action("look.I", "Look from the feet (inferior)", "I", "3D", _has_scene),
    Action("result.play", "Play or pause the heart beat", "Space", "Results", _has_frames),
    Action("result.previous", "Previous instant", ",", "Results", _has_frames),
    Action("result.next", "Next instant", ".", "Results", _has_frames),
    Action("help.keys", "Keys and mouse", "?", "Help"),
    Action("help.about", "About AngioTwin", "", "Help"),
)

MOUSE: tuple[tuple[str, str], ...] = (
    ("Slices: left click or drag", "Move the crosshair; places the chosen point; drags a point"),
    ("Slices: wheel, Up and Down, Page Up and Page Down", "Change the slice"),
    ("Slices: right drag", "Window: right is wider, up is a higher level"),
    ("Slices: middle drag, Ctrl and wheel", "Pan, zoom"),
    ("Slices: drag a ring of the crosshair (Q)", "Turn the two other planes"),
    ("Slices, mouse as in 3D Slicer", "Left drag: window; Shift and left, middle: pan; right: zoom; click: crosshair"),
    ("Slices: drag the end of a measurement", "Change it; it can be undone"),
    ("Slices: Shift and move", "The crosshair follows"),
    ("Any view: double click", "Maximize, or back"),
    ("Vessel: click, drag, wheel", "Go along the vessel; all views follow"),
    ("3D: left, middle, right drag, wheel", "Rotate, pan, zoom, zoom"),
    (
        "3D: click",
        "Read the value there, choose the vessel (What if; 0D, 1D, 3D); the crosshair goes there",
    ),
)


class ActionSet:
    """The declared actions as Qt actions of a window."""

    def __init__(self, window: QMainWindow, handlers: Mapping[str, Callable[..., object]]) -> None:
        missing = {action.id for action in ACTIONS} ^ set(handlers)
        if missing:
            raise ValueError(f"actions and handlers do not fit: {', '.join(sorted(missing))}")
        self._actions: dict[str, QAction] = {}
        for declared in ACTIONS:
            action = QAction(declared.title, window)
            action.setCheckable(declared.is_toggle)
            action.setChecked(declared.is_toggle and declared.starts_on)
            if declared.key:
                action.setShortcut(QKeySequence(declared.key))
            handler = handlers[declared.id]
            if declared.is_toggle:
                action.toggled.connect(handler)
            else:
                action.triggered.connect(lambda checked=False, handler=handler: handler())
            window.addAction(action)
            self._actions[declared.id] = action

    def __getitem__(self, action_id: str) -> QAction:
        return self._actions[action_id]

    def fill(self, bar: QMenuBar) -> None:
        """Make the menus."""
        menus = {title: bar.addMenu(title) for title in dict.fromkeys(action.menu for action in ACTIONS)}
        for declared in ACTIONS:
            menus[declared.menu].addAction(self._actions[declared.id])

    def refresh(self, situation: Situation) -> None:
        """Enable what can be done now, and say what undo and redo would do."""
        for declared in ACTIONS:
            self._actions[declared.id].setEnabled(declared.enabled_when(situation))
        undo, redo = situation.undo_label, situation.redo_label
        self._actions["edit.undo"].setText(f"Undo: {undo}" if undo else "Undo")
        self._actions["edit.redo"].setText(f"Redo: {redo}" if redo else "Redo")
