"""The landmarks that can be placed: where each is set, and in which part of the body."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class LandmarkKind:
    """A landmark: stable id, title, the group it is listed in, and a hint where to click."""

    id: str
    title: str
    group: str
    hint: str


_HINGE = "Lowest point of the leaflet's attachment, where the cusp ends toward the ventricle."
_SINUS = "Deepest point of the sinus' wall."
_OSTIUM = "Middle of the vessel's opening in the aorta's wall."

HINGES = ("hinge_right", "hinge_left", "hinge_noncoronary")
"""The three points that span the plane of the annulus."""

LANDMARKS: dict[str, LandmarkKind] = {
    kind.id: kind
    for kind in (
        LandmarkKind("hinge_right", "Hinge of the right cusp", "Aortic valve", _HINGE),
        LandmarkKind("hinge_left", "Hinge of the left cusp", "Aortic valve", _HINGE),
        LandmarkKind("hinge_noncoronary", "Hinge of the non-coronary cusp", "Aortic valve", _HINGE),
        LandmarkKind("sinus_right", "Right sinus", "Aortic root", _SINUS),
        LandmarkKind("sinus_left", "Left sinus", "Aortic root", _SINUS),
        LandmarkKind("sinus_noncoronary", "Non-coronary sinus", "Aortic root", _SINUS),
        LandmarkKind(
            "sinotubular_junction",
            "Sinotubular junction",
            "Aortic root",
            "Middle of the lumen where the sinuses end and the tube of the aorta begins.",
        ),
        LandmarkKind(
            "ascending_level",
            "Level of the ascending aorta",
            "Aortic root",
            "Middle of the lumen at the level of the right pulmonary artery.",
        ),
        LandmarkKind(
            "right_coronary_ostium", "Right coronary ostium", "Aortic root", "Lower edge of the artery's opening."
        ),
        LandmarkKind(
            "left_coronary_ostium", "Left coronary ostium", "Aortic root", "Lower edge of the artery's opening."
        ),
        LandmarkKind("left_main_bifurcation", "Left main bifurcation", "Heart", "Where the left main artery divides."),
        LandmarkKind("brachiocephalic_ostium", "Brachiocephalic ostium", "Arch", _OSTIUM),
        LandmarkKind("left_common_carotid_ostium", "Left common carotid ostium", "Arch", _OSTIUM),
        LandmarkKind("left_subclavian_ostium", "Left subclavian ostium", "Arch", _OSTIUM),
        LandmarkKind(
            "false_lumen",
            "False lumen",
            "Dissection",
            "In the false lumen where contrast medium fills it, in the middle of a wide part.",
        ),
        LandmarkKind("right_carotid_bifurcation", "Right carotid bifurcation", "Neck", "Where the carotid divides."),
        LandmarkKind("left_carotid_bifurcation", "Left carotid bifurcation", "Neck", "Where the carotid divides."),
        LandmarkKind("celiac_ostium", "Celiac ostium", "Abdomen", _OSTIUM),
        LandmarkKind("superior_mesenteric_ostium", "Superior mesenteric ostium", "Abdomen", _OSTIUM),
        LandmarkKind("right_renal_ostium", "Right renal ostium", "Abdomen", _OSTIUM),
        LandmarkKind("left_renal_ostium", "Left renal ostium", "Abdomen", _OSTIUM),
        LandmarkKind("aortic_bifurcation", "Aortic bifurcation", "Abdomen", "Where the aorta divides."),
        LandmarkKind("right_iliac_bifurcation", "Right iliac bifurcation", "Abdomen", "Where the artery divides."),
        LandmarkKind("left_iliac_bifurcation", "Left iliac bifurcation", "Abdomen", "Where the artery divides."),
    )
}

_OF_A_VESSEL = re.compile(r"[a-z0-9_]{1,40}_(ostium|bifurcation)")


def kind_of(landmark_id: str) -> LandmarkKind | None:
    """What a landmark is, or None; of a vessel not in the list: ``<vessel>_ostium`` or ``<vessel>_bifurcation``."""
    if landmark_id in LANDMARKS:
        return LANDMARKS[landmark_id]
    if not _OF_A_VESSEL.fullmatch(landmark_id):
        return None
    hint = _OSTIUM if landmark_id.endswith("_ostium") else "Where the vessel divides."
    return LandmarkKind(landmark_id, landmark_id.replace("_", " ").capitalize(), "Other vessels", hint)


def landmark_groups(further: Mapping[str, str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Groups in order with (id, title) of their landmarks, and of further ones that are not in the list."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for kind in LANDMARKS.values():
        groups.setdefault(kind.group, []).append((kind.id, kind.title))
    for landmark_id, title in further.items():
        if landmark_id not in LANDMARKS:
            groups.setdefault("Other vessels", []).append((landmark_id, title))
    return list(groups.items())
