"""Cases written by older versions, brought up to date one step at a time."""

from __future__ import annotations

from typing import Any

from app.case.errors import CaseError
from app.case.records import SCHEMA_VERSION


def migrate(stored: dict[str, Any]) -> dict[str, Any]:
    """A stored case in the present schema.

    Version 2 added measurements, version 3 landmarks and typed names of vessels, version 4 assessments and what is
    known of the person. A case from a newer program is refused.
    """
    version = int(stored["schema_version"])
    if version > SCHEMA_VERSION:
        raise CaseError(
            "case_too_new",
            f"The case was written by a newer AngioTwin (case format {version}, this program reads up to "
            f"{SCHEMA_VERSION}): update the program.",
        )
    return {**stored, "schema_version": SCHEMA_VERSION}
