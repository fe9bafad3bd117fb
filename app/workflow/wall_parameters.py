"""What can be set for the stress in a wall, and how uncertain it is taken to be."""

from __future__ import annotations

from dataclasses import dataclass

from app.workflow.parameters import declared

_ASSUMED = "assumption"
NOT_FOR_DIAGNOSIS = "Research software: not for diagnostic use."
LEAST_PRESSURE_MMHG, MOST_PRESSURE_MMHG = 40.0, 260.0


@dataclass(frozen=True)
class WallParameters:
    """Settings of :func:`app.workflow.wall.assess_wall`."""

    thickness_mm: float = declared(
        1.5,
        help="Thickness of the wall",
        unit="mm",
        minimum=0.3,
        maximum=6.0,
        source="assumption: uniform 1.5 mm as in published studies of abdominal aneurysms (others: 1.9)",
    )
    thrombus_mm: float = declared(
        0.0,
        help="Thickness of thrombus between lumen and wall",
        unit="mm",
        minimum=0.0,
        maximum=40.0,
        source="0: none, or not segmented",
    )
    map: str = declared(
        "",
        help="VTP file with point arrays thickness_mm or thrombus_mm in the model's frame, in place of uniform values",
        file=True,
    )
    pressure_mmhg: float = declared(
        0.0,
        help="Pressure of the blood when the scan was taken; 0 takes the case's systolic pressure",
        unit="mmHg",
        minimum=0.0,
        maximum=MOST_PRESSURE_MMHG,
        source="systolic pressure is usual for wall stress",
    )
    method: str = declared(
        "prestressed",
        help="prestressed: hyperelastic, its unloaded shape found; linear: the statically determinate short cut",
        choices=("prestressed", "linear"),
    )
    edge_mm: float = declared(
        2.0, help="Edge of the triangles on the wall", unit="mm", minimum=0.5, maximum=6.0, source="our choice"
    )
    n_layers: int = declared(
        2, help="Layers of elements in the wall", unit="1", minimum=1, maximum=6, source="our choice"
    )
    sex: str = declared("male", help="Sex, for strength and diameter rule", choices=("male", "female"), source=_ASSUMED)
    family_history: bool = declared(False, help="Whether relatives had an aneurysm, for the strength", source=_ASSUMED)
    normal_diameter_mm: float = declared(
        22.0,
        help="Diameter that the vessel would have without disease, for the strength",
        unit="mm",
        minimum=8.0,
        maximum=45.0,
        source="assumption: infrarenal aorta of an adult",
    )
    samples: int = declared(
        1000, help="Samples of the band; 0 for none", unit="1", minimum=0, maximum=100000, source="our choice"
    )
    thickness_cv: float = declared(
        0.2,
        help="Spread of the thickness: standard deviation by mean, log-normal",
        unit="1",
        minimum=0.0,
        maximum=0.6,
        source=_ASSUMED,
    )
    pressure_sd_mmhg: float = declared(
        10.0,
        help="Spread of the pressure: standard deviation, normal",
        unit="mmHg",
        minimum=0.0,
        maximum=30.0,
        source=_ASSUMED,
    )
    strength_cv: float = declared(
        0.25,
        help="Spread of the strength that the regression leaves: standard deviation by mean, log-normal",
        unit="1",
        minimum=0.0,
        maximum=0.6,
        source=_ASSUMED,
    )
