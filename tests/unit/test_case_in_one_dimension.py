"""A case's vessels in one dimension have the conditions of its lumped model, and give its means."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from app.workflow.network import network_of_case
from app.workflow.reduced_bench import made_case
from solvers.contract.errors import RunError
from solvers.network.one_d.solver import Scheme, solve_network
from solvers.network.stiffness import Stiffness
from solvers.network.zero_d.build import Options, build
from solvers.network.zero_d.solve import periodic


def test_mean_pressures_and_flows_are_those_of_the_lumped_model() -> None:
    case: Any = made_case(seed=3, n_vessels=5)
    network = network_of_case(case)
    found = solve_network(network, Scheme(spacing=5e-3, periodic_within=1e-4))
    setup = case.setup
    options = Options(case.chosen.junctions, 0.0, case.chosen.law)
    lumped = periodic(
        build(case.patient.tree, setup.closing(), setup.fluid, setup.stiffness, options), setup.entering()
    )
    assert found.is_periodic
    for name in case.patient.tree.ends:
        mine = max(v for v, own in enumerate(found.names) if own.split(" behind")[0] == name)
        theirs = lumped.names.index(name)
        assert found.flow[:, mine, 4].mean() == pytest.approx(np.mean(lumped.flow_out[:, theirs]), rel=0.03)
        assert found.pressure[:, mine, 4].mean() == pytest.approx(np.mean(lumped.pressure_out[:, theirs]), rel=0.03)


def test_rigid_walls_are_refused() -> None:
    case: Any = made_case()
    rigid = replace(case, setup=replace(case.setup, stiffness=Stiffness("rigid")))
    with pytest.raises(RunError, match="walls that give way"):
        network_of_case(rigid)
