"""Specs of older versions as the present one reads them: one small function for every step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from solvers.contract.decoding import refuse


def _from_1(raw: dict[str, Any]) -> dict[str, Any]:
    """Version 2 added outlet kinds, pressure inlets and measured profiles, which a version-1 run has none of."""
    return {**raw, "pressure_inlets": []}


STEPS: dict[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _from_1}
"""From each old version to the one after it."""


def migrated(raw: dict[str, Any], wanted: int) -> dict[str, Any]:
    """A spec's JSON object as one of version ``wanted``.

    Raises
    ------
    RunError
        ``spec_newer``: of a newer version; ``bad_spec``: of none that is known.
    """
    version = raw.get("schema_version")
    if isinstance(version, int) and version > wanted:
        refuse(
            f"The run's spec.json has schema_version {version}, but this program reads up to {wanted}: it was written "
            "by a newer version of the program; use that one.",
            "spec_newer",
        )
    if isinstance(version, bool) or version not in (*STEPS, wanted):
        refuse(f"The run's spec.json has schema_version {version!r}, which is none; write it again.")
    for step in range(version, wanted):
        raw = {**STEPS[step](raw), "schema_version": step + 1}
    return raw
