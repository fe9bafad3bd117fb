"""The words of the page, as markup that ReportLab's paragraphs understand."""

from __future__ import annotations

from xml.sax.saxutils import escape

from app.reports import style
from app.reports.content import Check, Content, Opening, Target

HASH_DIGITS = 12
_STATES = {
    "met": ("✓", style.MET),
    "missed": ("✗ MISSED", style.MISSED),
    "finding": ("! Finding:", style.FINDING),
    "noted": ("·", style.MUTED),
}
_MAIN_FILE = {
    "image": "volume",
    "surface": "surface",
    "segmentation": "labels",
    "model": "surface",
    "mesh": "volume",
    "run": "spec",
    "result": "arrays",
}


def subtitle(content: Content) -> str:
    """What the report is of, in one line."""
    when = content.made_utc.replace("T", " ")[:16]
    driven = f"heart rate {content.heart_rate_bpm:.0f} /min" if content.heart_rate_bpm is not None else "steady flow"
    return escape(
        f"Case {content.case_id}  ·  report of {when} UTC  ·  AngioTwin {content.version}  ·  {content.scan}  ·  "
        f"{driven}"
    )


def verdict(content: Content) -> tuple[bool, str]:
    """Whether all checks are met, and the sentence that says so or names those that are not."""
    held = [check for check in content.checks if check.state in ("met", "missed")]
    if not content.missed:
        return True, f"<b>✓ All {len(held)} checks of the computation are met.</b>"
    names = "; ".join(f"{check.name}: {check.found}{_limit(check)}" for check in content.missed)
    changed = " ".join(content.out_of_date)
    return False, (
        f"<b>✗ {len(content.missed)} of {len(held)} checks of the computation are missed, so do not rely on the "
        "numbers:</b> "
        f"{escape(names)}. {escape(changed)}"
    )


def tiles(content: Content) -> tuple[tuple[str, str, str, tuple[str, str]], ...]:
    """The numbers to see first: (name, value, unit, two lines that go with it)."""
    main, narrowest, stress = content.main_outlet, content.narrowest, content.tawss_pa
    return (
        (
            "Pressure drop" if content.is_steady else "Mean pressure drop",
            _signed(main.mean_drop_mmhg),
            "mmHg",
            (
                f"to {main.name}",
                "in steady flow" if content.is_steady else f"at peak inflow {_signed(main.peak_flow_drop_mmhg)}",
            ),
        ),
        (
            "Share of the flow",
            f"{100.0 * (main.share or 0.0):.1f}",
            "%",
            (f"to {main.name}", f"{main.mean_flow_ml_s:.1f} of {content.inlet.mean_flow_ml_s:.1f} mL/s"),
        ),
        (
            "Wall shear stress",
            f"{stress['p50']:.2f}",
            "Pa",
            (
                "median;" if content.is_steady else "TAWSS, median;",
                f"mean {stress['mean']:.2f}, p99 {stress['p99']:.2f}",
            ),
        ),
        *_oscillation(content),
        ("Lumen volume", f"{content.lumen_volume_ml:.1f}", "mL", ("without the", "flow extensions")),
        (
            "Narrowest place",
            f"{narrowest.radius_mm:.1f}",
            "mm radius",
            (words_of(narrowest.vessel), f"{narrowest.at_mm:.0f} mm from the inlet"),
        ),
    )


def _oscillation(content: Content) -> tuple[tuple[str, str, str, tuple[str, str]], ...]:
    if content.osi_max is None or content.osi_p99 is None:
        return ()
    beside = ("largest; 0.5 at most", f"p99 {content.osi_p99:.2f}")
    return (("Oscillatory shear index", f"{content.osi_max:.2f}", "", beside),)


def words_of(name: str) -> str:
    """An identifier as people write it."""
    return name.replace("_", " ")


TABLE_HEAD = (
    "Opening",
    "radius\nmm",
    "narrowest\nmm (at)",
    "mean\nflow mL/s",
    "share\n% (asked)",
    "peak\nflow mL/s",
    "systolic\nmmHg",
    "diastolic\nmmHg",
    "mean\nmmHg",
    "mean drop\nmmHg",
    "drop at peak\nflow mmHg",
)


