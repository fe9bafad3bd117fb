"""Checks of the bands: against theory where it is known, and against truths that they should cover."""

from __future__ import annotations

import numpy as np
from scipy.stats import chi2, norm

from app.workflow.assessments.coronary import LIMIT, WALL, sampled, spreads_of
from app.workflow.bands import BAND, bands_of
from app.workflow.coronary_model import Conditions, CoronaryModel, Place, rest_flow, usual_radius
from app.workflow.coronary_parameters import Parameters
from app.workflow.ensemble_plan import Spread
from app.workflow.patient import PatientValues
from app.workflow.patient_tree import PatientTree
from app.workflow.units import M_PER_MM, pa_from_mmhg
from imaging.types import FloatArray
from solvers.contract.fluid import Fluid
from solvers.network.pullback import moved_in
from solvers.network.vessel_tree import VesselShape, VesselTree, with_stenosis
from solvers.network.zero_d.build import Options
from solvers.verification.registry import Check
from solvers.verification.row import Progress, Row, inside_row

THEORY, COVERAGE = "band_theory", "band_coverage"
N_STUDIES, N_SAMPLES = 100, 256
LEAST_COVERED, MOST_COVERED = 80.0, 98.0
VOXEL_MM = 0.4
_TRUNK_MM, _END_MM, _SIDE_MM = 70.0, 95.0, 30.0
_STEP_MM = 0.5
_QUANTILES = "quantiles of the normal and the chi-squared distribution"
_SOBOL = "variances in closed form"


def check_theory(progress: Progress, long: bool) -> list[Row]:
    """A sum of two normal inputs, the square of one, and a uniform one: bands, chance and shares of 4096 samples."""
    spreads = (Spread("a", "normal", 0.0, 3.0), Spread("b", "normal", 0.0, 4.0), Spread("c", "uniform", 0.0, 1.0))
    limit = 5.0 * float(norm.ppf(0.25))
    linear, square, flat = bands_of(lambda x: np.array([x[0] + x[1], x[0] ** 2, x[2]]), spreads, 4096, limit)
    reach = 5.0 * float(norm.ppf(BAND[1]))
    low, high = (float(value) for value in 9.0 * chi2(1).ppf(BAND))
    progress(1.0, "bands of models in closed form")
    return [
        Row(THEORY, "linear model, lower end", "", linear.low, -reach, 0.03, _QUANTILES),
        Row(THEORY, "linear model, upper end", "", linear.high, reach, 0.03, _QUANTILES),
        Row(THEORY, "linear model, chance below the limit", "", linear.chance_below, 0.25, 0.01, _QUANTILES, True),
        Row(THEORY, "linear model, share of the first input", "", linear.shares["a"], 9.0 / 25.0, 0.02, _SOBOL, True),
        Row(
            THEORY, "linear model, share of an input that is not in it", "", linear.totals["c"], 0.0, 0.02, _SOBOL, True
        ),
        Row(THEORY, "quadratic model, lower end", "", square.low, low, 0.05, _QUANTILES),
        Row(THEORY, "quadratic model, upper end", "", square.high, high, 0.03, _QUANTILES),
        Row(THEORY, "quadratic model, share of its input", "", square.totals["a"], 1.0, 0.02, _SOBOL, True),
        Row(THEORY, "uniform input, lower end", "", flat.low, BAND[0], 0.01, "its bounds", True),
        Row(THEORY, "uniform input, upper end", "", flat.high, BAND[1], 0.01, "its bounds", True),
    ]


def check_coverage(progress: Progress, long: bool) -> list[Row]:
    """100 coronary phantoms with one or two lesions, each seen with errors: how often the 90 % band holds the truth.

    The truth has a lumen and conditions of its own. What is seen is that lumen with its wall moved by the declared
    error, and conditions as the assessment takes them: resting flow from the size that is seen, population values for
    the rest. So the error of the wall moves the flow as well, which the band does not know.
    """
    rng = np.random.default_rng(20261129)
    covered, widths, misses = 0, [], []
    for number in range(N_STUDIES):
        truth, low, high = study(rng)
        covered += low <= truth <= high
        widths.append(high - low)
        misses += [] if low <= truth <= high else [truth - high if truth > high else low - truth]
        progress((number + 1) / N_STUDIES, f"{covered} of {number + 1} phantoms covered")
    percent = 100.0 * covered / N_STUDIES
    source = "requirement; 90 of 100 with the standard deviation 3 of such a count"
    quantity = f"{N_STUDIES} phantoms by the reduced model, covered by the 90 % band"
    told = f"{quantity} (median width {np.median(widths):.2f}, largest miss {max(misses, default=0.0):.3f})"
    return [inside_row(COVERAGE, told, "%", percent, LEAST_COVERED, MOST_COVERED, source)]


