"""Plots of the monitor and of the results: nothing lies over the curves, and every curve can be seen."""

from __future__ import annotations

import numpy as np
import pytest
from gui_driver import Driver
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtWidgets import QMenu

from app.desktop.monitor.plots import DecadeAxis, Plot, decade_text
from app.desktop.monitor.run_monitor import RunMonitor
from app.desktop.session.run_curves import RunCurves
from app.desktop.session.run_watch import RunWatch

OUTLETS = ("aortic valve", "brachiocephalic", "left common carotid", "left subclavian", "descending")


def curves_of(imbalance: float, n_beats: int) -> RunCurves:
    """A run of 40 steps a beat with this mass imbalance (a share, not percent), periodic to 2 % and then 0.5 %."""
    curves = RunCurves(period_s=0.8, periodicity_limit=1.0)
    steps = [
        {"type": "step", "time": 0.02 * n, "residual": 1e-7, "cfl": 2.0 if n else 0.0, "mass_imbalance": imbalance}
        for n in range(40 * n_beats)
    ]
    cycles = [{"type": "cycle", "cycle": n, "periodicity_error": 0.02 / 4 ** (n - 1)} for n in range(1, n_beats)]
    curves.feed([*steps, *cycles])
    return curves


def y_range(plot: Plot) -> tuple[float, float]:
    low, high = plot.chart.getPlotItem().viewRange()[1]
    return float(low), float(high)


@pytest.fixture
def watch(drive: Driver) -> RunWatch:
    watch = RunWatch()
    yield watch
    watch.close()


def monitor_of(drive: Driver, watch: RunWatch, curves: RunCurves) -> RunMonitor:
    monitor = RunMonitor()
    drive.show(monitor, 900, 700)
    watch.curves = curves
    monitor.set_watch(watch)
    drive.until(lambda: bool(monitor.balance.curve_names), "all plots are drawn")
    drive.settle(0.05)
    return monitor


@pytest.mark.gui
@pytest.mark.parametrize("width", [300, 700])
def test_title_and_legend_lie_above_the_curves(drive: Driver, width: int) -> None:
    plot = Plot("Flow through the openings", ("Time", "s"), ("Flow", "mL/s"))
    for n, name in enumerate(OUTLETS):
        plot.show_curve(name, np.arange(9.0), np.arange(9.0) * n, "#e69f00")
    drive.show(plot, width, 240)
    above = [plot._title.geometry(), plot._legend.geometry()]
    assert not any(part.intersects(plot.chart.geometry()) for part in above)
    assert not above[0].intersects(above[1])
    assert plot._legend.height() >= plot._legend.heightForWidth(plot._legend.width()), "no name is cut off"
    assert plot.chart.height() > 100
    assert not any(menu.isVisible() for menu in plot.findChildren(QMenu)), "no menu lies over the curves"
    assert all(name.replace(" ", "&nbsp;") in plot._legend.text() for name in OUTLETS)


@pytest.mark.gui
@pytest.mark.parametrize("imbalance", [0.0, 4e-15, 1e-6, 0.5])
def test_the_mass_imbalance_is_seen_however_small_it_is_and_so_is_the_limit(
    drive: Driver, watch: RunWatch, imbalance: float
) -> None:
    balance = monitor_of(drive, watch, curves_of(imbalance, 3)).balance
    low, high = y_range(balance)
    assert low <= np.log10(max(100.0 * imbalance, 1e-14)) <= high or imbalance == 0.0
    assert low <= np.log10(1.0) <= high and low <= np.log10(0.5) <= high and high >= np.log10(2.0)
    assert set(balance.legend_names) == {"mass imbalance", "change from beat to beat", "its limit: 1 %"}
    _, change = balance.curve_data("change from beat to beat")
    assert list(change) == pytest.approx([2.0, 0.5])


@pytest.mark.gui
def test_the_energy_imbalance_of_every_beat_is_seen_with_its_unit(drive: Driver, watch: RunWatch) -> None:
    curves = curves_of(1e-6, 3)
    curves.feed({"type": "cycle", "cycle": n, "energy": {"numerical_share": (-1) ** n * 0.004}} for n in range(2))
    monitor = monitor_of(drive, watch, curves)
    beat_ends, share = monitor.balance.curve_data("energy imbalance of a beat")
    assert list(beat_ends) == pytest.approx([0.8, 1.6]) and list(share) == pytest.approx([0.4, 0.4])
    assert "energy imbalance of a beat" in monitor.figures.text() and "0.4&nbsp;%" in monitor.figures.text()


@pytest.mark.gui
def test_before_the_second_beat_the_limit_is_there_already(drive: Driver, watch: RunWatch) -> None:
    balance = monitor_of(drive, watch, curves_of(1e-5, 1)).balance
    low, high = y_range(balance)
    assert low <= 0.0 <= high and low <= -3.0


@pytest.mark.gui
def test_a_first_step_at_rest_does_not_stretch_the_axis(drive: Driver, watch: RunWatch) -> None:
    low, _ = y_range(monitor_of(drive, watch, curves_of(1e-6, 2)).numerics)
    assert low > -9.0


@pytest.mark.gui
@given(low=st.floats(-18.0, 3.0), span=st.floats(2.0, 20.0), size=st.floats(60.0, 900.0))
def test_a_logarithmic_axis_has_whole_decades_only(application: object, low: float, span: float, size: float) -> None:
    ticks = DecadeAxis("left").logTickValues(low, low + span, size, [])
    values = [value for _, level in ticks for value in level]
    assert 1 <= len(values) <= 8
    assert all(value == round(value) and low <= value <= low + span for value in values)


@pytest.mark.parametrize(("power", "text"), [(-15, "10⁻¹⁵"), (-2, "0.01"), (0, "1"), (2, "100"), (5, "10⁵")])
def test_powers_of_ten_are_written_as_people_write_them(power: int, text: str) -> None:
    assert decade_text(power) == text
