"""One-dimensional networks: what is refused, what is conserved, what outlets do."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from solvers.contract.errors import RunError
from solvers.contract.fluid import Fluid
from solvers.contract.openings import (
    CoronaryOutlet,
    Inlet,
    PressureInlet,
    PressureOutlet,
    RcrOutlet,
    ResistanceOutlet,
    SplitOutlet,
    Waveform,
)
from solvers.network.one_d.network import Network1D, Reflection, Stenosis, Terminal, Vessel1D
from solvers.network.one_d.openbf import read_openbf
from solvers.network.one_d.patient import network_of_tree
from solvers.network.one_d.solver import Scheme, solve_network, solve_networks
from solvers.network.one_d.svoned import read_svoned
from solvers.network.one_d.walls import beta_of_wall, thickness_of_radius
from solvers.network.stenosis import Lesion
from solvers.network.stiffness import Stiffness
from solvers.network.vessel_tree import VesselShape, VesselTree, vessel_tree
from solvers.network.zero_d.build import build
from solvers.network.zero_d.solve import Inflow, samples_of, steady

VESSEL = Vessel1D("aorta", 0, 1, 0.1, (5e-3, 5e-3), (5e4, 5e4))
LEFT = Vessel1D("left", 1, 2, 0.05, (3e-3, 3e-3), (6e4, 6e4))
RIGHT = Vessel1D("right", 1, 3, 0.06, (4e-3, 3e-3), (6e4, 7e4))
INLET = Terminal(0, Inlet(0, "heart", Waveform.constant(2e-5)))


def windkessel(node: int) -> Terminal:
    return Terminal(node, RcrOutlet(0, f"outlet {node}", 1e8, 1e-9, 1e9, 1e4))


FORK = Network1D((VESSEL, LEFT, RIGHT), (INLET, windkessel(2), windkessel(3)), 1.0)
QUICK = Scheme(5e-3, samples=20, max_cycles=2)


@pytest.mark.parametrize(
    ("network", "sentence"),
    [
        (replace(FORK, vessels=()), "has no vessel"),
        (replace(FORK, vessels=(replace(VESSEL, length=0.0), LEFT, RIGHT)), "'aorta' has the length 0 m: give"),
        (replace(FORK, vessels=(replace(VESSEL, radius=(5.0, 5.0)), LEFT, RIGHT)), "5 m at its start.*in mm, convert"),
        (replace(FORK, vessels=(replace(VESSEL, radius=(5e-3, 0.5)), LEFT, RIGHT)), "0.5 m at its end.*in cm, convert"),
        (replace(FORK, vessels=(replace(VESSEL, radius=(0.0, 5e-3)), LEFT, RIGHT)), "radius 0 m at its start: give"),
        (replace(FORK, vessels=(replace(VESSEL, beta=(0.0, 1.0)), LEFT, RIGHT)), "stiffness 0 Pa"),
        (replace(FORK, vessels=(VESSEL, LEFT, replace(RIGHT, name="left"))), "2 vessels named 'left'"),
        (replace(FORK, terminals=(INLET, windkessel(2))), "Nothing is attached to node 3, the free end of.*'right'"),
        (replace(FORK, terminals=(*FORK.terminals, windkessel(7))), "Windkessel at node 7 has no vessel"),
        (replace(FORK, terminals=(*FORK.terminals, windkessel(1))), "node 1 is at a junction of 3 vessels"),
        (replace(FORK, terminals=(*FORK.terminals, Terminal(3, Reflection()))), "Node 3 has two conditions"),
        (replace(FORK, terminals=(Terminal(0, Reflection()), windkessel(2), windkessel(3))), "has no inlet"),
        (replace(FORK, vessels=(VESSEL, LEFT, replace(RIGHT, start=8))), "is not connected with"),
        (
            replace(FORK, stenoses=(Stenosis("left", Lesion(3e-3, 2e-3, 0.01)),)),
            "stenosis of vessel 'left' is at a free end",
        ),
        (replace(FORK, stenoses=(Stenosis("aorta", Lesion(3e-3, 4e-3, 0.01)),)), "give a smaller radius above 0"),
        (replace(FORK, density=0.0), "density of the network is 0"),
    ],
)
def test_a_network_that_cannot_be_is_refused_in_a_sentence(network: Network1D, sentence: str) -> None:
    # a right vessel that starts elsewhere leaves free ends: give them something to be refused for one reason
    if "connected" in sentence:
        network = replace(network, terminals=(*network.terminals, Terminal(1, Reflection()), Terminal(8, Reflection())))
        network = replace(network, vessels=(VESSEL, replace(LEFT, start=0, end=2), replace(RIGHT, start=8)))
        network = replace(
            network, terminals=(Terminal(1, INLET.condition), *network.terminals[1:3], Terminal(8, Reflection()))
        )
    with pytest.raises(RunError) as caught:
        solve_network(network, QUICK)
    assert caught.value.code == "bad_network"
    assert re.search(sentence, caught.value.message), caught.value.message


def test_a_lumen_that_closes_names_vessel_and_place() -> None:
    sucked = replace(
        FORK, terminals=(INLET, windkessel(2), Terminal(3, PressureOutlet(0, "out", Waveform.constant(-9e4))))
    )
    with pytest.raises(RunError) as caught:
        solve_network(sucked, QUICK)
    assert caught.value.code in {"collapsed", "no_balance", "supercritical"}
    assert re.search("'right'", caught.value.message), caught.value.message


def test_every_outlet_lets_the_flow_out_at_the_pressure_that_its_circuit_says() -> None:
    flow = 2e-5
    still = Waveform.constant(0.0)
    for condition, pressure in (
        (RcrOutlet(0, "out", 1e8, 1e-10, 4e8, 1e4, 500.0), 500.0 + 5e8 * flow),
        (RcrOutlet(0, "out", 1e8, 0.0, 4e8, 1e4), 5e8 * flow),
        (ResistanceOutlet(0, "out", 3e8, 1e3), 1e3 + 3e8 * flow),
        (PressureOutlet(0, "out", Waveform.constant(7e3)), 7e3),
        (CoronaryOutlet(0, "out", still, 1e8, 1e-11, 2e8, 1e-10, 1e8, 1e4, 300.0), 300.0 + 4e8 * flow),
    ):
        tube = Network1D((VESSEL,), (INLET, Terminal(1, condition)), 1.0)
        found = solve_network(tube, Scheme(1e-2, samples=4, max_cycles=20, periodic_within=1e-9))
        assert found.pressure[-1, 0, 4] == pytest.approx(pressure, rel=1e-5)
        assert found.flow[-1, 0, :] == pytest.approx(flow, rel=1e-4)


def test_a_coronary_outlet_is_squeezed_against_the_flow() -> None:
    t = tuple(np.linspace(0.0, 1.0, 41)[:-1].tolist())
    squeeze = tuple((5e3 * (1.0 - np.cos(2.0 * np.pi * np.array(t)))).tolist())
    outlet = CoronaryOutlet(0, "out", Waveform(t, squeeze), 1e9, 1e-12, 2e9, 1e-10, 1e9, 1e4)
    inlet = PressureInlet(0, "aorta", Waveform.constant(12e3))
    found = solve_network(
        Network1D((VESSEL,), (Terminal(0, inlet), Terminal(1, outlet)), 1.0), Scheme(1e-2, max_cycles=8)
    )
    # the muscle's vessels are filled against C dPim/dt, so the flow is least where Pim rises fastest, at a quarter
    assert 0.15 < found.times[found.flow[:, 0, 4].argmin()] < 0.35
    assert found.flow[:, 0, 4].min() < 0.8 * found.flow[:, 0, 4].mean()


def test_many_networks_at_once_are_as_alone_and_one_that_fails_stops_none() -> None:
    networks = [FORK, replace(FORK, viscosity=8e-3), replace(FORK, terminals=FORK.terminals[:2])]
    found = solve_networks(networks, QUICK, n_threads=2)
    assert isinstance(found[2], RunError)
    for network, result in zip(networks[:2], found[:2], strict=True):
        assert not isinstance(result, RunError)
        np.testing.assert_array_equal(result.pressure, solve_network(network, QUICK).pressure)


def test_cancelling_ends_a_run() -> None:
    with pytest.raises(RunError, match="cancelled"):
        solve_network(FORK, QUICK, is_cancelled=lambda: True)


def test_the_wall_s_viscosity_damps_a_standing_wave_as_it_should() -> None:
    # closed tube, one half wave: Q ~ sin(kx), d2Q/dt2 + D k^2 dQ/dt + c^2 k^2 Q = 0: damped by exp(-D k^2 t / 2)
    from solvers.network.one_d.solver import NetworkRun

    rates = []
    for viscosity in (0.0, 0.5):
        vessel = replace(VESSEL, wall_viscosity=viscosity)
        ends = (Terminal(0, Inlet(0, "closed", Waveform.constant(0.0))), Terminal(1, Reflection(1.0)))
        run = NetworkRun(Network1D((vessel,), ends, 0.2, viscosity=0.0), Scheme(1e-3, samples=2000, start_pressure=0.0))
        x = (np.arange(len(run.state.flow)) + 0.5) / len(run.state.flow)
        run.state.flow[:] = 1e-9 * np.sin(np.pi * x)
        size = np.abs(run.cycle()[:, 0, 2, 1])
        tops = np.flatnonzero((size[1:-1] > size[:-2]) & (size[1:-1] >= size[2:])) + 1
        rates.append(-np.polyfit(tops * 1e-4, np.log(size[tops]), 1)[0])
    root = np.sqrt(np.pi) * VESSEL.radius[0]
    assert rates[0] == pytest.approx(0.0, abs=0.05)
    assert rates[1] == pytest.approx(0.5 * 0.5 / (1060.0 * root) * (np.pi / VESSEL.length) ** 2, rel=0.01)


def test_laws_of_the_wall() -> None:
    assert beta_of_wall(4e5, 1.5e-3, 1e-2) == pytest.approx(8e4)
    assert 0.05 < thickness_of_radius(5e-3) / 5e-3 < 0.2


YAML = """
project_name: two
blood: {rho: 1060.0, mu: 4.0e-3}
network:
  - {label: trunk, sn: 1, tn: 2, L: 0.1, E: 4.0e5, Rp: 0.01, Rd: 0.008, gamma profile: 9, Pext: 1e4}
  - {label: branch, sn: 2, tn: 3, L: 0.1, E: 400e3, R0: 0.006, h0: 0.0005, R1: 1.0e9, Cc: 1e-10}
