"""Flow and pressure on sections, written as the run goes to a file of bounded size."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from solvers.contract.atomic import write_bytes_atomically
from solvers.contract.files import SECTIONS
from solvers.contract.mesh_file import MeshArrays
from solvers.contract.sections import MOST_BYTES, SAMPLES, read_sections, section_columns
from solvers.contract.spec import RunSpec
from solvers.fem.sections import SectionMeasure
from solvers.flow.solver import FlowSolver
from solvers.run.frames import frame_steps

FloatArray = NDArray[np.float64]
BYTES_PER_NUMBER = 24


class SectionHistory:
    """Measures a run's sections from time to time and writes them down. All ranks must ask; rank 0 writes.

    Parameters
    ----------
    arrays
        The mesh as the file has it on rank 0, None elsewhere.
    """

    def __init__(self, run_dir: Path, spec: RunSpec, flow: FlowSolver, arrays: MeshArrays | None) -> None:
        self._path, self._spec, self._flow = run_dir / SECTIONS, spec, flow
        self._run_dir = run_dir
        self._measure = SectionMeasure(flow.mesh, arrays, spec.sections) if spec.sections else None
        self._steps = frame_steps(spec.time.steps_per_cycle, SAMPLES)
        self._most = max(2 * SAMPLES, MOST_BYTES // (BYTES_PER_NUMBER * len(section_columns(spec.sections))))
        self._n_rows = 0
        self._row: FloatArray | None = None

    @property
    def missed(self) -> list[str]:
        """The sections whose plane does not meet the vessel, by name."""
        areas = self._measure.area if self._measure is not None else ()
        return [section.name for section, area in zip(self._spec.sections, areas, strict=True) if area == 0.0]

    def open(self, last_step: int) -> None:
        """Begin the file, or go on with it after a step; later rows are dropped (rank 0)."""
        if not self._spec.sections:
            self._path.unlink(missing_ok=True)
            return
        kept = read_sections(self._run_dir) if last_step else {}
        names = section_columns(self._spec.sections)
        rows = np.zeros((0, len(names)))
        if list(kept) == names:
            rows = np.column_stack(list(kept.values()))
            rows = rows[rows[:, 0] <= last_step]
        self._replace(rows)

    def measure(self, step: int, time: float) -> None:
        """Measure at the end of a step of the spec, if this is one of the instants; :meth:`write` puts it down."""
        spc = self._spec.time.steps_per_cycle
        in_cycle = (step - 1) % spc + 1
        self._row = None
        if self._measure is not None and in_cycle in self._steps:
            found = self._measure.measure(self._flow.velocity, self._flow.kinematic_pressure)
            found[1] *= self._spec.fluid.density
            phase = in_cycle * self._spec.time.dt
            self._row = np.array([step, time, (step - 1) // spc, phase, *found.T.ravel()])

    def write(self) -> None:
        """Put down what was measured at this step, if anything was (rank 0)."""
        if self._row is None:
            return
        if self._n_rows >= self._most:
            table = np.column_stack(list(read_sections(self._run_dir).values()))
            self._replace(table[table[:, 2] >= self._row[2] - 1])
        with self._path.open("a", encoding="utf-8") as stream:
            stream.write(_text(self._row))
        self._n_rows += 1

    def means(self, cycle: int) -> dict[str, Any] | None:
        """Of a beat, by section: mean flow and pressure, and the largest and smallest pressure (rank 0)."""
        if not self._spec.sections:
            return None
        table = read_sections(self._run_dir)
        here = table["cycle"] == cycle
        found = {}
        for section in self._spec.sections:
            flow, pressure, speed = (table[f"{what}[{section.name}]"][here] for what in ("flow", "pressure", "speed"))
            if not len(flow) or not np.isfinite(flow).all():
                continue
            found[section.name] = {
                "branch": section.branch,
                "arc_length": section.arc_length,
                "center": section.center,
                "flow_mean": float(flow.mean()),
                "pressure_mean": float(pressure.mean()),
                "pressure_max": float(pressure.max()),
                "pressure_min": float(pressure.min()),
                "speed_mean": float(speed.mean()),
            }
        return found

    def _replace(self, rows: FloatArray) -> None:
        names = io.StringIO()
        csv.writer(names, lineterminator="\n").writerow(section_columns(self._spec.sections))
        write_bytes_atomically(self._path, (names.getvalue() + "".join(map(_text, rows))).encode())
        self._n_rows = len(rows)


def _text(row: FloatArray) -> str:
    return ",".join(f"{value:.10g}" for value in row.tolist()) + "\n"
