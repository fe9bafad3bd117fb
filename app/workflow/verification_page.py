"""The page of verification results, docs/verification/flow.md: a table of what was compared, misses included."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]

HEADER = """# Results of the flow engine's checks

Written by `angiotwin verify --write`, from the results of one run of the checks or of several. `error` is relative to
the reference, or absolute where the reference is zero, a phase, an order or the middle of an interval (then the gate is
half its width). A miss is printed as **MISS**.
What the gates mean: [the guide to the checks](README.md).
"""


def read_results(paths: Iterable[Path]) -> Rows:
    """Rows of files as ``verify --json`` and ``bench --json`` print them; ValueError says which file holds none."""
    rows: Rows = []
    for path in paths:
        try:
            held = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is no JSON ({error}).") from error
        if not isinstance(held, list) or not all(isinstance(row, dict) and "name" in row for row in held):
            raise ValueError(f"{path} holds no list of rows as --json prints it.")
        rows += held
    return rows


def merged(earlier: Rows, rows: Rows) -> Rows:
    """Both together; of two rows with the same name and quantity the later one counts, at the place of the first."""
    together: dict[tuple[str, str], dict[str, Any]] = {}
    for row in earlier + rows:
        together[row["name"], row.get("quantity", "")] = row
    return list(together.values())


def page(rows: Rows, titles: Mapping[str, str]) -> str:
    """The page in Markdown; ``titles`` says in a few words what each named check is."""
    checks = [row for row in rows if "gate" in row]
    benches = [row for row in rows if "gate" not in row]
    passed = sum(bool(row["passed"]) for row in checks)
    parts = [HEADER, f"**{passed} of {len(checks)} comparisons are inside their gates.**\n"]
    for name in dict.fromkeys(row["name"] for row in checks):
        parts.append(f"## {titles.get(name, name)} (`{name}`)")
        parts.append(
            _table(
                ("quantity", "value", "reference", "unit", "error", "gate", "passed", "source"),
                [
                    (
                        row["quantity"],
                        _number(row["value"]),
                        _number(row["reference"]),
                        row["unit"] or "-",
                        _number(row["error"]),
                        _number(row["gate"]),
                        "yes" if row["passed"] else "**MISS**",
                        row["source"],
                    )
                    for row in checks
                    if row["name"] == name
                ],
            )
        )
    if benches:
        parts.append("## Speed (`angiotwin bench`)")
        words = {True: "yes", False: "**MISS**", None: "-"}
        parts.append(
            _table(
                ("quantity", "value", "unit", "goal", "met", "how"),
                [
                    (
                        row["name"],
                        _number(row.get("value")),
                        row.get("unit") or "-",
                        _number(row.get("goal")),
                        words[row.get("met")],
                        row.get("how") or "-",
                    )
                    for row in benches
                ],
            )
        )
    return "\n".join(parts)


def _table(columns: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return head + "".join(f"| {' | '.join(word.replace('|', chr(92) + '|') for word in line)} |\n" for line in lines)


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
