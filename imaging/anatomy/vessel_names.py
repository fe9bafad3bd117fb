"""Names of vessels by region, from which names are suggested, and a model with other names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import SequenceMatcher

from imaging.errors import ImagingError
from imaging.types import Patch, VesselModel

_SIDED_NECK = ("subclavian", "vertebral", "common_carotid", "internal_carotid", "external_carotid")
_SIDED_HEAD = (
    *("internal_carotid", "middle_cerebral", "anterior_cerebral", "posterior_cerebral", "posterior_communicating"),
    *("vertebral", "superior_cerebellar", "posterior_inferior_cerebellar", "ophthalmic"),
)
_SIDED_PELVIS = ("renal", "common_iliac", "external_iliac", "internal_iliac", "common_femoral")


def _both(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{side}_{name}" for name in names for side in ("right", "left"))


REGIONS: dict[str, tuple[str, ...]] = {
    "heart": (
        *("ascending_aorta", "left_main", "left_anterior_descending", "left_circumflex", "ramus_intermedius"),
        *("first_diagonal", "second_diagonal", "third_diagonal", "first_septal"),
        *("first_obtuse_marginal", "second_obtuse_marginal", "third_obtuse_marginal"),
        *("right_coronary", "acute_marginal", "conus_branch", "posterior_descending", "posterolateral"),
    ),
    "chest": (
        *("aortic_valve", "aorta", "ascending_aorta", "aortic_arch", "descending_aorta", "brachiocephalic_trunk"),
        *_both(("subclavian", "common_carotid", "vertebral")),
        *("true_lumen", "false_lumen", "pulmonary_trunk", "right_pulmonary", "left_pulmonary"),
    ),
    "neck": ("brachiocephalic_trunk", *_both(_SIDED_NECK)),
    "head": ("basilar", "anterior_communicating", *_both(_SIDED_HEAD)),
    "abdomen": (
        *("aorta", "abdominal_aorta", "descending_aorta", "celiac_trunk", "hepatic", "splenic"),
        *("superior_mesenteric", "inferior_mesenteric", *_both(_SIDED_PELVIS)),
    ),
}
"""Standard names (Terminologia Anatomica in English, without "artery"; coronary branches as in the SCCT's segments)."""

_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,39}")
_RESERVED = ("wall",)


def plain_name(typed: str) -> str:
    """A typed name as files and outlets carry it: small letters and underscores.

    Raises
    ------
    ImagingError
        ``bad_name``.
    """
    name = re.sub(r"[\s\-]+", "_", typed.strip().lower())
    if not _PLAIN.fullmatch(name) or name in _RESERVED:
        raise ImagingError(
            "bad_name",
            f"{typed!r} cannot be the name of a vessel: begin with a letter, use letters, digits and blanks, at most "
            "40, and not 'wall'.",
        )
    return name


def suggested_names(used: Sequence[str], asked: str) -> tuple[str, ...]:
    """Names for a vessel, likeliest first: of the region whose names fit those in use best, then of the others.

    Parameters
    ----------
    used
        Names that the model has; none of them is suggested.
    asked
        The name that is to be replaced; names like it come first within a region.
    """
    fits = {region: sum(name in names for name in used) for region, names in REGIONS.items()}
    order = sorted(REGIONS, key=lambda region: -fits[region])
    found: dict[str, None] = {}
    for region in order:
        alike = sorted(REGIONS[region], key=lambda name: -round(SequenceMatcher(None, asked, name).ratio(), 2))
        found |= dict.fromkeys(name for name in alike if name not in used)
    return tuple(found)


def names_in(model: VesselModel) -> dict[str, tuple[str, ...]]:
    """Every name that a model has, and what it names: ``vessel``, ``inlet``, ``outlet``."""
    found: dict[str, tuple[str, ...]] = {branch.name: ("vessel",) for branch in model.centerlines.branches}
    for patch in model.patches:
        if patch.kind != "wall":
            found[patch.name] = (*found.get(patch.name, ()), patch.kind)
    return found


def renamed_model(model: VesselModel, names: Mapping[str, str]) -> VesselModel:
    """The model with other names of vessels and openings; a name stands for the vessel and its opening alike.

    Raises
    ------
    ImagingError
        ``name_taken`` when two vessels, or two openings, would have the same name.
    """
    branches = tuple(
        dataclasses.replace(
            branch,
            name=names.get(branch.name, branch.name),
            parent=None if branch.parent is None else names.get(branch.parent, branch.parent),
        )
        for branch in model.centerlines.branches
    )
    patches = renamed_patches(model.patches, names)
    for kind, found in (("vessels", branches), ("openings", patches)):
        called = [one.name for one in found]
        twice = sorted({name for name in called if called.count(name) > 1})
        if twice:
            raise ImagingError("name_taken", f"Two {kind} would be called {twice[0]}: choose another name.")
    return dataclasses.replace(
        model, patches=patches, centerlines=dataclasses.replace(model.centerlines, branches=branches)
    )


def renamed_patches(patches: Sequence[Patch], names: Mapping[str, str]) -> tuple[Patch, ...]:
    """Patches with other names; the wall keeps its own."""
    return tuple(
        patch if patch.kind == "wall" else dataclasses.replace(patch, name=names.get(patch.name, patch.name))
        for patch in patches
    )


def spelled(name: str) -> str:
    """A vessel's name for people: ``aorta.2`` is the second part of the aorta."""
    branch, _, part = name.partition(".")
    return branch.replace("_", " ") + (f", part {part}" if part else "")