def study(rng: np.random.Generator, n_samples: int = N_SAMPLES, narrowing: float = 1.0) -> tuple[float, float, float]:
    """The index behind the last lesion of a phantom, in truth, and the band of what is seen of it.

    Parameters
    ----------
    narrowing
        Factor on the spreads that the band is made from: below 1 it claims to know more than it does.
    """
    chosen = Parameters()
    spreads = spreads_of(chosen, ())
    tree, place = phantom(rng)
    drawn = {spread.name: float(spread.at(np.array([rng.random()]))[0]) for spread in spreads}
    wall = drawn.pop(WALL)
    truth = sampled(_model(tree, chosen), drawn, VOXEL_MM)[0].at(place)[0]
    seen = _model(moved_in(tree, -wall * VOXEL_MM * M_PER_MM, 1e-4), chosen)

    def evaluate(x: FloatArray) -> FloatArray:
        rows = []
        for column in x.T:
            factors = {spread.name: float(value) for spread, value in zip(spreads, column, strict=True)}
            rows.append(sampled(seen, factors, VOXEL_MM)[0].at(place)[0])
        return np.array([rows])

    (band,) = bands_of(evaluate, tuple(_narrowed(one, narrowing) for one in spreads), n_samples, LIMIT)
    return truth, band.low, band.high


def phantom(rng: np.random.Generator) -> tuple[VesselTree, Place]:
    """An artery that tapers, with a side branch and one or two lesions before it, and where its index is read."""
    radius = rng.uniform(1.3, 1.9) * M_PER_MM
    s, tail, side = (
        np.arange(0.0, whole + 0.1, _STEP_MM) * M_PER_MM for whole in (_TRUNK_MM, _END_MM - _TRUNK_MM, _SIDE_MM)
    )
    vessels = (
        VesselShape("trunk", None, "trunk", 0.0, s, radius * (1.0 - 0.1 * s / s[-1])),
        VesselShape("trunk.2", "trunk", "trunk", s[-1], tail, np.full(len(tail), 0.8 * radius)),
        VesselShape("side", "trunk", "side", 0.0, side, np.full(len(side), 0.6 * radius)),
    )
    tree, end = VesselTree(vessels), 0.0
    for middle in (20.0, 48.0)[: rng.integers(1, 3)]:
        at, length = middle + rng.uniform(-4.0, 4.0), rng.uniform(6.0, 14.0)
        tree = with_stenosis(tree, "trunk", rng.uniform(0.35, 0.65), at / _END_MM, length * M_PER_MM)
        end = at + 0.5 * length
    return tree, Place("trunk", end + 10.0)


def _model(tree: VesselTree, chosen: Parameters) -> CoronaryModel:
    """What the assessment makes of a tree where nothing of the patient is known."""
    values, ends = PatientValues(), {"trunk": _END_MM, "side": _SIDE_MM}
    pressure = pa_from_mmhg(values.diastolic_mmhg + (values.systolic_mmhg - values.diastolic_mmhg) / 3.0)
    fluid = Fluid(values.blood_density_kg_m3, values.blood_viscosity_mpa_s * 1e-3)
    flow, _ = rest_flow(tree, chosen)
    venous = pa_from_mmhg(chosen.venous_mmhg)
    conditions = Conditions(pressure, venous, flow, chosen.split_exponent, chosen.hyperemia_factor, fluid)
    radii = {name: usual_radius(tree, name, ends) for name in tree.ends}
    return CoronaryModel(PatientTree(tree, {}), None, (), ends, radii, conditions, Options(), chosen.read_behind_mm)


def _narrowed(spread: Spread, factor: float) -> Spread:
    return Spread(spread.name, spread.shape, spread.first, factor * spread.second, spread.source)


BAND_CHECKS = {
    check.name: check
    for check in (
        Check(THEORY, "Bands of models in closed form", check_theory),
        Check(COVERAGE, "How often a band covers the truth", check_coverage, is_long=True),
    )
}
