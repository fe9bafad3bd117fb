"""What is slow to import and not needed for the first slice."""

from __future__ import annotations

import importlib

from app.workflow.steps import STEPS, ways_of

_MODULES = (
    "pyqtgraph",
    "pyvista",
    "vtkmodules.vtkRenderingOpenGL2",
    "app.desktop.monitor.run_monitor",
    "app.desktop.panels.results_panel",
    "app.desktop.scene.scene",
    "app.desktop.vessel_guide",
)
_OF_MODES = (
    "app.desktop.what_if.mode",
    "app.desktop.cross_check.mode",
    "app.desktop.tune.mode",
    "app.desktop.ensemble.mode",
    "app.desktop.assess.mode",
    "app.desktop.compare.mode",
    "solvers.network.zero_d.solve",
    "solvers.network.zero_d.tuning",
)


def import_heavy_libraries() -> None:
    """Import what the 3D view, the plots and the panels need, in a thread, so that the window finds it there."""
    for name in _MODULES:
        importlib.import_module(name)
    importlib.import_module("app.desktop.scene.color_scale").read_color_tables()
    for step in (way for step_id in STEPS for way in ways_of(step_id)):
        _ = step.module  # its parameters make the form of its panel


def import_modes() -> None:
    """Import what the modes need, in a thread, once all else is on the screen."""
    for name in _OF_MODES:
        importlib.import_module(name)
    importlib.import_module("app.workflow.assessments.registry").assessments_by_id()  # imports every one of them
