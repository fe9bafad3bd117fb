"""A step that can be told what to do; it runs in a child process of the window."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from app.workflow.parameters import declared
from app.workflow.steps import Outcome, Request
from imaging.errors import ImagingError
from imaging.types import Progress


@dataclass(frozen=True)
class Parameters:
    seconds: float = declared(0.0, help="How long it takes", unit="s", minimum=0.0, maximum=100.0)
    how: str = declared("well", help="How it ends", choices=("well", "refused", "raises"))


def compute(request: Request, out: Path, progress: Progress) -> Outcome:
    chosen = request.parameters
    (out / "half.txt").write_text("half")
    grandchild = (
        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"]) if chosen.seconds > 10 else None
    )
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < chosen.seconds:
        progress(elapsed / chosen.seconds, "Busy")
        sum(n * n for n in range(20_000))
    if grandchild is not None:
        grandchild.kill()
    if chosen.how == "refused":
        raise ImagingError("leak", "The lumen leaks into a vein; move the point.", (4.0, 18.0, 22.5))
    if chosen.how == "raises":
        raise ZeroDivisionError("inner detail")
    path = out / "labels.nrrd"
    path.write_text("made")
    return Outcome("Fake", {"labels": path}, {"volume_ml": 1.5})
