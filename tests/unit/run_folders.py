"""Small valid parts of a run folder for the tests of the contract."""

from __future__ import annotations

from solvers.contract.mesh_file import MeshArrays
from solvers.contract.spec import Inlet, MeshFile, Output, RcrOutlet, RunSpec, Time, Waveform
from solvers.verification.meshes import INLET, OUTLET, WALL, straight_tube

PULSE = Waveform((0.0, 0.1, 0.2, 0.3, 0.5, 0.7), (2e-6, 2e-5, 1.5e-5, 4e-6, 2e-6, 2e-6))


def tube_mesh(n_rings: int = 2, n_sections: int = 4) -> MeshArrays:
    """A tube of 5 mm radius and 20 mm length."""
    return straight_tube(0.02, 0.005, n_rings, n_sections)


def tube_spec(sha256: str = "0" * 64) -> RunSpec:
    """A pulsatile run with one Windkessel."""
    return RunSpec(
        mesh=MeshFile(sha256),
        inlets=(Inlet(INLET, "inlet", PULSE),),
        outlets=(RcrOutlet(OUTLET, "outlet", 1e8, 1e-9, 1e9, p_initial=1e4),),
        time=Time(0.8, 40),
        wall_patch_ids=(WALL,),
        output=Output(fields_per_cycle=4, checkpoint_every=20),
    )
