"""The page of verification results holds every row, misses included, and joins results of several runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.cli import main
from app.workflow.patient_checks import ALL_CHECKS as CHECKS
from app.workflow.verification_page import keep_results, merged, page, read_results
from solvers.verification.registry import Check
from solvers.verification.row import Curve, Progress, Row, inside_row


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


def test_curves_are_kept_drawn_and_linked_but_are_no_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    curve = Curve("cylinder", "2D-2: lift", "time [s]", "lift", (0.0, 1.0), (0.0, 2.0), "a paper", (0.5,), (1.1,))
    kept, out = tmp_path / "kept.json", tmp_path / "flow.md"
    keep_results([_row(5.58), curve.as_dict()], kept)
    assert main(["verify", "--from", str(kept), "--write", str(out), "--json"]) == 0
    assert [row["quantity"] for row in json.loads(capsys.readouterr().out)] == ["drag"]
    assert "![2D-2: lift](pictures/cylinder-2d-2-lift.png)" in out.read_text(encoding="utf-8")
    assert (tmp_path / "pictures" / "cylinder-2d-2-lift.png").read_bytes().startswith(b"\x89PNG")
    assert CHECKS["cylinder"].set_up in out.read_text(encoding="utf-8")


def test_a_check_that_breaks_loses_no_other_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(progress: Progress, long: bool) -> list[Row]:
        raise ZeroDivisionError("no cells")

    monkeypatch.setitem(CHECKS, "poiseuille", Check("poiseuille", "Broken", broken))
    out = tmp_path / "flow.md"
    assert main(["verify", "poiseuille", "indices", "--write", str(out), "--json"]) == 1
    rows = json.loads(capsys.readouterr().out)
    assert [row["passed"] for row in rows if row["name"] == "poiseuille"] == [False]
    assert "no cells" in rows[0]["quantity"]
    assert sum(row["name"] == "indices" for row in rows) == 5
    assert "did not run to its end: ZeroDivisionError: no cells" in out.read_text(encoding="utf-8")
