"""Bands on every vessel's pressure and flow: many samples of a case's 0D or 1D model, on workers here or on a cluster.

Sample numbers are rows of a scrambled Sobol sequence (Owen 1998, J. Complexity 14:466; scipy.stats.qmc), so the same
seed gives the same samples, and more of them go on where fewer ended. Results are kept in a folder by sample number: a
run that was cancelled or killed goes on with what is missing.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from app.case.bundle import OpenCase
from app.case.errors import CaseError
from app.workflow.batches import Tally, run_batches
from app.workflow.ensemble_plan import FACTORS, INPUTS, KINDS, SHAPES, Parameters, Plan, inputs_of, plan_of
from app.workflow.flow_setup import ReducedCase, reduced_case
from app.workflow.outlet_changes import resisting
from app.workflow.patient_tree import PatientTree
from app.workflow.stenosis_law import law_notes
from app.workflow.units import ml_s_from_m3_s, mmhg_from_pa
from app.workflow.what_if import lumped_network
from imaging.types import FloatArray, Progress, silent
from solvers.contract.errors import RunError
from solvers.contract.openings import CoronaryOutlet, Outlet, RcrOutlet, Waveform
from solvers.network.vessel_tree import VesselTree, with_radius

if TYPE_CHECKING:
    from solvers.network.one_d.solver import Solution1D

SCHEMA_VERSION = 1
PLAN_FILE = "ensemble.json"
QUANTITIES = ("flow_ml_s", "pressure_in_mmhg", "pressure_out_mmhg", "systolic_mmhg", "diastolic_mmhg")
"""Of every vessel: mean flow, mean pressure at both ends, and over a beat at its beginning."""
MOST_SAMPLES = 1_000_000
BATCHES_A_WORKER = 8
BEAT_STEPS = 256
WAVE_CELL = 5e-3
BAND = (0.05, 0.95)


@dataclass(frozen=True, eq=False)
class Ensemble:
    """A finished ensemble.

    Attributes
    ----------
    inputs : (n, m)
        Factors of each sample.
    values : (n, v, q)
        ``QUANTITIES`` of each vessel; NaN where a sample failed or the kind of model does not have it.
    failed
        Sentence of each sample that could not be solved, by its number.
    n_found
        How many samples were there before.
    laws
        A sentence for each of the patient's own laws that the samples take.
    """

    plan: Plan
    names: tuple[str, ...]
    inputs: FloatArray
    values: FloatArray
    failed: Mapping[int, str]
    tally: Tally
    n_found: int
    laws: tuple[str, ...] = ()

    @cached_property
    def bands(self) -> list[dict[str, Any]]:
        """A row for each vessel and quantity: mean, 5 and 95 %, and which input counts how much.

        ``shares`` are squared rank correlations (Spearman) with each input: parts of the variance of the ranks where
        the inputs act nearly monotonically and one beside the other; they need not add up to 1.
        """
        rows = []
        for v, name in enumerate(self.names):
            for q, quantity in enumerate(QUANTITIES):
                column = self.values[:, v, q]
                is_there = np.isfinite(column)
                if not is_there.any():
                    continue
                low, high = np.quantile(column[is_there], BAND)
                shares = _shares(self.inputs[is_there], column[is_there])
                rows.append(
                    {
                        "vessel": name,
                        "quantity": quantity,
                        "mean": float(column[is_there].mean()),
                        "p5": float(low),
                        "p95": float(high),
                        "shares": {
                            spread.name: round(share, 4)
                            for spread, share in zip(self.plan.spreads, shares, strict=True)
                        },
                    }
                )
        return rows

    def notes(self) -> tuple[str, ...]:
        """What a reader of the bands must know."""
        told = list(self.laws)
        if self.n_found:
            told.append(f"{self.n_found} samples were found in the folder and not solved again.")
        if self.tally.workers_lost or self.tally.resubmitted:
            told.append(
                f"{self.tally.workers_lost} workers died; {self.tally.resubmitted} samples were handed out again."
            )
        if self.failed:
            number, sentence = next(iter(self.failed.items()))
            told.append(
                f"{len(self.failed)} of {len(self.inputs)} samples have no result and are left out; the first, "
                f"{number}: {sentence}"
            )
        return tuple(told)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {
            "schema_version": SCHEMA_VERSION,
            **dataclasses.asdict(self.plan),
            "n_failed": len(self.failed),
            "n_found": self.n_found,
            "workers_lost": self.tally.workers_lost,
            "resubmitted": self.tally.resubmitted,
            "notes": list(self.notes()),
            "bands": self.bands,
        }


def varied(case: ReducedCase, factors: Mapping[str, float]) -> ReducedCase:
    """The case with multiples of its inputs.

    Raises
    ------
    CaseError, RunError
        ``bad_spread``, ``no_vessel``, ``bad_outlet``.
    """
    setup, tree = case.setup, case.patient.tree
    for name, factor in factors.items():
        what, _, where = name.partition(":")
        if what == "inflow":
            flows = tuple(factor * value for value in setup.inflow.values)
            setup = replace(setup, inflow=Waveform(setup.inflow.t, flows))
        elif what == "radius":
            if where:
                tree = with_radius(tree, where, factor)
            else:
                tree = VesselTree(tuple(shape.scaled(factor) for shape in tree.vessels))
        elif what == "stiffness":
            setup = replace(setup, stiffness=replace(setup.stiffness, factor=factor * setup.stiffness.factor))
        elif what == "viscosity":
            setup = replace(setup, fluid=replace(setup.fluid, viscosity=factor * setup.fluid.viscosity))
        else:
            change = resisting if what == "outlet_resistance" else _storing
            if where and where not in [outlet.name for outlet in setup.outlets]:
                names = ", ".join(outlet.name for outlet in setup.outlets)
                raise CaseError("bad_spread", f"There is no outlet {where!r} to vary; there are: {names}.")
            outlets = tuple(
                replace(outlet, condition=change(outlet.condition, factor)) if where in ("", outlet.name) else outlet
                for outlet in setup.outlets
            )
            setup = replace(setup, outlets=outlets)
    return replace(case, setup=setup, patient=PatientTree(tree, case.patient.indices))


def _storing(outlet: Outlet, factor: float) -> Outlet:
    """An outlet with a multiple of its compliances, if it has any."""
    if isinstance(outlet, RcrOutlet):
        return replace(outlet, c=factor * outlet.c)
    if isinstance(outlet, CoronaryOutlet):
        return replace(outlet, c_artery=factor * outlet.c_artery, c_muscle=factor * outlet.c_muscle)
    return outlet


def run_ensemble(
    case: ReducedCase,
    plan: Plan,
    out: Path | None = None,
    address: str | None = None,
    n_workers: int = 0,
    progress: Progress = silent,
    is_cancelled: Callable[[], bool] = lambda: False,
) -> Ensemble:
    """Solve every sample of a plan that is not solved yet.

    Parameters
    ----------
    out
        Folder for the results by sample number; without one nothing is kept.
    address, n_workers
        Of the workers, see :func:`app.workflow.batches.run_batches`.

    Raises
    ------
    CaseError, RunError
        ``bad_spread``, ``bad_plan``, ``other_ensemble``, ``cancelled``, ``no_cluster``, ``no_workers``, ``no_samples``.
    """
    _check(case, plan)
    plain = replace(case, patient=PatientTree(case.patient.tree, {}))
    names = plain.patient.tree.names
    inputs = inputs_of(plan)
    values = np.full((plan.n_samples, len(names), len(QUANTITIES)), np.nan)
    failed: dict[int, str] = {}
    missing = np.ones(plan.n_samples, dtype=bool)
    if out is not None:
        _claim(out, plain, plan)
        for file in sorted(out.glob("samples-*.npz")):
            with np.load(file) as held:
                kept = held["numbers"] < plan.n_samples
                values[held["numbers"][kept]] = held["values"][kept]
                missing[held["numbers"][kept]] = False
                told = json.loads(str(held["failed"]))
                failed.update({int(number): sentence for number, sentence in told.items()})
    todo = np.flatnonzero(missing)
    n_found = plan.n_samples - len(todo)

    def keep(batch: Sequence[int], found: FloatArray, told: Mapping[int, str]) -> None:
        numbers = np.asarray(batch)
        values[numbers] = found
        failed.update(told)
        missing[numbers] = False
        if out is not None:
            _write(out, numbers, found, told)
        count = plan.n_samples - int(missing.sum())
        progress(0.99 * count / plan.n_samples, f"{count} of {plan.n_samples} samples")

    def give_up(number: int, sentence: str) -> None:
        keep([number], np.full((1, len(names), len(QUANTITIES)), np.nan), {number: sentence})

    tally = Tally()
    if len(todo):
        count = max(1, (n_workers or len(os.sched_getaffinity(0))) * BATCHES_A_WORKER)
        batches = [part.tolist() for part in np.array_split(todo, min(count, len(todo)))]
        work = partial(solve_samples, plain, plan)
        tally = run_batches(
            work, batches, lambda batch, found: keep(batch, *found), give_up, address, n_workers, is_cancelled
        )
    if len(failed) == plan.n_samples:
        raise CaseError("no_samples", f"No sample could be solved; the first: {failed[min(failed)]}")
    progress(1.0, f"{plan.n_samples} samples")
    laws = law_notes(case.laws, case.patient.tree)
    return Ensemble(plan, names, inputs, values, dict(sorted(failed.items())), tally, n_found, laws)


def ensemble_of_case(opened: OpenCase, plan: Plan, given: dict[str, Any] | None = None, **how: Any) -> Ensemble:
    """The ensemble of an open case's model; ``how`` as for :func:`run_ensemble`, ``given`` as for `reduced_case`."""
    return run_ensemble(reduced_case(opened, given), plan, **how)


