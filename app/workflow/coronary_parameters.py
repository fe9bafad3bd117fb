"""What can be set for the assessment of coronary stenoses, and how uncertain it is taken to be."""

from __future__ import annotations

from dataclasses import dataclass

from app.case.records import Case
from app.workflow.parameters import build, declared

GIESSEN = "van der Giessen et al. 2011, J. Biomech. 44:1089, as an open repository writes it"
SIZE_COEFFICIENT, SIZE_EXPONENT = 1.43, 2.55
"""Mean flow [m3/s] of a coronary artery at rest is SIZE_COEFFICIENT times its diameter [m] to this power (GIESSEN)."""
FLOW_OF_MUSCLE_ML_MIN_G, USUAL_MASS_G, MASS_EXPONENT = 0.9, 130.0, 0.75
"""Flow through a gram of the left ventricle at rest, and the mass at which it holds; flow goes with the mass to this
power. Assumptions: about what textbooks say, not looked up."""


@dataclass(frozen=True)
class Parameters:
    """Settings of the assessment of coronary stenoses."""

    rest_flow_ml_s: float = declared(
        0.0,
        help="Flow into the tree at rest; 0: from the mass of the left ventricle, or else from the vessel's size",
        unit="mL/s",
        minimum=0.0,
        maximum=20.0,
        source=f"size: {GIESSEN}",
    )
    lv_mass_g: float = declared(
        0.0,
        help="Mass of the left ventricle (its volume in CT times 1.05 g/mL); 0: not known",
        unit="g",
        minimum=0.0,
        maximum=500.0,
        source="0.9 mL/min for a gram at 130 g, flow with the mass to the power 0.75: assumption",
    )
    tree_share: float = declared(
        0.6,
        help="Part of the flow that this tree carries, where it follows from the mass (left 0.6, right 0.4)",
        unit="1",
        minimum=0.05,
        maximum=1.0,
        source="assumption: right dominance",
    )
    split_exponent: float = declared(
        2.27,
        help="The outlets share the flow by their diameter to this power",
        unit="1",
        minimum=1.0,
        maximum=4.0,
        source=GIESSEN,
    )
    hyperemia_factor: float = declared(
        0.24,
        help="Resistance of the coronary bed in hyperemia (adenosine) by that at rest",
        unit="1",
        minimum=0.1,
        maximum=1.0,
        source="Wilson et al. 1990, Circulation 82:1595, recalled",
    )
    venous_mmhg: float = declared(
        5.0, help="Pressure behind the coronary bed", unit="mmHg", minimum=0.0, maximum=30.0, source="assumption"
    )
    read_behind_mm: float = declared(
        15.0,
        help="How far behind a lesion its index is read",
        unit="mm",
        minimum=0.0,
        maximum=60.0,
        source="recalled: 10 to 20 mm behind the lesion",
    )
    samples: int = declared(
        1024, help="Samples of the band, about; 0 for none", unit="1", minimum=0, maximum=100_000, source="our choice"
    )
    voxel_mm: float = declared(
        0.0, help="Voxel of the scan; 0: that of the case, or 0.4 mm", unit="mm", minimum=0.0, maximum=5.0
    )
    wall_sd_voxels: float = declared(
        0.25,
        help="Spread of the wall's place, in and out: standard deviation, normal; twice it is half a voxel",
        unit="voxel",
        minimum=0.0,
        maximum=2.0,
        source="assumption",
    )
    pressure_sd_mmhg: float = declared(
        8.0,
        help="Spread of the mean aortic pressure: standard deviation, normal; doubled where it was not entered",
        unit="mmHg",
        minimum=0.0,
        maximum=30.0,
        source="assumption",
    )
    flow_sd: float = declared(
        0.2,
        help="Spread of the flow at rest: of its logarithm, normal; doubled where it follows from the size of a vessel",
        unit="1",
        minimum=0.0,
        maximum=0.6,
        source="assumption",
    )
    hyperemia_sd: float = declared(
        0.2,
        help="Spread of what hyperemia does to the resistance: of its logarithm, normal",
        unit="1",
        minimum=0.0,
        maximum=0.6,
        source="assumption",
    )
    viscosity_sd: float = declared(
        0.08,
        help="Spread of the viscosity: standard deviation by mean, normal; doubled where it was not entered",
        unit="1",
        minimum=0.0,
        maximum=0.3,
        source="assumption",
    )
    split_sd: float = declared(
        0.25,
        help="Spread of the exponent of the outlets' split: standard deviation, normal",
        unit="1",
        minimum=0.0,
        maximum=1.0,
        source="assumption: published exponents go from 2 to 3",
    )


def remembered(case: Case) -> Parameters:
    """What a case remembers for the assessment."""
    return build(Parameters, case.parameters.get("assess.coronary", {}))