def table_row(opening: Opening, target: Target | None) -> tuple[str, ...]:
    """An opening's numbers as text; pressures with their difference to the target where it shall hold."""
    narrowest = opening.narrowest
    is_outlet = opening.kind == "outlet"
    asked = f" ({100.0 * opening.asked_share:.1f})" if opening.asked_share is not None else ""
    is_site = target is not None and target.site == opening.name
    held = (target.systolic_mmhg, target.diastolic_mmhg) if target is not None and is_site else (None, None)
    return (
        opening.name + ("" if is_outlet else " (inlet)"),
        f"{opening.radius_mm:.1f}",
        f"{narrowest.radius_mm:.1f} (at {narrowest.at_mm:.0f} mm)" if narrowest else "–",
        f"{opening.mean_flow_ml_s:.2f}",
        f"{100.0 * opening.share:.1f}{asked}" if opening.share is not None and is_outlet else "100",
        _signed(opening.peak_flow_ml_s),
        _against(opening.systolic_mmhg, held[0]),
        _against(opening.diastolic_mmhg, held[1]),
        f"{opening.mean_mmhg:.0f}",
        _signed(opening.mean_drop_mmhg),
        _signed(opening.peak_flow_drop_mmhg),
    )


def table_note(content: Content, n_left_out: int = 0) -> str:
    """What the table's columns mean, and how many openings are left to ``report.json``."""
    said = "Pressures are means over the opening where its flow extension ends; drops are from the inlet."
    if content.target is not None:
        target = content.target
        said += (
            f" Outlets tuned to {target.systolic_mmhg:.0f}/{target.diastolic_mmhg:.0f} mmHg at {target.site}; "
            "in brackets the difference, and the wished shares."
        )
    if n_left_out:
        said = f"… and {n_left_out} more openings in report.json. {said}"
    return escape(said)


def sections(content: Content, n_notes: int | None = None) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Headings and paragraphs for the columns at the foot of the page.

    Parameters
    ----------
    n_notes
        How many notes are written out; the others are counted and left to ``report.json``.
    """
    notes = content.notes[:n_notes]
    left_out = len(content.notes) - len(notes)
    more = (f"… and {left_out} more in report.json.",) if left_out else ()
    made = [
        ("Checks", tuple(_check(check) for check in content.checks)),
        ("Assumed, not measured in this patient", _assumptions(content)),
        ("Notes", tuple(escape(note) for note in (*notes, *more))),
        ("What the numbers cannot say", tuple(escape(text) for text in content.limits)),
        ("Definitions", tuple(f"<b>{escape(name)}</b>: {escape(meaning)}." for name, meaning in content.definitions)),
        ("To compute it again", _sources(content)),
    ]
    return tuple((heading, paragraphs) for heading, paragraphs in made if paragraphs)


def _check(check: Check) -> str:
    state, color = _STATES[check.state]
    found = f"<b>{escape(check.found)}</b>" if check.state == "missed" else escape(check.found)
    said = found if check.state == "finding" else f"{escape(check.name)}: {found}{escape(_limit(check))}"
    return f'<font color="{color}"><b>{state}</b></font> {said}'


def _limit(check: Check) -> str:
    return f" (limit {check.limit})" if check.limit not in ("", "yes", "finished") else ""


def _assumptions(content: Content) -> tuple[str, ...]:
    by_source: dict[str, list[str]] = {}
    for name, value, source in content.assumptions:
        by_source.setdefault(source, []).append(f"{escape(name)} <b>{escape(value)}</b>")
    said = [f"{'; '.join(values)} <i>[{escape(source)}]</i>" for source, values in by_source.items()]
    if content.entered:
        known = "; ".join(f"{escape(name)} <b>{escape(value)}</b>" for name, value in content.entered)
        said.append(f"Entered for this patient: {known}")
    return tuple(said)


def _sources(content: Content) -> tuple[str, ...]:
    records = "; ".join(
        f"{source.id} {source.sha256.get('imported_file', source.sha256[_main_file(source.id)])[:HASH_DIGITS]}"
        for source in content.sources
    )
    software = ", ".join(f"{name} {version}" for name, version in content.software.items())
    return (
        f"Records with the first {HASH_DIGITS} digits of the SHA-256 of their main file: {escape(records)}.",
        f"Software: {escape(software)}. All parameters and full hashes: report.json.",
    )


def _main_file(record_id: str) -> str:
    return _MAIN_FILE[record_id.split("-")[0]]


def _signed(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}".replace("-", "−")


def _against(value: float | None, target: float | None) -> str:
    if value is None:
        return "–"
    if target is None:
        return f"{value:.0f}"
    difference = f"{value - target:+.0f}".replace("-", "−")
    return f"{value:.0f} ({'±0' if difference in ('+0', '−0') else difference})"
