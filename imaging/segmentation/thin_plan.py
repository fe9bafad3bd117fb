"""What a tree of thin arteries is made of, and the settings with which it is looked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from imaging.segmentation.declaration import EnhancedLumenParameters, number


@dataclass(frozen=True)
class ThinTreeParameters(EnhancedLumenParameters):
    """Settings of the method."""

    neck_ratio: float = number(
        0.75,
        "1",
        0.4,
        0.95,
        "Two parts belong together when the neck between them is at least this deep compared with the shallower one.",
        "assumption, tested on phantoms with touching chambers",
    )
    click_mm: float = number(2.0, "mm", 0.0, 10.0, "How far a point may lie outside a thin artery.", "assumption")
    proof_share: float = number(
        0.15,
        "1",
        0.05,
        0.5,
        "A place of the way is lumen only if it is brighter than what lies around it by this share of the contrast.",
        "assumption: a throat of 1.2 voxels in diameter still has twice as much after the blur of a scan",
    )
    stub_share: float = number(
        0.5,
        "1",
        0.0,
        0.9,
        "What is thinner than this share of the vessel that it sits on is cut off: side vessels, sheets of bone.",
        "assumption: an oval lumen twice as long as wide stays whole",
    )
    voxel_mm: float = number(
        0.0,
        "mm",
        0.0,
        2.0,
        "Voxel size at which the work is done; 0: the smallest spacing of the scan.",
        "assumption",
    )


@dataclass(frozen=True)
class Leg:
    """A vessel: the point at which it ends, its name, points on the way to there; a sac is no tube and is not cut."""

    role: str
    name: str
    via: tuple[str, ...] = ()
    is_sac: bool = False


@dataclass(frozen=True)
class TreePlan:
    """What to find: from ``root`` along each leg whose point is set; each leg joins what was found before it.

    Attributes
    ----------
    names
        Label values of all vessels.
    trunk
        Name of the first leg before its first parting; its own name goes on when empty.
    wide_mm
        Radius beyond which more room is no cheaper for a path, so that it takes no detour through a chamber.
    """

    root: str
    legs: tuple[Leg, ...]
    titles: Mapping[str, str]
    names: Mapping[int, str]
    trunk: str = ""
    wide_mm: float = 1.5
