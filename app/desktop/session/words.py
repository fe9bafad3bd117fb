"""How a run stands, and how long something takes, in words."""

from __future__ import annotations

from app.desktop.session.run_curves import RunCurves
from app.desktop.session.run_watch import RunWatch

STATUS_WORDS = {
    None: "No run yet",
    "created": "Prepared, not started",
    "queued": "Waiting in the queue",
    "running": "Running",
    "finished": "Finished",
    "failed": "Failed",
    "cancelled": "Cancelled",
    "killed": "Ended from outside",
}


def progress_sentence(watch: RunWatch) -> str:
    """How the run stands, in a few words."""
    curves = watch.curves
    turn = "filling" if curves.is_steady else "heart beat"
    words = [STATUS_WORDS.get(watch.status, str(watch.status))]
    if watch.status == "running":
        words += [curves.stage] if curves.stage else []
        if curves.time_s:
            words.append(f"{turn} {curves.cycle + 1}")
            words.append(f"{100 * curves.fraction:.0f} %")
        if curves.eta_s is not None:
            words.append(f"about {seconds_text(float(curves.eta_s))} left")
    elif curves.wall_s is not None and watch.status == "finished":
        words.append(f"{curves.cycle + 1} {turn}s in {seconds_text(float(curves.wall_s))}")
    elif curves.wall_s is not None:
        words.append(f"in {turn} {curves.cycle + 1}, after {seconds_text(float(curves.wall_s))}")
    if curves.periodicity:
        words.append(f"change from {curves.turn} to {curves.turn} {curves.periodicity[-1][1]:.2g} %")
    return "  ·  ".join(words)


def figures_of(curves: RunCurves) -> list[tuple[str, str]]:
    """What a run says of itself now: name and value of each figure, those that are not known yet left out."""
    figures = [("time in the run", f"{curves.time_s[-1]:.3f} s")] if curves.time_s else []
    for name, values, form in (
        ("CFL number", curves.cfl, "{:.2g}"),
        ("iterations", curves.iterations, "{:.0f}"),
        ("residual", curves.residual, "{:.1e}"),
        ("mass imbalance", curves.mass_imbalance, "{:.1g} %"),
    ):
        if values and values[-1] == values[-1]:
            figures.append((name, form.format(abs(values[-1]))))
    if curves.energy_imbalance:
        figures.append((f"energy imbalance of a {curves.turn}", f"{abs(curves.energy_imbalance[-1][1]):.2g} %"))
    if curves.periodicity:
        limit = f" (limit {curves.periodicity_limit:g} %)" if curves.periodicity_limit is not None else ""
        figures.append((f"change from {curves.turn} to {curves.turn}", f"{curves.periodicity[-1][1]:.2g} %{limit}"))
    return figures


def seconds_text(seconds: float) -> str:
    """A duration for people."""
    if seconds < 90.0:
        return f"{seconds:.0f} s"
    if seconds < 5400.0:
        return f"{seconds / 60.0:.0f} min"
    return f"{seconds / 3600.0:.1f} h"


def unit_text(unit: str) -> str:
    """A unit for people: a plain number has none, powers are raised."""
    return "" if unit == "1" else unit.replace("m2", "m²").replace("m3", "m³")


def with_unit(name: str, unit: str) -> str:
    """A quantity with its unit in brackets."""
    return f"{name} [{unit_text(unit)}]" if unit_text(unit) else name
