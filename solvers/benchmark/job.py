"""What the timing process is asked and where its answer lies; see :mod:`solvers.benchmark.stepping`."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

JOB, TIMING = "job.json", "timing.json"


@dataclass(frozen=True)
class Job:
    """Steps to make, and the places on the z axis [m] between which the pressure drop is taken, or none."""

    n_steps: int
    drop_between: tuple[float, float] | None = None


def write_job(folder: Path, job: Job) -> None:
    """Say what is to be measured in a folder."""
    (folder / JOB).write_text(json.dumps(asdict(job)), encoding="utf-8")


def read_job(folder: Path) -> Job:
    """What is to be measured in a folder."""
    return Job(**json.loads((folder / JOB).read_text(encoding="utf-8")))
