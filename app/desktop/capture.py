"""Photographs the real window at five steps of a finished case.

``python -m app.desktop.capture CASE_FOLDER OUT_FOLDER`` does it from a shell.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.case.errors import CaseError
from app.desktop.main import make_application
from app.desktop.session.refusal import refusal_of
from app.workflow.steps import STEPS, path_of

if TYPE_CHECKING:
    from PySide6.QtWidgets import QApplication

    from app.desktop.shell import MainWindow

_SIZE = (1600, 1000)
_LONGEST_WAIT_S = 60.0
_SETTLE_S = 0.4


def capture_steps(case_folder: Path, out: Path) -> list[Path]:
    """Open the window on a case, walk five steps, and save a picture of each as PNG.

    Parameters
    ----------
    case_folder
        A case with all steps done; it is opened read-only when another process holds it.
    out
        Folder for ``1-import.png``, ``2-segment.png``, ``3-mesh.png``, ``4-simulate.png`` and ``5-results.png``, which
        is made when missing; a case that begins with a surface has no second one.

    Raises
    ------
    CaseError
        ``no_display``; ``not_captured`` when a step has nothing to show; those of opening a case.
    """
    application = make_application()
    from app.desktop.shell import MainWindow

    window = MainWindow()
    try:
        window.resize(*_SIZE)
        window.show()
        window.open_case(case_folder)
        if (
            window.session is None
            and window.messages.refusal is not None
            and "Open read-only" in window.messages.offers
        ):
            window.open_case(case_folder, writable=False)
        if window.session is None:
            refusal = window.messages.refusal
            raise CaseError("not_captured", refusal.message if refusal else "The case could not be opened.")
        out.mkdir(parents=True, exist_ok=True)
        return _walk(application, window, out)
    finally:
        window.close()
        application.processEvents()


def _walk(application: QApplication, window: MainWindow, out: Path) -> list[Path]:
    work: Any = window.workspace
    session = window.session
    assert session is not None
    data, watch = session.data, session.run_watch
    steps: tuple[tuple[str, str, Callable[[], bool]], ...] = (
        (
            "1-import",
            "import",
            lambda: (data.volume is not None or data.surface is not None) and work.scene is not None,
        ),
        ("2-segment", "segment", lambda: data.labels is not None and work.scene is not None),
        ("3-mesh", "mesh", lambda: data.mesh is not None and data.model is not None),
        ("4-simulate", "simulate", lambda: bool(watch.curves.time_s)),
        ("5-results", "results", lambda: work.scene.colors is not None and work.panels["results"].result is not None),
    )
    made = []
    path = path_of(session.store.case)
    for name, step_id, is_there in steps:
        if step_id not in path:
            continue
        if session.store.case.current(path[step_id].makes) is None:
            raise _nothing_to_show(step_id)
        work.go_to(step_id)
        _wait(application, is_there, step_id)
        if step_id == "results":
            _show_flow(window)
        _settle(application)
        view = work.scene.view
        _wait(application, lambda: view.is_settled or not view.isVisible(), step_id)  # noqa: B023  waited for here
        picture = out / f"{name}.png"
        if not window.grab().save(str(picture)):
            raise CaseError(
                "disk_full", f"The picture {picture.name} could not be written: free some space and try again."
            )
        made.append(picture)
    return made


def _show_flow(window: MainWindow) -> None:
    """Streamlines at the instant of the largest flow through the inlet."""
    panel = window.workspace.panels["results"]
    result = panel.result  # type: ignore[attr-defined]
    inlets = [wave for wave in result.waveforms if wave.kind == "inlet"]
    if inlets:
        flow = inlets[0].flow_ml_s
        panel.set_time(result.waveform_times_s[flow.index(max(flow))])  # type: ignore[attr-defined]
    panel.streamlines.setChecked(panel.streamlines.isEnabled())  # type: ignore[attr-defined]


def _nothing_to_show(step_id: str) -> CaseError:
    title = STEPS[step_id].title
    return CaseError(
        "not_captured", f"The window could not be photographed: {title} has nothing to show; run it first."
    )


def _wait(application: QApplication, is_there: Callable[[], bool], step_id: str) -> None:
    end = time.monotonic() + _LONGEST_WAIT_S
    while not is_there():
        if time.monotonic() > end:
            raise _nothing_to_show(step_id)
        application.processEvents()
        time.sleep(0.005)


def _settle(application: QApplication) -> None:
    """Let timers and paints of the step come to rest."""
    end = time.monotonic() + _SETTLE_S
    while time.monotonic() < end:
        application.processEvents()
        time.sleep(0.005)


def main(arguments: list[str]) -> int:
    """Returns 0, or 1 after a sentence on standard error."""
    if len(arguments) != 2:
        print("usage: python -m app.desktop.capture CASE_FOLDER OUT_FOLDER", file=sys.stderr)
        return 2
    try:
        made = capture_steps(Path(arguments[0]), Path(arguments[1]))
    except Exception as error:
        print(refusal_of(error).message, file=sys.stderr)
        return 1
    print("\n".join(str(path) for path in made))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
