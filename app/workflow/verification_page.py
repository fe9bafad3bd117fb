"""The page of verification results, docs/verification/flow.md: tables of what was compared, misses included; curves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

Rows = list[dict[str, Any]]

HEADER = """# Results of the program's checks

Written by `angiotwin verify --write`, from the results of one run of the checks or of several. `error` is relative to
the reference, or absolute where the reference is zero, a phase, an order or the middle of an interval (then the gate is
half its width). A miss is printed as **MISS**.
What the gates mean: [the guide to the checks](README.md).
"""


def read_results(paths: Iterable[Path]) -> Rows:
    """Rows and curves of files of ``verify --keep`` or ``--json`` and ``bench --json``; ValueError names any other."""
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


def keep_results(rows: Rows, path: Path) -> None:
    """Write rows and curves as ``read_results`` reads them, each on a line of its own."""
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n", encoding="utf-8")


def is_curve(row: Mapping[str, Any]) -> bool:
    """Whether a result is a :class:`solvers.verification.row.Curve`, not a compared number."""
    return "computed" in row


def write_page(path: Path, rows: Rows, titles: Mapping[str, str], set_ups: Mapping[str, str]) -> None:
    """Write the page and, in the folder ``pictures`` beside it, a picture of each curve."""
    pictures: dict[tuple[str, str], str] = {}
    for row in filter(is_curve, rows):
        words = "-".join(re.findall(r"[a-z0-9]+", f"{row['name']} {row['quantity']}".lower()))
        target = path.parent / "pictures" / f"{words}.png"
        draw_curve(row, target)
        pictures[row["name"], row["quantity"]] = f"pictures/{target.name}"
    path.write_text(page(rows, titles, set_ups, pictures), encoding="utf-8")


def draw_curve(curve: Mapping[str, Any], path: Path) -> None:
    """A small picture of a computed curve and the points of its reference."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.8, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot(curve["x"], curve["computed"], linewidth=1.2, label="computed")
    if curve["reference_x"]:
        axes.plot(curve["reference_x"], curve["reference"], "o", markersize=4, fillstyle="none", label=curve["source"])
        figure.legend(loc="outside lower center", ncols=2, fontsize=8, frameon=False)
    axes.set_xlabel(curve["x_label"])
    axes.set_ylabel(curve["y_label"])
    axes.set_title(curve["quantity"], fontsize=9)
    axes.grid(linewidth=0.3)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80, metadata={"Software": None})


def page(
    rows: Rows,
    titles: Mapping[str, str],
    set_ups: Mapping[str, str] | None = None,
    pictures: Mapping[tuple[str, str], str] | None = None,
) -> str:
    """The page in Markdown.

    Parameters
    ----------
    titles, set_ups
        For the name of a check: what it is in a few words, and what it solves in a sentence.
    pictures
        For name and quantity of a curve: the address of its picture.
    """
    checks = [row for row in rows if "gate" in row]
    benches = [row for row in rows if "gate" not in row and not is_curve(row)]
    passed = sum(bool(row["passed"]) for row in checks)
    parts = [HEADER, f"**{passed} of {len(checks)} comparisons are inside their gates.**\n"]
    for name in dict.fromkeys(row["name"] for row in checks):
        parts.append(f"## {titles.get(name, name)} (`{name}`)")
        if set_ups and set_ups.get(name):
            parts.append(f"{set_ups[name]}\n")
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
        shown = [(what, address) for (of, what), address in (pictures or {}).items() if of == name]
        if shown:
            parts.append("".join(f"![{what}]({address})\n" for what, address in shown))
    if benches:
        parts.append("## Speed (`angiotwin bench`)")
        parts.append(_bench_table(benches))
    return "\n".join(parts)


FIGURES = "## Figures of `angiotwin bench`"
"""Heading of the section that :func:`write_figures` replaces in a page that is written by hand otherwise."""


def write_figures(path: Path, rows: Rows) -> None:
    """Put the rows of benches into a page, in the place of those that stand there; the rest of the page stays."""
    from datetime import UTC, datetime

    before, _, old = (path.read_text(encoding="utf-8") if path.exists() else "").partition(f"{FIGURES}\n")
    after = re.search(r"^#{1,2} ", old, re.MULTILINE)
    words = f"Written by `angiotwin bench --write` on {datetime.now(UTC):%Y-%m-%d}; a miss is printed as **MISS**.\n\n"
    section = f"{FIGURES}\n{words}{_bench_table(rows)}"
    before = f"{before.rstrip()}\n\n" if before else ""
    path.write_text(f"{before}{section}\n{old[after.start() :] if after else ''}".rstrip() + "\n", encoding="utf-8")


def _bench_table(rows: Rows) -> str:
    words = {True: "yes", False: "**MISS**", None: "-"}
    return _table(
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
            for row in rows
        ],
    )


def _table(columns: tuple[str, ...], lines: Iterable[tuple[str, ...]]) -> str:
    head = f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}\n"
    return head + "".join(f"| {' | '.join(word.replace('|', chr(92) + '|') for word in line)} |\n" for line in lines)


def _number(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