def kept_ensemble_of_case(
    opened: OpenCase, chosen: Parameters, cache: Path, progress: Progress = silent, n_workers: int = 0
) -> Ensemble:
    """As `ensemble_of_case`, with the samples kept in a folder of ``cache`` that is named by all that they are made
    from: the same ensemble, or one of more samples, goes on where it was ended.
    """
    plan, case = plan_of(chosen), reduced_case(opened)
    name = hashlib.sha256(json.dumps(_held(case, plan), sort_keys=True).encode()).hexdigest()[:20]
    return run_ensemble(case, plan, cache / name, None, n_workers, progress)


def solve_samples(case: ReducedCase, plan: Plan, numbers: Sequence[int]) -> tuple[FloatArray, dict[int, str]]:
    """What a worker does: (k, v, q) values of so many samples, and the sentence of each that has none."""
    rows = inputs_of(replace(plan, n_samples=max(numbers) + 1))
    found = np.full((len(numbers), len(case.patient.tree.names), len(QUANTITIES)), np.nan)
    failed: dict[int, str] = {}
    solve = _wave if plan.kind == "waves" else partial(_lumped, has_beats=plan.kind == "beats")
    for k, number in enumerate(numbers):
        factors = {spread.name: float(x) for spread, x in zip(plan.spreads, rows[number], strict=True)}
        try:
            found[k] = solve(varied(case, factors))
        except (CaseError, RunError) as error:
            failed[number] = error.message
    return found, failed


