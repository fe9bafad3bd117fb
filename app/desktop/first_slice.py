"""Opens the window on a case and leaves as soon as its first slice is on the screen: what the program's start takes.

``python -m app.desktop.first_slice CASE_FOLDER`` does what ``angiotwin open CASE_FOLDER`` does until then, so the time
that it runs is what a user waits for.
"""

from __future__ import annotations

import sys
from pathlib import Path

from app.case.errors import CaseError
from app.desktop.main import make_application, make_window
from app.desktop.session.refusal import Refusal, refusal_of

_LONGEST_WAIT_MS = 60_000


def show_first_slice(case_folder: Path) -> None:
    """Open the window on a case, and close it once the first slice is on the screen.

    Raises
    ------
    CaseError
        ``no_display``; ``not_shown`` with what the window says when it cannot show the scan.
    """
    application = make_application()
    from PySide6.QtCore import QTimer

    window = make_window()
    said: list[str] = []
    has_slice = False

    def leave() -> None:
        nonlocal has_slice
        axial = window.workspace.quad.slices["axial"]
        at = axial.mapTo(window, axial.rect().center())
        window.screen().grabWindow(window.winId(), at.x(), at.y(), 1, 1)  # the display answers after it has drawn
        has_slice = True
        window.close()

    def give_up(refusal: Refusal) -> None:
        said.append(refusal.message)
        window.close()

    window.workspace.first_slice_shown.connect(leave)
    window.show()
    window.open_case(case_folder)
    if window.session is None:
        refusal = window.messages.refusal
        window.close()
        raise CaseError("not_shown", refusal.message if refusal else "The case could not be opened.")
    window.session.refused.connect(give_up)
    QTimer.singleShot(_LONGEST_WAIT_MS, window, window.close)
    application.exec()
    if not has_slice:
        raise CaseError("not_shown", said[0] if said else "The case has no scan that could be shown.")


def main(arguments: list[str]) -> int:
    """Returns 0, or 1 after a sentence on standard error."""
    if len(arguments) != 1:
        print("usage: python -m app.desktop.first_slice CASE_FOLDER", file=sys.stderr)
        return 2
    try:
        show_first_slice(Path(arguments[0]))
    except Exception as error:
        print(refusal_of(error).message, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
