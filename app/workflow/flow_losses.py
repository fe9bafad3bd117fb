"""What bends and junctions cost in a case's 0D and 1D models, where its parameters ask for that."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from app.workflow.patient import Assumption
from app.workflow.patient_tree import PatientTree
from app.workflow.units import mmhg_from_pa
from solvers.network.vessel_tree import VesselTree

if TYPE_CHECKING:
    from app.workflow.flow_setup import FlowSetup, ReducedParameters

WHITE = (
    "White 1929, Proc. R. Soc. A 123:645, as handbooks quote it: steady, laminar, developed, for Dean numbers of 11.6 "
    "to 2000; as R Q + K Q |Q|, nearest from a fifth of the peak flow on"
)
UNIFIED = (
    "Mynard & Valen-Sendstad 2015, Int. J. Numer. Meth. Biomed. Eng. 31:e02717, with the angles of the centerlines and "
    "the mean split of the flow as it is; where the method finds a gain of pressure: 0"
)


def with_losses(
    setup: FlowSetup, patient: PatientTree, chosen: ReducedParameters
) -> tuple[PatientTree, tuple[Assumption, ...]]:
    """The vessels with what is lost in bends and junctions, and what is assumed for that."""
    from solvers.network.junction_losses import entry_losses
    from solvers.network.loss_estimates import bend_friction
    from solvers.network.zero_d.build import Options, build
    from solvers.network.zero_d.solve import samples_of, steady

    if chosen.bends == "none" and chosen.junction_model == "none":
        return patient, ()
    junctions: Any = chosen.junctions  # one of the declared choices
    entering, tree = setup.entering(), patient.tree
    plain = build(tree, setup.closing(), setup.fluid, options=Options(junctions, chosen.junction_loss, chosen.law))
    flows = dict(zip(plain.names, steady(samples_of(plain, entering)).flow[0].tolist(), strict=True))
    told, vessels = [], list(tree.vessels)
    if chosen.bends == "white":
        peak = float(np.abs(setup.inflow.values).max()) / abs(entering.mean)
        vessels = [
            replace(
                shape,
                bends=bend_friction(
                    shape, patient.points_m[shape.name], max(abs(flows[shape.name]) * peak, 1e-12), setup.fluid
                ),
            )
            for shape in vessels
        ]
        lost = {
            shape.name: (shape.bends.resistance + shape.bends.loss * abs(flow)) * abs(flow)
            for shape, flow in zip(vessels, map(flows.__getitem__, tree.names), strict=True)
        }
        most = max(lost, key=lambda name: lost[name])
        said = f"{mmhg_from_pa(lost[most]):.2g} in {most}"
        told.append(Assumption("Pressure lost in bends at mean flow, most", said, "mmHg", WHITE))
    if chosen.junction_model == "unified0d":
        into = entry_losses(tree, patient.points_m, flows, chosen.junctions == "total")
        vessels = [replace(shape, entry_loss=into.get(shape.name, 0.0)) for shape in vessels]
        said = ", ".join(f"{name} {loss:.2g}" for name, loss in into.items()) or "no junctions"
        told.append(Assumption("Loss on the way into vessels, in their dynamic pressures", said, "", UNIFIED))
    return replace(patient, tree=VesselTree(tuple(vessels))), tuple(told)