def _lumped(case: ReducedCase, has_beats: bool) -> FloatArray:
    """(v, q) of a 0D model."""
    from solvers.network.zero_d.solve import periodic, samples_of, steady

    network, inflow = lumped_network(case), case.setup.entering()
    if not has_beats:
        state = steady(samples_of(network, inflow))
        nothing = np.full(len(network.names), np.nan)
        return _columns(
            state.flow[0], state.pressure_in[0], state.pressure_out[0], nothing, nothing, network.names, case
        )
    beat = periodic(network, inflow, BEAT_STEPS)
    first = beat.pressure_in
    means = beat.flow_in.mean(axis=0), first.mean(axis=0), beat.pressure_out.mean(axis=0)
    return _columns(*means, first.max(axis=0), first.min(axis=0), network.names, case)


def _wave(case: ReducedCase) -> FloatArray:
    """(v, q) of a 1D model; of a vessel that its lesions cut, from the first piece's start to the last one's end."""
    from app.workflow.network import network_of_case
    from solvers.network.one_d.solver import Scheme, solve_network

    found: Solution1D = solve_network(network_of_case(case), Scheme(WAVE_CELL))
    if not found.is_periodic:
        raise CaseError("not_periodic", f"The network is not periodic after {found.cycles} cycles.")
    names = case.patient.tree.names
    pieces = [[k for k, own in enumerate(found.names) if own.split(" behind lesion ")[0] == name] for name in names]
    first, last = [own[0] for own in pieces], [own[-1] for own in pieces]
    begin = found.pressure[:, first, 0]
    flow, end = found.flow[:, first, 0].mean(axis=0), found.pressure[:, last, 4].mean(axis=0)
    return _columns(flow, begin.mean(axis=0), end, begin.max(axis=0), begin.min(axis=0), names, case)


