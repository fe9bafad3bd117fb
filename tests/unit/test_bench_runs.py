"""Long benches go on where they were stopped, and a crash in one case is a row, not the end."""

import json
import os
from functools import partial

from app.workflow.bench_runs import run_beside
from app.workflow.verification_page import FIGURES, write_figures
from imaging.segmentation.editing.registry import operation_of
from imaging.types import silent


def test_a_crash_a_defect_and_a_refusal_are_results_and_the_others_go_on(tmp_path):
    kept = tmp_path / "figures" / "cases.ndjson"
    works = [
        ("crash", partial(os._exit, 3)),
        ("defect", partial(int, "x")),
        ("refusal", partial(operation_of, "none")),
        ("good", partial(json.loads, '{"failure": "", "n": 1}')),
    ]
    found = run_beside(works, kept, silent)
    assert [result.get("code", "") for result in found] == ["crash", "error", "unknown_operation", ""]
    with kept.open("a") as file:
        file.write('{"name": "torn')
    again = run_beside([(name, partial(int, "not worked out again")) for name, _ in works], kept, silent)
    assert again == found


def test_figures_replace_those_that_stood_in_the_page_and_nothing_else(tmp_path):
    page = tmp_path / "imaging.md"
    page.write_text(f"# Title\nWords.\n\n{FIGURES}\nold\n\n## Words behind\nMore.\n")
    row = {"name": "imaging-real", "value": 3, "unit": "cases", "goal": "= 4", "met": False, "how": "one | two"}
    write_figures(page, [row])
    write_figures(page, [row])
    text = page.read_text()
    assert text.startswith(f"# Title\nWords.\n\n{FIGURES}\n")
    assert text.endswith("\n## Words behind\nMore.\n") and "old" not in text
    assert text.count("| imaging-real | 3 | cases | = 4 | **MISS** | one \\| two |") == 1
