"""What can be done about a cause: a change of the run's spec, or a step of the path with other settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from solvers.contract.spec import Inlet, PressureOutlet, RcrOutlet, ResistanceOutlet, RunSpec, Waveform
from solvers.preflight.conditions import CGS_RESISTANCE, sampled
from solvers.preflight.finding import PA_PER_MMHG

Step = Literal["segment", "model", "mesh", "simulate"]
SpecChange = Callable[[RunSpec], RunSpec]


@dataclass(frozen=True)
class StepChange:
    """A step of the path to be done again; a named setting of it is multiplied and kept in its bounds.

    Attributes
    ----------
    parameter
        Empty: the step as it was.
    """

    step: Step
    parameter: str = ""
    factor: float = 1.0


@dataclass(frozen=True)
class Fix:
    """Something that can be done; one of ``change`` and ``step`` says how, or it is for the user alone.

    Attributes
    ----------
    id, title
        Stable name, and what it does in words for a button.
    change
        A new spec from the old one.
    step
        What to do again before the run is prepared anew.
    goes_on
        The run can be restarted from its checkpoint afterwards instead of from its beginning.
    """

    id: str
    title: str
    change: SpecChange | None = None
    step: StepChange | None = None
    goes_on: bool = False

    @property
    def is_automatic(self) -> bool:
        """Whether the program can do it."""
        return self.change is not None or self.step is not None or self.goes_on


def _scaled(waveform: Waveform, factor: float) -> Waveform:
    return Waveform(waveform.t, tuple(factor * value for value in waveform.values))


def _with_flow(spec: RunSpec, factor: Callable[[Inlet], float]) -> RunSpec:
    inlets = tuple(replace(inlet, flow=_scaled(inlet.flow, factor(inlet))) for inlet in spec.inlets)
    return replace(spec, inlets=inlets)


def _smaller_step(spec: RunSpec) -> RunSpec:
    steps = max(2 * spec.time.steps_per_cycle, 400)
    return replace(spec, time=replace(spec.time, steps_per_cycle=steps))


def _more_cycles(spec: RunSpec) -> RunSpec:
    return replace(spec, time=replace(spec.time, max_cycles=min(1000, spec.time.max_cycles + 6)))


def _turn_sign(spec: RunSpec) -> RunSpec:
    return _with_flow(spec, lambda inlet: -1.0 if sampled(inlet.flow, spec.time.period).mean() < 0.0 else 1.0)


def _from_cgs(spec: RunSpec) -> RunSpec:
    """dyn s/cm5 is 1e5 Pa s/m3, cm5/dyn is 1e-5 m3/Pa."""
    outlets = []
    for outlet in spec.outlets:
        if isinstance(outlet, RcrOutlet):
            outlet = replace(
                outlet,
                r_proximal=outlet.r_proximal * CGS_RESISTANCE,
                r_distal=outlet.r_distal * CGS_RESISTANCE,
                c=outlet.c / CGS_RESISTANCE,
            )
        elif isinstance(outlet, ResistanceOutlet):
            outlet = replace(outlet, resistance=outlet.resistance * CGS_RESISTANCE)
        outlets.append(outlet)
    return replace(spec, outlets=tuple(outlets))


def _from_mmhg(spec: RunSpec) -> RunSpec:
    outlets = tuple(
        replace(outlet, pressure=_scaled(outlet.pressure, PA_PER_MMHG))
        if isinstance(outlet, PressureOutlet)
        else outlet
        for outlet in spec.outlets
    )
    return replace(spec, outlets=outlets)


def _closed(spec: RunSpec) -> RunSpec:
    """The last tenth of the cycle leads straight back to the first sample."""

    def close(waveform: Waveform) -> Waveform:
        if len(waveform.t) < 4:
            return waveform
        t, values = np.array(waveform.t), np.array(waveform.values)
        keep = t < 0.9 * spec.time.period
        return Waveform((*t[keep].tolist(), spec.time.period), (*values[keep].tolist(), float(values[0])))

    return replace(spec, inlets=tuple(replace(inlet, flow=close(inlet.flow)) for inlet in spec.inlets))


FIXES: dict[str, Fix] = {
    fix.id: fix
    for fix in (
        Fix("smaller_step", "Halve the time step", _smaller_step),
        Fix(
            "allow_halving",
            "Let the run halve its time step by itself",
            lambda spec: replace(spec, numerics=replace(spec.numerics, max_halvings=10, max_cfl=100.0)),
        ),
        Fix("more_cycles", "Allow six more beats and go on", _more_cycles, goes_on=True),
        Fix(
            "backflow_on",
            "Stabilize blood that flows back in at outlets",
            lambda spec: replace(spec, numerics=replace(spec.numerics, backflow_beta=1.0)),
        ),
        Fix(
            "usual_tolerance",
            "Solve the equations to the usual tolerance",
            lambda spec: replace(spec, numerics=replace(spec.numerics, velocity_tolerance=1e-5)),
        ),
        Fix("supg_on", "Stabilize convection", lambda spec: replace(spec, numerics=replace(spec.numerics, supg=True))),
        Fix("turn_sign", "Turn the sign of the inflow", _turn_sign),
        Fix("flow_from_ml_s", "Read the inflow as mL/s", lambda spec: _with_flow(spec, lambda _: 1e-6)),
        Fix(
            "viscosity_from_poise",
            "Read the viscosity as poise",
            lambda spec: replace(spec, fluid=replace(spec.fluid, viscosity=spec.fluid.viscosity / 10.0)),
        ),
        Fix(
            "viscosity_of_blood",
            "Take the viscosity of blood, 3.5 mPa s",
            lambda spec: replace(spec, fluid=replace(spec.fluid, viscosity=0.0035)),
        ),
        Fix("outlets_from_cgs", "Read the outlets' values as cgs (dyn s/cm5, cm5/dyn)", _from_cgs),
        Fix("pressure_from_mmhg", "Read the outlets' pressures as mmHg", _from_mmhg),
        Fix("close_waveform", "Lead the last tenth of the inflow back to its start", _closed),
        Fix(
            "longer_extension",
            "Make the outlets' flow extensions half longer",
            step=StepChange("model", "outlet_extension_radii", 1.5),
        ),
        Fix("finer_mesh", "Mesh with edges shorter by a quarter", step=StepChange("mesh", "edge_scale", 0.75)),
        Fix("coarser_mesh", "Mesh with edges longer by a quarter", step=StepChange("mesh", "edge_scale", 1.25)),
        Fix("thinner_layers", "Mesh with two thirds more boundary layers", step=StepChange("mesh", "n_layers", 1.67)),
        Fix("mesh_again", "Mesh the vessel again", step=StepChange("mesh")),
        Fix("model_again", "Build the model again", step=StepChange("model")),
        Fix("prepare_again", "Prepare the run again", step=StepChange("simulate")),
        Fix("restart", "Go on from the last checkpoint", goes_on=True),
        Fix("correct_conditions", "Correct the inlets and outlets"),
        Fix("free_disk", "Free some space on the disk, then go on from the last checkpoint", goes_on=True),
        Fix("more_memory", "Close other programs, take fewer processes, or use a larger machine"),
        Fix("update_program", "Use the newer version of the program that wrote the run"),
        Fix("report_error", "Report the error with the file that it names"),
    )
}
