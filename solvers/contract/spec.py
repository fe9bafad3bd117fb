"""``spec.json``: everything that a run needs beside its mesh, in SI units.

A quantity is declared once, with its unit, bounds and meaning in the field's metadata; reading a spec, checking it and
showing a form (``declared(RunSpec)``) all use that declaration.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import typing
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from solvers.contract.atomic import write_bytes_atomically
from solvers.contract.decoding import decode, refuse
from solvers.contract.files import MESH, SPEC
from solvers.contract.fluid import NEWTONIAN
from solvers.contract.fluid import CarreauYasuda as CarreauYasuda
from solvers.contract.fluid import Casson as Casson
from solvers.contract.fluid import Fluid as Fluid
from solvers.contract.migrations import migrated
from solvers.contract.openings import CoronaryOutlet as CoronaryOutlet
from solvers.contract.openings import Inlet as Inlet
from solvers.contract.openings import InletProfile as InletProfile
from solvers.contract.openings import MeasuredProfile as MeasuredProfile
from solvers.contract.openings import Outlet as Outlet
from solvers.contract.openings import Point as Point
from solvers.contract.openings import PressureInlet as PressureInlet
from solvers.contract.openings import PressureOutlet as PressureOutlet
from solvers.contract.openings import RcrOutlet as RcrOutlet
from solvers.contract.openings import ResistanceOutlet as ResistanceOutlet
from solvers.contract.openings import SplitOutlet as SplitOutlet
from solvers.contract.openings import Waveform as Waveform
from solvers.contract.openings import quantity as quantity
from solvers.contract.sections import Section as Section
from solvers.contract.sections import check_sections

SCHEMA_VERSION = 2
Elements = Literal["P2/P1", "P1/P1"]
TimeMode = Literal["periodic", "steady"]


@dataclass(frozen=True)
class MeshFile:
    """The mesh beside the spec and the SHA-256 of its bytes."""

    sha256: str
    path: str = MESH


@dataclass(frozen=True)
class Time:
    """Cycles and steps.

    Attributes
    ----------
    periodicity_limit
        The run has reached its periodic state when no pressure or flow waveform of a cap differs from that of the
        cycle before by more than this (relative L2 norm). None: solve ``max_cycles`` cycles and do not judge.
    mode
        ``periodic``, or ``steady``: everything at the openings is constant, ``period`` is the time in which the flow
        fills the vessel once, and the run ends when nothing changes any more from one such time to the next.
    """

    period: float = quantity("s", 1e-6, 1e4, "length of a cycle")
    steps_per_cycle: int = quantity("", 1, 10_000_000, "time steps in a cycle")
    min_cycles: int = quantity("", 1, 1000, "cycles to solve at least", 2)
    max_cycles: int = quantity("", 1, 1000, "cycles to solve at most", 6)
    periodicity_limit: float | None = quantity("", 1e-9, 1.0, "largest change of a waveform from cycle to cycle", 0.01)
    ramp: float = quantity("s", 0.0, 1e4, "time over which the inflow rises smoothly from rest at the start", 0.05)
    mode: TimeMode = "periodic"
    steady_tolerance: float = quantity("", 1e-9, 1.0, "largest change in one filling time of a steady flow", 1e-3)

    @property
    def is_steady(self) -> bool:
        """Whether a steady flow is looked for."""
        return self.mode == "steady"

    @property
    def limit(self) -> float | None:
        """Largest change from cycle to cycle with which a run is done; None: it is not judged."""
        return self.steady_tolerance if self.is_steady else self.periodicity_limit

    @property
    def dt(self) -> float:
        """Time step [s]."""
        return self.period / self.steps_per_cycle


@dataclass(frozen=True)
class Tuning:
    """What the outlets' Windkessels are tuned to while the run goes.

    Shortly before the middle of a cycle the vessel's own losses and inertia are read off what it has shown, and if the
    outlets are not expected to meet the target behind them, better ones are found (solvers/network/tuning.py).

    Attributes
    ----------
    site
        Name of the cap at which the pressures were measured.
    fractions
        Share of the mean inflow that each outlet shall carry, in the order of the outlets, summing to 1.
    """

    site: str
    fractions: tuple[float, ...]
    systolic: float = quantity("Pa", 1e2, 6e4, "systolic pressure to meet")
    diastolic: float = quantity("Pa", 1e2, 6e4, "diastolic pressure to meet")
    pressure_tolerance: float = quantity("Pa", 1.0, 6e4, "largest miss of a pressure", 266.6)
    fraction_tolerance: float = quantity("", 1e-6, 1.0, "largest miss of a share", 0.02)
    max_rounds: int = quantity("", 0, 100, "how often the outlets are tuned at most", 2)


@dataclass(frozen=True)
class Numerics:
    """How the equations are solved; the defaults are explained in docs/theory-flow.md.

    Attributes
    ----------
    elements
        Degrees of velocity and pressure. A step of ``P1/P1`` is far cheaper on the same cells, but it needs much finer
        ones for the same accuracy.
    """

    velocity_tolerance: float = quantity("", 1e-14, 1e-2, "relative residual of the velocity equations", 1e-5)
    pressure_tolerance: float = quantity("", 1e-14, 1e-2, "relative residual of an iterative pressure solve", 1e-8)
    backflow_beta: float = quantity(
        "", 0.0, 2.0, "backflow stabilization; 1 balances the energy that backflow brings", 1.0
    )
    supg: bool = True
    elements: Elements = "P2/P1"
    refactor_every: int = quantity("", 1, 1000, "steps between two factorizations of the preconditioner", 10)
    max_passes: int = quantity("", 1, 20, "solves of the momentum equation in a step at most", 1)
    pass_tolerance: float = quantity(
        "",
        1e-8,
        1.0,
        "change of the velocity against the convecting one, over the largest, that asks for another",
        0.005,
    )
    pressure_passes: int = quantity("", 1, 20, "how often momentum and pressure are solved in a step", 1)
    eddy_coefficient: float = quantity(
        "",
        0.0,
        3.0,
        "coefficient of the sigma model of eddies smaller than the cells; 0 leaves it out, 1.35 is usual",
        0.0,
    )
    max_cfl: float = quantity("", 0.1, 1e6, "CFL number above which a time step is halved, or the run stops", 100.0)
    max_halvings: int = quantity("", 0, 12, "how often a time step that is too large is halved at most", 7)


@dataclass(frozen=True)
class Output:
    """What is written while the run goes."""

    fields_per_cycle: int = quantity("", 1, 1000, "snapshots of the fields of the last whole cycle", 20)
    checkpoint_every: int = quantity("", 1, 10_000_000, "steps between two checkpoints", 100)


@dataclass(frozen=True)
class RunSpec:
    """A run: mesh, fluid, caps, time, numerics, output, and the sections whose flow and pressure it writes down."""

    mesh: MeshFile
    inlets: tuple[Inlet, ...]
    outlets: tuple[Outlet, ...]
    time: Time
    wall_patch_ids: tuple[int, ...] = (1,)
    pressure_inlets: tuple[PressureInlet, ...] = ()
    fluid: Fluid = NEWTONIAN
    numerics: Numerics = Numerics()
    output: Output = Output()
    tuning: Tuning | None = None
    sections: tuple[Section, ...] = ()
    schema_version: int = SCHEMA_VERSION

    def to_json(self) -> str:
        """The text of ``spec.json``."""
        return json.dumps(dataclasses.asdict(self), indent=1, allow_nan=False)

    @staticmethod
    def from_json(text: str) -> RunSpec:
        """Read and check a spec.

        Raises
        ------
        RunError
            ``bad_spec``: not a spec; ``spec_newer``; and see :meth:`check`.
        """
        try:
            raw = json.loads(text)
        except ValueError as error:
            refuse(f"The run's spec.json is not valid JSON ({error}); write it again.")
        if not isinstance(raw, dict):
            refuse("The run's spec.json does not hold a run; write it again.")
        raw = migrated(raw, SCHEMA_VERSION)
        spec: RunSpec = decode(RunSpec, raw, "spec.json")
        spec.check()
        return spec

    def check(self) -> None:
        """Check every bound and what must fit together.

        Raises
        ------
        RunError
            Naming the value, its bounds and the place: ``out_of_bounds``, ``bad_waveform``, ``no_inlet``,
            ``no_outlet``, ``no_wall``, ``patch_used_twice``, ``name_used_twice``, ``outlets_all_split``, ``bad_spec``.
        """
        for path, value, declaration in declared_values(self, ""):
            _check_bounds(path, value, declaration)
        if not self.inlets and not self.pressure_inlets:
            refuse("The run has no inlet; mark one opening of the vessel as the inlet.", "no_inlet")
        if not self.outlets:
            refuse("The run has no outlet; mark at least one opening of the vessel as an outlet.", "no_outlet")
        if not self.wall_patch_ids:
            refuse("The run has no wall; name the wall's patch id in wall_patch_ids.", "no_wall")
        ids = [*self.wall_patch_ids, *(cap.patch_id for cap in self.caps)]
        for patch_id in ids:
            if ids.count(patch_id) > 1:
                refuse(
                    f"Patch {patch_id} is used twice; every inlet, outlet and wall needs a patch id of its own.",
                    "patch_used_twice",
                )
        names = [cap.name for cap in self.caps]
        for name in names:
            if names.count(name) > 1 or not name.strip():
                refuse(
                    f"Two openings are named {name!r}; give every inlet and outlet a name of its own.",
                    "name_used_twice",
                )
        self.check_openings()
        check_sections(self.sections)
        if self.time.min_cycles > self.time.max_cycles:
            refuse(
                f"min_cycles is {self.time.min_cycles} but max_cycles only {self.time.max_cycles}; raise max_cycles."
            )
        if self.time.limit is not None and self.time.max_cycles < 2:
            refuse(
                "One cycle cannot be compared with the one before; allow max_cycles of at least 2, or set "
                "periodicity_limit to null."
            )
        if self.time.is_steady:
            self._check_steady()
        if self.tuning is not None:
            self._check_tuning(self.tuning)
        if isinstance(self.fluid.law, Casson) and self.numerics.elements == "P1/P1":
            refuse("Casson's law needs quadratic velocities, because near rest linear ones miss it: choose P2/P1.")
        problem = self.fluid.problem()
        if problem is not None:
            refuse(problem)
        if self.output.fields_per_cycle > self.time.steps_per_cycle:
            refuse(
                f"{self.output.fields_per_cycle} snapshots do not fit in {self.time.steps_per_cycle} steps a cycle; "
                "ask for fewer snapshots or more steps."
            )

    def check_openings(self) -> None:
        """Check what the inlets and outlets say, and that together they leave something open."""
        period = self.time.period
        for inlet in self.inlets:
            _check_waveform(inlet.flow, period, f"The flow at inlet {inlet.name!r}")
            if (inlet.profile == "mapped") != (inlet.measured is not None):
                refuse(
                    f"Inlet {inlet.name!r} needs the profile 'mapped' together with a file of measured velocities: "
                    "give both or neither."
                )
        for source in self.pressure_inlets:
            _check_waveform(source.pressure, period, f"The pressure at inlet {source.name!r}")
        for outlet in self.outlets:
            if isinstance(outlet, PressureOutlet):
                _check_waveform(outlet.pressure, period, f"The pressure at outlet {outlet.name!r}")
            if isinstance(outlet, CoronaryOutlet):
                _check_waveform(outlet.p_muscle, period, f"The intramyocardial pressure at outlet {outlet.name!r}")
        split = [outlet for outlet in self.outlets if isinstance(outlet, SplitOutlet)]
        if split and len(split) == len(self.outlets):
            refuse(
                "Every outlet takes a given share of the inflow, so that nothing sets the pressure and mass cannot "
                "balance: close one of them by a pressure, a resistance or a Windkessel.",
                "outlets_all_split",
            )
        if sum(outlet.share for outlet in split) >= 1.0:
            refuse(
                f"The outlets' given shares add up to {sum(outlet.share for outlet in split):g} of the inflow, which "
                "leaves nothing for the others: they must add up to less than 1.",
                "outlets_all_split",
            )

    def _check_steady(self) -> None:
        if self.tuning is not None:
            refuse("Outlets are tuned to a pulse, which a steady flow does not have; leave tuning out.")
        curves = {
            **{f"The flow at inlet {inlet.name!r}": inlet.flow for inlet in self.inlets},
            **{f"The pressure at inlet {inlet.name!r}": inlet.pressure for inlet in self.pressure_inlets},
        }
        for outlet in self.outlets:
            if isinstance(outlet, PressureOutlet):
                curves[f"The pressure at outlet {outlet.name!r}"] = outlet.pressure
            if isinstance(outlet, RcrOutlet | CoronaryOutlet):
                refuse(
                    f"Outlet {outlet.name!r} stores blood, which takes much longer to settle than the flow itself; "
                    "close it by a resistance, a pressure or a share of the flow when a steady flow is asked for."
                )
        for what, curve in curves.items():
            if len(set(curve.values)) > 1:
                refuse(f"{what} changes with time, but a steady flow is asked for; give one value.", "bad_waveform")

    def _check_tuning(self, tuning: Tuning) -> None:
        if self.pressure_inlets or not all(isinstance(outlet, RcrOutlet) for outlet in self.outlets):
            refuse(
                "Outlets can be tuned only behind inlets of a given flow and if all of them are Windkessels; leave "
                "tuning out."
            )
        if tuning.site not in [cap.name for cap in self.caps]:
            refuse(f"The outlets shall be tuned at {tuning.site!r}, which is no inlet or outlet; name one of them.")
        if len(tuning.fractions) != len(self.outlets) or abs(sum(tuning.fractions) - 1.0) > 1e-6:
            refuse("The tuning needs a share of the flow for each outlet, and they must add up to 1.")
        if tuning.systolic <= tuning.diastolic:
            refuse("The systolic pressure to tune to must be above the diastolic; correct them.")

    @property
    def caps(self) -> tuple[Inlet | PressureInlet | Outlet, ...]:
        """Inlets, those of a given flow first, then outlets."""
        return (*self.inlets, *self.pressure_inlets, *self.outlets)

    @property
    def n_inlets(self) -> int:
        """How many of the ``caps`` are inlets."""
        return len(self.inlets) + len(self.pressure_inlets)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that decides the solution, by which a checkpoint knows its run.

        Left out is when to stop, how often to write checkpoints, and which sections are written down: a run can be
        restarted to solve more cycles.
        """
        decisive = dataclasses.replace(
            self,
            time=dataclasses.replace(
                self.time, min_cycles=1, max_cycles=1, periodicity_limit=None, steady_tolerance=1.0
            ),
            output=dataclasses.replace(self.output, checkpoint_every=1),
        )
        raw = dataclasses.asdict(decisive)
        del raw["sections"]
        for inlet in raw["inlets"]:
            del inlet["share"]
        return hashlib.sha256(json.dumps(raw, indent=1, allow_nan=False).encode()).hexdigest()


