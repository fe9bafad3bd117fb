"""A patient's tree in a published network: where it is joined, what flows, and what does not fit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from solvers.contract.errors import RunError
from solvers.contract.fluid import Fluid
from solvers.contract.openings import Inlet, RcrOutlet, Waveform
from solvers.network.one_d.graft import grafted
from solvers.network.one_d.network import Network1D, Terminal, Vessel1D
from solvers.network.one_d.patient import network_of_tree
from solvers.network.one_d.solver import Scheme, solve_network
from solvers.network.stiffness import Stiffness
from solvers.network.vessel_tree import VesselShape, vessel_tree, with_stenosis

TIMES = np.linspace(0.0, 0.8, 80, endpoint=False)
FLOW = Waveform(tuple(TIMES.tolist()), tuple((3e-5 * (1.0 + np.sin(2 * np.pi * TIMES / 0.8))).tolist()))
BETA = 5e4
STIFF = Stiffness("wave_speed", float(np.sqrt(BETA / 2120.0)))


def _vessel(name: str, start: int, end: int, radius: float, length: float = 0.1) -> Vessel1D:
    return Vessel1D(name, start, end, length, (radius, radius), (BETA, BETA), p_external=1e4)


def _bed(name: str) -> RcrOutlet:
    return RcrOutlet(0, name, 3e7, 3e-9, 6e8, 0.0)


HOST = Network1D(
    (
        _vessel("aorta", 1, 2, 8e-3),
        _vessel("arch", 2, 3, 8e-3),
        _vessel("arm", 3, 4, 4e-3),
        _vessel("descending", 3, 5, 7e-3),
        _vessel("leg", 5, 6, 5e-3),
    ),
    (Terminal(1, Inlet(0, "heart", FLOW)), Terminal(4, _bed("arm")), Terminal(6, _bed("leg"))),
    0.8,
)


def _shape(name: str, parent: str | None, radius: float, length: float = 0.1) -> VesselShape:
    return VesselShape(name, parent, name, 0.0, np.linspace(0.0, length, 21), np.full(21, radius))


def _patient(radius: float = 8e-3, stenosis: float = 0.0) -> Network1D:
    tree = vessel_tree([_shape("own arch", None, radius), _shape("own arm", "own arch", 4e-3)])
    tree = vessel_tree([*tree.vessels, _shape("own descending", "own arch", 7e-3)])
    if stenosis:
        tree = with_stenosis(tree, "own descending", stenosis, 0.5)
    outlets = {name: _bed(name) for name in ("own arm", "own descending")}
    return network_of_tree(tree, Inlet(0, "in", FLOW), outlets, Fluid(1060.0, 4e-3), 0.8, STIFF, 1e4)


GONE = ("arch", "arm", "descending")
JOIN = {"leg": "own descending"}


def test_the_same_vessels_grafted_give_the_same_flow() -> None:
    network = grafted(HOST, _patient(), GONE, JOIN)
    assert [vessel.name for vessel in network.vessels] == [
        *("aorta", "leg", "patient own arch", "patient own arm", "patient own descending")
    ]
    scheme = Scheme(0.01, max_cycles=60)
    whole, joined = solve_network(HOST, scheme), solve_network(network, scheme)
    for name in ("aorta", "leg"):
        assert joined.flow[:, joined.of(name)] == pytest.approx(whole.flow[:, whole.of(name)], rel=1e-3, abs=1e-8)
        assert joined.pressure[:, joined.of(name)] == pytest.approx(whole.pressure[:, whole.of(name)], rel=1e-3)


def test_a_narrowing_of_the_patient_takes_flow_from_the_networks_vessel_behind_it() -> None:
    scheme = Scheme(0.01, max_cycles=60)
    flows = []
    for stenosis in (0.0, 0.8):
        found = solve_network(grafted(HOST, _patient(stenosis=stenosis), GONE, JOIN), scheme)
        flows.append(found.flow[:, found.of("leg"), 2].mean())
    assert flows[1] < 0.95 * flows[0]


@pytest.mark.parametrize(
    ("gone", "join", "patient", "words"),
    [
        (("knee",), JOIN, _patient(), "The network has no vessel 'knee'"),
        (GONE, {"leg": "own leg"}, _patient(), "The patient has no vessel 'own leg'"),
        (GONE, {}, _patient(), "Vessel 'leg' would be cut off"),
        (GONE, {"leg": "own arch"}, _patient(), "'own arch' goes on into others"),
        (("arm", "leg"), {}, _patient(), "begin at 2 places"),
        (GONE, {**JOIN, "aorta": "own arm"}, _patient(), "'aorta' does not begin where a replaced one ends"),
        (GONE, JOIN, _patient(3e-3), "has a radius of 3 mm where it joins 'aorta' of 8 mm"),
        (GONE, JOIN, replace(_patient(), viscosity=1e-2), "blood's viscosity is 0.01 in the patient"),
        (tuple(vessel.name for vessel in HOST.vessels), {}, _patient(), "All of the network's vessels"),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(
    gone: tuple[str, ...], join: dict[str, str], patient: Network1D, words: str
) -> None:
    with pytest.raises(RunError, match=words):
        grafted(HOST, patient, gone, join)