"""


def test_an_openbf_file_is_read_at_its_word_or_as_openbf_does(tmp_path: Path) -> None:
    (tmp_path / "two.yaml").write_text(YAML)
    (tmp_path / "two_inlet.dat").write_text("0 0\n0.2 1e-4\n0.5 0\n1.0 0\n")
    network = read_openbf(tmp_path / "two.yaml")
    trunk, branch = network.vessels
    assert (trunk.radius, trunk.profile, trunk.p_external) == ((0.01, 0.008), 9.0, 1e4)
    assert branch.beta == pytest.approx((beta_of_wall(4e5, 5e-4, 6e-3),) * 2)
    (inlet, outlet) = network.terminals
    assert (inlet.node, outlet.node, network.period) == (1, 3, 1.0)
    assert isinstance(outlet.condition, RcrOutlet)
    assert outlet.condition.r_proximal + outlet.condition.r_distal == pytest.approx(1e9)
    theirs = read_openbf(tmp_path / "two.yaml", "openbf")
    assert (theirs.vessels[0].radius, theirs.vessels[0].profile, theirs.junctions) == (
        (0.01, 0.01),
        2.0,
        "static forks",
    )
    condition = theirs.terminals[1].condition
    assert isinstance(condition, RcrOutlet)
    assert condition.r_proximal == 1e9


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("L: 0.1, E: 400e3", "E: 400e3"), "L of vessel 'branch' of two.yaml is missing"),
        (("R0: 0.006", "X: 0.006"), "There is no radius, R0 or Rp, for vessel 'branch'"),
        (("network:", "vessels:"), "holds no openBF network"),
        (("{label: trunk", "{{label: trunk"), "is no YAML"),
        (("project_name: two", "project_name: three"), "three_inlet.dat cannot be read"),
    ],
)
def test_a_broken_openbf_file_is_refused_in_a_sentence(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    (tmp_path / "two.yaml").write_text(YAML.replace(*change))
    (tmp_path / "two_inlet.dat").write_text("0 0\n0.2 1e-4\n0.5 0\n1.0 0\n")
    with pytest.raises(RunError, match=re.escape(sentence)):
        read_openbf(tmp_path / "two.yaml")


def tree() -> VesselTree:
    s = np.linspace(0.0, 0.1, 101)
    narrow = 4e-3 * (1.0 - 0.5 * np.exp(-(((s - 0.05) / 4e-3) ** 2)))
    return vessel_tree(
        [
            VesselShape("trunk", None, "trunk", 0.0, s, narrow),
            VesselShape("left", "trunk", "left", 0.0, s, np.full(101, 2e-3)),
            VesselShape("right", "trunk", "right", 0.0, s, np.full(101, 3e-3)),
        ]
    )


def test_a_patients_tree_gives_the_drops_of_its_lumped_model() -> None:
    outlets = {name: ResistanceOutlet(0, name, resistance, 1e3) for name, resistance in (("left", 3e9), ("right", 1e9))}
    fluid, stiffness = Fluid(1060.0, 3.5e-3), Stiffness("wave_speed", 40.0)
    inlet = Inlet(0, "in", Waveform.constant(1e-5))
    network = network_of_tree(tree(), inlet, outlets, fluid, 1.0, stiffness, 9e3)
    assert [vessel.name for vessel in network.vessels] == ["trunk", "trunk behind lesion 1", "left", "right"]
    found = solve_network(network, Scheme(2e-3, samples=4, max_cycles=30, periodic_within=1e-8))
    lumped = steady(samples_of(build(tree(), outlets, fluid), Inflow(Waveform.constant(1e-5))))
    assert found.pressure[-1, 0, 0] == pytest.approx(lumped.pressure_in[0, 0], rel=2e-3)
    for name, number in (("left", 2), ("right", 3)):
        flow = lumped.flow[0, lumped.names.index(name)]
        assert found.flow[-1, number, 4] == pytest.approx(flow, rel=2e-3)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"stiffness": Stiffness("rigid")}, "needs walls that give way"),
        ({"outlets": {"left": Reflection()}}, "Vessel 'right' ends without an outlet"),
        ({"outlets": {"trunk": Reflection()}}, "'trunk' has no free end"),
        ({"outlets": {"middle": Reflection()}}, "'middle' is not in the tree"),
        ({"outlets": {"left": SplitOutlet(0, "left", 0.5), "right": Reflection()}}, "is a share of the flow"),
    ],
)
def test_a_tree_that_cannot_be_a_network_is_refused_in_a_sentence(change: dict[str, Any], sentence: str) -> None:
    given: dict[str, Any] = {
        "inlet": INLET.condition,
        "outlets": {"left": Reflection(), "right": Reflection()},
        "fluid": Fluid(),
        "period": 1.0,
        "stiffness": Stiffness(),
    }
    with pytest.raises(RunError, match=sentence):
        network_of_tree(tree(), **(given | change))


SVONED = """
MODEL two
NODE 0 0 0 0
SEGMENT first 0 10.0 50 0 1 10.0 10.0 0.0 MAT1 NONE 0.0 0 0 NOBOUND NONE
SEGMENT tight 1 10.0 50 1 2  5.0  5.0 0.0 MAT1 STENOSIS 0.0 0 0 NOBOUND NONE
SEGMENT last 2 10.0 50 2 3 10.0 10.0 0.0 MAT1 NONE 0.0 0 0 RCR OUT
DATATABLE OUT LIST
0.0 90  # resistance
0.0 0.0008
0.0 1200
ENDDATATABLE
DATATABLE IN LIST
0.0 100.0
10.0 100.0
ENDDATATABLE
SOLVEROPTIONS 0.001 1000 1000 2 IN FLOW 1.0e-8 1 1
MATERIAL MAT1 OLUFSEN 1.06 0.04 0 2.0 1.0e15 -20 1e9
"""


def test_an_svoned_file_is_read_into_si(tmp_path: Path) -> None:
    (tmp_path / "two.in").write_text(SVONED)
    network = read_svoned(tmp_path / "two.in")
    first, last = network.vessels
    assert (first.name, first.start, first.end, last.name, last.start, last.end) == ("first", 0, 1, "last", 1, 3)
    assert (network.density, network.viscosity, first.length) == pytest.approx((1060.0, 4e-3, 0.1))
    assert first.radius[0] == pytest.approx(np.sqrt(10.0 / np.pi) * 1e-2)
    assert first.beta[0] == pytest.approx(4.0 / 3.0 * 1e8, rel=1e-2)
    (stenosis,) = network.stenoses
    assert stenosis.vessel == "first" and stenosis.lesion.minimal_area == pytest.approx(5e-4)
    outlet = network.terminals[1].condition
    assert isinstance(outlet, RcrOutlet)
    assert (outlet.r_proximal, outlet.c, outlet.r_distal) == pytest.approx((9e6, 8e-9, 1.2e8))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (("SOLVEROPTIONS", "OPTIONS"), "needs SEGMENT and SOLVEROPTIONS"),
        (("RCR OUT", "ADMITTANCE OUT"), "The outlet ADMITTANCE of vessel 'last' is not known"),
        (("MAT1 OLUFSEN", "MAT1 GLASS"), "The material GLASS"),
        (("RCR OUT", "RCR NOWHERE"), "is no complete input of svOneDSolver"),
    ],
)
def test_a_broken_svoned_file_is_refused_in_a_sentence(tmp_path: Path, change: tuple[str, str], sentence: str) -> None:
    (tmp_path / "two.in").write_text(SVONED.replace(*change))
    with pytest.raises(RunError, match=sentence):
        read_svoned(tmp_path / "two.in")
