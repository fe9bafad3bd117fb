"""How viscous blood is: the laws at known points, their limits, and what a spec accepts."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from mpi4py import MPI
from run_folders import tube_spec

from app.workflow.blood import RHEOLOGIES, blood_assumptions, blood_of
from solvers.contract.errors import RunError
from solvers.contract.spec import (
    CarreauYasuda,
    Casson,
    Fluid,
    Inlet,
    MeshFile,
    Numerics,
    PressureOutlet,
    RunSpec,
    Time,
    Waveform,
)
from solvers.flow.build import build_flow
from solvers.flow.rheology import carreau_yasuda, casson, viscosity_law
from solvers.verification.meshes import INLET, OUTLET, WALL, straight_tube
from solvers.verification.rheology_checks import TubeProfile, casson_wall_stress

RATES = np.array([0.0, 1e-12, 1e-3, 0.1, 1.0, 10.0, 1e3, 1e6])


def test_carreau_at_known_points() -> None:
    found = carreau_yasuda(CarreauYasuda(), RATES)
    assert found[0] == pytest.approx(0.056, rel=1e-14)
    assert found[-1] == pytest.approx(0.00345, rel=0.02)
    assert np.all(np.diff(found) <= 0.0)
    by_hand = 0.00345 + (0.056 - 0.00345) * (1.0 + 33.13**2) ** ((0.3568 - 1.0) / 2.0)
    assert found[5] == pytest.approx(by_hand, rel=1e-14)
    one = carreau_yasuda(CarreauYasuda(transition=1.25), np.array([2.0]))
    assert one[0] == pytest.approx(0.00345 + 0.05255 * (1.0 + 6.626**1.25) ** (-0.6432 / 1.25), rel=1e-12)


def test_casson_creeps_at_rest_and_has_its_stress_when_it_flows() -> None:
    law = Casson()
    found = casson(law, RATES)
    assert found[0] == pytest.approx((np.sqrt(0.0035) + np.sqrt(0.005 * 100.0)) ** 2, rel=1e-14)
    assert found[1] == pytest.approx(found[0], rel=1e-4)
    stress = found[4:] * RATES[4:]
    assert stress == pytest.approx((np.sqrt(0.005) + np.sqrt(0.0035 * RATES[4:])) ** 2, rel=2e-4)


def test_the_newtonian_limits_are_constant() -> None:
    assert np.all(carreau_yasuda(CarreauYasuda(power_index=1.0), RATES) == 0.056)
    assert casson(Casson(yield_stress=0.0), RATES) == pytest.approx(np.full(len(RATES), 0.0035), rel=1e-14)
    assert viscosity_law(Fluid()) is None


def test_an_older_spec_is_newtonian_and_a_law_survives_reading() -> None:
    raw = json.loads(tube_spec().to_json())
    del raw["fluid"]["law"]
    assert RunSpec.from_json(json.dumps(raw)).fluid.law is None
    for law in (CarreauYasuda(time_constant=2.0), Casson(yield_stress=0.004)):
        spec = replace(tube_spec(), fluid=Fluid(law=law))
        assert RunSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("law", "must_say"),
    [
        (CarreauYasuda(power_index=1.5), "power-law index"),
        (CarreauYasuda(zero_viscosity=0.002), "thicker with shear"),
        (Casson(regularization=0.0), "regularization time"),
        (Casson(yield_stress=-1.0), "yield stress of blood"),
    ],
)
def test_an_impossible_law_is_refused(law: CarreauYasuda | Casson, must_say: str) -> None:
    with pytest.raises(RunError, match=must_say):
        replace(tube_spec(), fluid=Fluid(law=law)).check()


def test_casson_is_refused_with_linear_velocities() -> None:
    with pytest.raises(RunError, match="quadratic velocities"):
        replace(tube_spec(), fluid=Fluid(law=Casson()), numerics=Numerics(elements="P1/P1")).check()


def test_the_exact_profile_is_that_of_a_power_law() -> None:
    radius, flow, n = 1.5e-3, 1e-6, 0.6
    profile = TubeProfile(radius, flow, lambda rate: 0.01 * np.maximum(rate, 1e-300) ** (n - 1.0))
    wall_rate = (3.0 * n + 1.0) / (4.0 * n) * 4.0 * flow / (np.pi * radius**3)
    assert profile.wall_shear_rate == pytest.approx(wall_rate, rel=1e-10)
    r = np.linspace(0.0, radius, 7)
    mean = flow / (np.pi * radius**2)
    exact = mean * (3.0 * n + 1.0) / (n + 1.0) * (1.0 - (r / radius) ** (1.0 / n + 1.0))
    assert profile.velocity(r) == pytest.approx(exact, rel=1e-9, abs=1e-10 * mean)


def test_the_regularized_profile_tends_to_that_of_casson() -> None:
    law = Casson(regularization=1e5)
    profile = TubeProfile(1.5e-3, 1e-8, lambda rate: casson(law, rate))
    assert profile.wall_shear == pytest.approx(casson_wall_stress(law, 1.5e-3, 1e-8), rel=1e-3)


def test_the_choice_of_the_step_makes_the_fluid_and_says_so() -> None:
    fluids = {name: blood_of({}, name) for name in RHEOLOGIES}
    assert fluids["newtonian"] == Fluid(1060.0, 0.0035)
    assert fluids["carreau-yasuda"].law == CarreauYasuda()
    assert fluids["carreau-yasuda"].viscosity == CarreauYasuda().infinite_viscosity
    assert fluids["casson"].law == Casson()
    entered = blood_of({"blood_viscosity_mpa_s": 4.5}, "carreau-yasuda").law
    assert isinstance(entered, CarreauYasuda) and entered.infinite_viscosity == pytest.approx(4.5e-3)
    said = {
        name: " ".join(f"{a.name} {a.value} {a.source}" for a in blood_assumptions({}, name)) for name in RHEOLOGIES
    }
    assert "Newtonian" in said["newtonian"]
    assert "56 mPa s at rest" in said["carreau-yasuda"] and "Cho & Kensey" in said["carreau-yasuda"]
    assert "yield stress 5 mPa" in said["casson"] and "assumption" in said["casson"]


def test_the_law_of_a_spec_reaches_the_flow_solver() -> None:
    drops = []
    thick = CarreauYasuda(zero_viscosity=0.035, infinite_viscosity=0.035, power_index=1.0)
    for fluid in (Fluid(), Fluid(viscosity=0.035), Fluid(law=thick)):
        wave = Waveform.constant(1e-8)
        spec = RunSpec(
            mesh=MeshFile(""),
            inlets=(Inlet(INLET, "inlet", wave, "parabolic"),),
            outlets=(PressureOutlet(OUTLET, "outlet", Waveform.constant(0.0)),),
            time=Time(1.0, 10, 1, 1, None, 0.0),
            wall_patch_ids=(WALL,),
            fluid=fluid,
        )
        solver = build_flow(MPI.COMM_SELF, spec, straight_tube(0.004, 0.001, 2, 4))
        report = [solver.step() for _ in range(5)][-1]
        drops.append(report.pressures[0] - report.pressures[1])
    assert drops[2] == pytest.approx(drops[1], rel=1e-6)
    assert drops[1] > 2.0 * drops[0]
