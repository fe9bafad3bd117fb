"""What is slow to import and not needed for the first slice."""

from __future__ import annotations

from app.workflow.steps import STEPS, ways_of


def import_heavy_libraries() -> None:
    """Import what the 3D view, the plots and the panels need, in a thread, so that the window finds it there."""
    import pyqtgraph  # noqa: F401
    import pyvista  # noqa: F401
    import vtkmodules.vtkRenderingOpenGL2  # noqa: F401

    import app.desktop.monitor.run_monitor
    import app.desktop.panels.results_panel
    import app.desktop.scene.scene  # noqa: F401

    for step in (way for step_id in STEPS for way in ways_of(step_id)):
        _ = step.module  # its parameters make the form of its panel
