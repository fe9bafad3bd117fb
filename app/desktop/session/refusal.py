"""What went wrong, as the window shows it: a sentence and perhaps a place. No user ever sees a traceback."""

from __future__ import annotations

import time
import traceback
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from app.case.errors import CaseError
from imaging.errors import ImagingError
from sample_data.catalogue import SampleError
from solvers.contract.errors import RunError

_MM_PER_M = 1000.0


@dataclass(frozen=True)
class Refusal:
    """A stable code, one sentence for people, and the place in the patient (LPS, mm) if there is one."""

    code: str
    message: str
    place_mm: tuple[float, float, float] | None = None


def refusal_of(error: BaseException) -> Refusal:
    """The refusal that an exception stands for; an unexpected one is kept in a log file that the sentence names."""
    if isinstance(error, CaseError | SampleError):
        return Refusal(error.code, error.message)
    if isinstance(error, ImagingError):
        return Refusal(error.code, error.message, error.place_mm)
    if isinstance(error, RunError):
        place = error.place
        in_mm = None if place is None else (place[0] * _MM_PER_M, place[1] * _MM_PER_M, place[2] * _MM_PER_M)
        return Refusal(error.code, error.message, in_mm)
    path = keep_details("".join(traceback.format_exception(error)))
    return Refusal("unexpected", f"Something happened that AngioTwin did not expect. The details are in {path}.")


def keep_details(details: str) -> Path:
    """Write the details of an unexpected error to a file of the user's log folder."""
    folder = Path(platformdirs.user_log_dir("angiotwin"))
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"error-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    path.write_text(details, encoding="utf-8")
    return path
