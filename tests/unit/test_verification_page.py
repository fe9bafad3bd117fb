"""The page of verification results holds every row, misses included, and joins results of several runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.workflow.verification_page import merged, page, read_results
from solvers.verification.row import Row, inside_row


def _row(value: float, quantity: str = "drag") -> dict[str, Any]:
    return inside_row("cylinder", quantity, "", value, 5.57, 5.59, "a paper").as_dict()


def test_an_interval_passes_inside_and_misses_outside() -> None:
    assert [_row(value)["passed"] for value in (5.569, 5.571, 5.589, 5.591)] == [False, True, True, False]


def test_a_miss_is_printed_as_a_miss_with_its_figures() -> None:
    text = page([_row(5.58), _row(5.7, "lift")], {"cylinder": "Flow around a cylinder"})
    assert "## Flow around a cylinder (`cylinder`)" in text
    assert "1 of 2 comparisons are inside" in text
    missed = next(line for line in text.splitlines() if line.startswith("| lift"))
    assert "**MISS**" in missed and "5.7" in missed and "a paper" in missed
    assert "MISS" not in next(line for line in text.splitlines() if line.startswith("| drag"))


def test_a_later_result_replaces_an_earlier_one_at_its_place() -> None:
    rows = merged([_row(5.0), Row("tube", "drop", "Pa", 1.0, 1.0, 0.1, "x").as_dict()], [_row(5.58)])
    assert [(row["name"], row["value"]) for row in rows] == [("cylinder", 5.58), ("tube", 1.0)]


def test_results_of_checks_and_benches_are_written_from_their_files(tmp_path: Path) -> None:
    checks, bench, out = tmp_path / "checks.json", tmp_path / "bench.json", tmp_path / "flow.md"
    checks.write_text(json.dumps([_row(5.58), _row(6.0, "lift")]))
    bench.write_text(
        json.dumps([{"name": "step", "value": 9.5, "unit": "1", "goal": ">= 8", "met": True, "how": "a | b"}])
    )
    assert main(["verify", "--from", str(checks), str(bench), "--write", str(out)]) == 1
    text = out.read_text(encoding="utf-8")
    assert "| step | 9.5 | 1 | >= 8 | yes | a \\| b |" in text
    assert text.count("**MISS**") == 2  # the legend names it once


@pytest.mark.parametrize("content", ["{", '{"rows": []}', "[1]"])
def test_a_file_without_results_is_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"results\.json"):
        read_results([path])