def read_spec(run_dir: Path) -> RunSpec:
    """The checked spec of a run folder; RunError ``bad_spec`` if there is none or it is wrong."""
    try:
        text = (run_dir / SPEC).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        refuse("The run folder has no readable spec.json; prepare the run again.")
    return RunSpec.from_json(text)


def write_spec(run_dir: Path, spec: RunSpec) -> None:
    """Check a spec and write it atomically as ``spec.json``."""
    spec.check()
    write_bytes_atomically(run_dir / SPEC, spec.to_json().encode())


def declared_values(record: Any, path: str) -> Iterator[tuple[str, Any, typing.Mapping[str, Any]]]:
    """Every declared quantity of a spec or a part of it: its dotted name, its value and its declaration."""
    for member in dataclasses.fields(record):
        value = getattr(record, member.name)
        name = f"{path}.{member.name}" if path else member.name
        if "unit" in member.metadata:
            yield name, value, member.metadata
        elif dataclasses.is_dataclass(value):
            yield from declared_values(value, name)
        elif isinstance(value, tuple):
            for index, item in enumerate(value):
                if dataclasses.is_dataclass(item):
                    yield from declared_values(item, f"{name}[{getattr(item, 'name', index)}]")


def _check_bounds(path: str, value: Any, declaration: typing.Mapping[str, Any]) -> None:
    if value is None:
        return
    low, high, unit = declaration["low"], declaration["high"], declaration["unit"]
    if not (math.isfinite(value) and low <= value <= high):
        span = f"{low:g} and {high:g} {unit}".rstrip()
        refuse(
            f"{path} ({declaration['meaning']}) is {value:g} {unit}".rstrip() + f"; it must lie between {span}.",
            "out_of_bounds",
        )


def _check_waveform(waveform: Waveform, period: float, what: str) -> None:
    problem = waveform.problem(period)
    if problem is not None:
        refuse(f"{what} {problem}.", "bad_waveform")