def _columns(
    flow: FloatArray,
    before: FloatArray,
    behind: FloatArray,
    systolic: FloatArray,
    diastolic: FloatArray,
    names: tuple[str, ...],
    case: ReducedCase,
) -> FloatArray:
    """(v, q) in the units that people read, in the order of the case's tree."""
    order = [names.index(name) for name in case.patient.tree.names]
    pressures = [mmhg_from_pa(1.0) * part[order] for part in (before, behind, systolic, diastolic)]
    return np.column_stack([ml_s_from_m3_s(1.0) * flow[order], *pressures])


def _shares(inputs: FloatArray, column: FloatArray) -> list[float]:
    from scipy.stats import rankdata

    if len(column) < 3 or np.ptp(column) == 0.0:
        return [0.0] * inputs.shape[1]
    ranks = rankdata(column)
    return [float(np.corrcoef(rankdata(row), ranks)[0, 1] ** 2) if np.ptp(row) > 0.0 else 0.0 for row in inputs.T]


def _check(case: ReducedCase, plan: Plan) -> None:
    if plan.kind not in KINDS:
        raise CaseError("bad_plan", f"There is no kind of model {plan.kind!r}; there are: {', '.join(KINDS)}.")
    if not 2 <= plan.n_samples <= MOST_SAMPLES:
        raise CaseError("bad_plan", f"An ensemble has 2 to {MOST_SAMPLES} samples, not {plan.n_samples}.")
    names = [spread.name for spread in plan.spreads]
    if not names or len(set(names)) < len(names):
        raise CaseError("bad_spread", "An ensemble needs inputs that vary, each named once.")
    low, high = FACTORS
    for spread in plan.spreads:
        what = spread.name.partition(":")[0]
        if what not in INPUTS or (":" in spread.name and what in ("inflow", "stiffness", "viscosity")):
            raise CaseError("bad_spread", f"There is no input {spread.name!r} to vary; there are: {', '.join(INPUTS)}.")
        if spread.shape not in SHAPES:
            raise CaseError("bad_spread", f"There is no distribution {spread.shape!r}; there are: {', '.join(SHAPES)}.")
        ends = spread.at(np.array([1e-4, 1.0 - 1e-4]))
        if not (np.isfinite(ends).all() and low <= ends[0] <= ends[1] <= high):
            raise CaseError(
                "bad_spread",
                f"The spread of {spread.name} reaches from {ends[0]:.3g} to {ends[1]:.3g} times its value; factors "
                f"must lie between {low:g} and {high:g}: make it narrower.",
            )
    varied(case, dict.fromkeys(names, 1.0))  # names what is not there


def _claim(out: Path, case: ReducedCase, plan: Plan) -> None:
    """Make the folder this ensemble's, or see that it is; CaseError ``other_ensemble``."""
    held = _held(case, plan)
    file = out / PLAN_FILE
    try:
        if file.is_file():
            if json.loads(file.read_text(encoding="utf-8")) != held:
                raise CaseError(
                    "other_ensemble",
                    f"{out.name} holds samples of another model, seed or spread of inputs: name a new folder.",
                )
            return
        out.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(held, indent=1), encoding="utf-8")
    except (OSError, ValueError) as error:
        raise CaseError("cannot_write", f"The folder {out} cannot hold an ensemble ({error}).") from error


def _held(case: ReducedCase, plan: Plan) -> dict[str, Any]:
    """All that the samples are made from, but how many they are."""
    return {
        "schema_version": SCHEMA_VERSION,
        "kind": plan.kind,
        "seed": plan.seed,
        "spreads": [dataclasses.asdict(spread) for spread in plan.spreads],
        "model": _digest(case),
        "vessels": list(case.patient.tree.names),
        "quantities": list(QUANTITIES),
    }


def _digest(case: ReducedCase) -> str:
    """Of all that the samples are made from."""
    shapes = [
        (vessel.name, vessel.parent, vessel.branch, vessel.arc_length.tolist(), vessel.radius.tolist())
        for vessel in case.patient.tree.vessels
    ]
    kept = case.calibration.as_dict() if case.calibration else None
    laws = [law.as_dict() for law in case.laws]
    whole = [case.setup.as_dict(), dataclasses.asdict(case.chosen), kept, shapes, laws]
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def _write(out: Path, numbers: FloatArray, values: FloatArray, failed: Mapping[int, str]) -> None:
    path = out / f"samples-{numbers[0]:07d}-{numbers[-1]:07d}.npz"
    temporary = path.with_suffix(".part")
    with temporary.open("wb") as stream:
        np.savez(stream, numbers=numbers, values=values, failed=np.array(json.dumps(dict(failed))))
    os.replace(temporary, path)
