"""What a run has said so far, as curves and sentences in the units that people see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from app.workflow.units import ml_s_from_m3_s, mmhg_from_pa
from solvers.contract.errors import RunError
from solvers.contract.events import FINAL_TYPES, Event, read_new
from solvers.contract.spec import read_spec
from solvers.contract.state import RunState, read_state
from solvers.launch.local import KILLED, can_restart
from solvers.launch.runs import reattach
from solvers.preflight.finding import Finding

_STAGES = {
    "reading": "Reading the mesh",
    "partitioning": "Sharing the mesh among the processes",
    "compiling": "Preparing the equations",
    "solving": "Solving",
    "writing": "Writing the results",
}


_TO_GO_ON = ("cancelled", "killed")


@dataclass
class RunCurves:
    """Curves over the run's time, one value a reported step.

    ``flow_ml_s`` and ``pressure_mmhg`` are by cap name; ``mass_imbalance``, ``periodicity`` (beat, change) and
    ``energy_imbalance`` (beat, share of the power in that friction and inertia leave) are in percent. ``period_s`` and
    ``periodicity_limit`` (in percent) are None until the spec is known.
    """

    time_s: list[float] = field(default_factory=list)
    flow_ml_s: dict[str, list[float]] = field(default_factory=dict)
    pressure_mmhg: dict[str, list[float]] = field(default_factory=dict)
    residual: list[float] = field(default_factory=list)
    cfl: list[float] = field(default_factory=list)
    iterations: list[float] = field(default_factory=list)
    mass_imbalance: list[float] = field(default_factory=list)
    periodicity: list[tuple[int, float]] = field(default_factory=list)
    energy_imbalance: list[tuple[int, float]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    stage: str = ""
    cycle: int = 0
    fraction: float = 0.0
    eta_s: float | None = None
    wall_s: float | None = None
    n_ranks: int | None = None
    ending: Event | None = None
    period_s: float | None = None
    periodicity_limit: float | None = None
    is_steady: bool = False
    cap_names: Mapping[str, str] = field(default_factory=dict)

    @property
    def turn(self) -> str:
        """What the run counts."""
        return "filling" if self.is_steady else "beat"

    def feed(self, events: Iterable[Event]) -> None:
        """Take further events, oldest first; what a newer version says in addition is left aside."""
        for event in events:
            take = getattr(self, f"_take_{event['type']}", None)
            if take is not None:
                take(event)
            if event["type"] in FINAL_TYPES:
                self.ending = event

    def _take_started(self, event: Event) -> None:
        self.ending = None
        self.findings = []
        self.n_ranks = event.get("n_ranks")
        restart_step, dt = event.get("restart_step"), event.get("dt")
        if restart_step and dt:
            self._forget_after(restart_step * dt)

    def _take_time_step_halved(self, event: Event) -> None:
        self._forget_after(float(event["time"]))

    def _take_finding(self, event: Event) -> None:
        known = {item.name for item in fields(Finding)}
        said = {name: value for name, value in event.items() if name in known}
        place = said.get("place")
        self.findings.append(Finding(**{**said, "place": None if place is None else (place[0], place[1], place[2])}))

    def _take_stage(self, event: Event) -> None:
        name = str(event.get("name", ""))
        self.stage = _STAGES.get(name, str(event.get("text") or name))

    def _take_step(self, event: Event) -> None:
        self.time_s.append(float(event["time"]))
        self.residual.append(_number(event.get("residual")))
        self.cfl.append(_number(event.get("cfl")))
        self.iterations.append(_number(event.get("iterations")))
        self.mass_imbalance.append(100.0 * _number(event.get("mass_imbalance")))
        for curves, values, convert in (
            (self.flow_ml_s, event.get("flows") or {}, ml_s_from_m3_s),
            (self.pressure_mmhg, event.get("pressures") or {}, mmhg_from_pa),
        ):
            for cap, value in values.items():
                curve = curves.setdefault(self.cap_names.get(cap, cap), [])
                curve.extend([float("nan")] * (len(self.time_s) - 1 - len(curve)))
                curve.append(convert(_number(value)))
        self.cycle = int(event.get("cycle", self.cycle))
        self.fraction = _number(event.get("fraction"), self.fraction)
        self.eta_s = event.get("eta_seconds")
        self.wall_s = event.get("wall_seconds", self.wall_s)
        self.stage = self.stage or _STAGES["solving"]

    def _take_cycle(self, event: Event) -> None:
        error = event.get("periodicity_error")
        if error is not None:
            self.periodicity.append((int(event["cycle"]), 100.0 * float(error)))
        share = (event.get("energy") or {}).get("numerical_share")
        if share is not None:
            self.energy_imbalance.append((int(event["cycle"]), 100.0 * float(share)))

    def _take_warning(self, event: Event) -> None:
        text = str(event.get("text", ""))
        if text and text not in self.warnings:
            self.warnings.append(text)

    def _forget_after(self, time_s: float) -> None:
        """A restarted run solves again what came after its checkpoint."""
        n = sum(time <= time_s * (1 + 1e-9) for time in self.time_s)
        curves = [*self.flow_ml_s.values(), *self.pressure_mmhg.values()]
        for curve in (self.time_s, self.residual, self.cfl, self.iterations, self.mass_imbalance, *curves):
            del curve[n:]


@dataclass(frozen=True)
class RunNews:
    """What was read from a run folder in one go."""

    events: list[Event]
    offset: int
    state: RunState | None
    can_continue: bool
    period_s: float | None
    periodicity_limit: float | None
    cap_names: Mapping[str, str]
    is_steady: bool = False


def read_news(folder: Path, offset: int) -> RunNews:
    """New events from a byte offset on, the state, and (at the start) the names of the caps."""
    events, new_offset = read_new(folder, offset)
    period, limit, names, is_steady = None, None, {}, False
    if offset == 0:
        try:
            spec = read_spec(folder)
            limit = None if spec.time.limit is None else 100.0 * spec.time.limit
            is_steady = spec.time.is_steady
            period, names = spec.time.period, {str(cap.patch_id): cap.name for cap in spec.caps}
        except RunError:
            pass  # the run itself says what is wrong with its spec
    state = _true_state(folder)
    can_continue = state is not None and state.status in _TO_GO_ON and can_restart(folder)
    return RunNews(events, new_offset, state, can_continue, period, limit, names, is_steady)


def _true_state(folder: Path) -> RunState | None:
    """What the run says, unless it says that it goes on while its process is gone."""
    state = read_state(folder)
    if state is None or state.status not in ("queued", "running"):
        return state
    try:
        return state if reattach(folder) is not None else read_state(folder)
    except OSError:  # the folder cannot be written: the end is not noted there, but it is known
        return replace(state, status="killed", message=KILLED)


def _number(value: Any, otherwise: float = float("nan")) -> float:
    return otherwise if value is None else float(value)
