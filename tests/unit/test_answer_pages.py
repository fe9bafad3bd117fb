"""The report's section for an assessment: the record's own numbers, page by page, nothing clipped."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from report_cases import make_case, read_json
from test_report_page import ROUNDING_PT, painted

from app import NOT_FOR_DIAGNOSIS
from app.case.commands import SetPatientValues
from app.case.errors import CaseError
from app.reports.page import MARGIN_PT, PAGE_PT
from app.workflow.assessments.frame import Figure
from app.workflow.assessments.registry import assess
from app.workflow.report import write_answers
from app.workflow.steps import run_step

pdfium = pytest.importorskip("pypdfium2", reason="pypdfium2 reads the PDF back")


def _pages(path: Path) -> list[str]:
    """Words of each page, once it is seen that none leaves the margins."""
    found = []
    for page in pdfium.PdfDocument(path):
        text = page.get_textpage()
        for left, bottom, right, top in (text.get_rect(n) for n in range(text.count_rects())):
            assert left >= MARGIN_PT - ROUNDING_PT and right <= PAGE_PT[0] - MARGIN_PT + ROUNDING_PT
            assert bottom >= MARGIN_PT - ROUNDING_PT and top <= PAGE_PT[1] - MARGIN_PT + ROUNDING_PT
        found.append(" ".join(text.get_text_bounded().replace("\xa0", " ").split()))
    return found


def test_a_section_holds_the_numbers_of_the_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.reports.rendering.run_isolated", painted)
    with make_case(tmp_path / "tree.case") as case:
        with pytest.raises(CaseError, match="no answer to write"):
            write_answers(case.folder, case.case, tmp_path / "none.pdf")
        _, record = assess(case, "coronary", {"samples": 64, "rest_flow_ml_s": 2.0})
        assert record is not None
        stored = json.loads(case.path_of(record.files["json"]).read_text(encoding="utf-8"))
        report = run_step(case, "report")
        assert read_json(case, report)["answers"] == [{**stored, "record": record.id, "stale_inputs": []}]
        write_answers(case.folder, case.case, tmp_path / "alone.pdf", "coronary")
        pages = _pages(tmp_path / "alone.pdf")
        assert _pages(case.path_of(report.files["pdf"]))[1:] == pages
        whole = " ".join(pages)
        assert all(page.count(NOT_FOR_DIAGNOSIS) == 2 for page in pages)
        figures = [Figure(**one) for one in stored["figures"]]
        said = [text for one in figures for text in (one.label, one.value_text, one.band_text, one.definition)]
        said += [stored["headline"], *stored["reasons"], *(one["title"] for one in stored["tables"])]
        said += [word for rule in stored["rules"] for word in (rule["source"], rule["population"], *rule["limits"])]
        said += [f"{one['name']}: {one['value']}" for one in stored["assumptions"]]
        assert [text for text in said if text not in whole] == []
        assert case.case.stale_inputs(report) == ()
        case.do(SetPatientValues({}, {"nitrates": "no"}))
        assert case.case.stale_inputs(report) == ("assessment",)
        write_answers(case.folder, case.case, tmp_path / "stale.pdf")
        assert "Out of date: person changed since" in " ".join(_pages(tmp_path / "stale.pdf"))
