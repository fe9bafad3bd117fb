"""Controls of a result: which quantity, which instant of the heart beat; flow and pressure curves beside it."""

from __future__ import annotations

from functools import partial
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from app.desktop import theme
from app.desktop.panels.step_panel import StepPanel, section
from app.desktop.session.words import with_unit
from app.workflow.result_files import ResultData

_SLOW_MOTION = 2.5
_FASTEST_MS = 60
_PLOT_HEIGHT = 236


class ResultsPanel(StepPanel):
    """``look_changed`` carries keyword arguments of `ResultLayer.show`."""

    look_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        self.result: ResultData | None = None
        self._plots: list[QWidget] = []
        self._cursor: Any = None
        super().__init__("results", parent)

    def add_sections(self) -> None:
        self._timer = QTimer(self)
        self._timer.timeout.connect(lambda: self.step_frame(1))
        self._controls = QWidget()
        box = QVBoxLayout(self._controls)
        box.setContentsMargins(0, 0, 0, 0)
        box.addWidget(section("Shown on the wall"))
        self.quantity = QComboBox()
        self.quantity.setAccessibleName("Quantity on the wall")
        self.quantity.currentIndexChanged.connect(self._choose_quantity)
        self.definition = QLabel()
        self.definition.setObjectName("muted")
        self.definition.setWordWrap(True)
        self.streamlines = QCheckBox("Streamlines by speed")
        self.streamlines.toggled.connect(lambda checked: self.look_changed.emit({"streamlines": checked}))
        box.addWidget(self.quantity)
        box.addWidget(self.definition)
        box.addWidget(self.streamlines)
        self._beat = QWidget()
        beat = QVBoxLayout(self._beat)
        beat.setContentsMargins(0, 0, 0, 0)
        beat.addWidget(section("Instant of the heart beat"))
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setAccessibleName("Instant of the heart beat")
        self.slider.valueChanged.connect(self._choose_frame)
        self.play_button = QPushButton("Play")
        self.play_button.setCheckable(True)
        self.play_button.setToolTip("Play the heart beat in a loop, in slow motion (Space)")
        self.play_button.toggled.connect(self._play)
        self.instant = QLabel()
        row = QHBoxLayout()
        row.addWidget(self.play_button)
        row.addWidget(self.slider, 1)
        beat.addLayout(row)
        beat.addWidget(self.instant)
        box.addWidget(self._beat)
        self._curves = QVBoxLayout()
        box.addLayout(self._curves)
        self.body.addWidget(self._controls)
        self._controls.hide()

    def set_result(self, result: ResultData | None) -> None:
        """The result to control, or none."""
        self.result = result
        self.play_button.setChecked(False)
        self._controls.setVisible(result is not None)
        self._beat.setVisible(result is not None and not result.is_steady)
        if result is None:
            return
        self.quantity.blockSignals(True)
        self.quantity.clear()
        for field_id, field in result.wall_fields.items():
            self.quantity.addItem(with_unit(field.quantity.label, field.quantity.unit), field_id)
        self.quantity.blockSignals(False)
        self.slider.setRange(0, max(0, len(result.times_s) - 1))
        self.streamlines.setEnabled(len(result.streamlines.frame) > 0)
        self._remove_plots()
        QTimer.singleShot(0, self, partial(self._draw_flow, result))
        self._choose_quantity()
        self._choose_frame(self.slider.value())

    def step_frame(self, by: int) -> None:
        """Go to another instant; the beat repeats."""
        if self.result is not None:
            self.slider.setValue((self.slider.value() + by) % len(self.result.times_s))

    def set_time(self, time_s: float) -> None:
        """Go to the instant nearest to a time of the beat."""
        if self.result is not None:
            times = self.result.times_s
            self.slider.setValue(min(range(len(times)), key=lambda n: abs(times[n] - time_s)))

    def stop(self) -> None:
        """Stop playing."""
        self.play_button.setChecked(False)

    def _play(self, is_playing: bool) -> None:
        self.play_button.setText("Pause" if is_playing else "Play")
        if is_playing and self.result is not None:
            real_ms = 1000.0 * self.result.period_s / max(1, len(self.result.times_s))
            self._timer.start(max(_FASTEST_MS, round(_SLOW_MOTION * real_ms)))
        else:
            self._timer.stop()

    def _choose_quantity(self, *_: object) -> None:
        if self.result is None or self.quantity.currentData() is None:
            return
        field_id = self.quantity.currentData()
        quantity = self.result.wall_fields[field_id].quantity
        is_mean = not (self.result.is_steady or self.result.wall_fields[field_id].is_temporal)
        over = " One value for the whole beat." if is_mean else ""
        definition = quantity.definition.rstrip(".")
        self.definition.setText(f"{definition[:1].upper()}{definition[1:]}.{over}")
        self.look_changed.emit({"field_id": field_id})

    def _choose_frame(self, frame: int) -> None:
        if self.result is None or not self.result.times_s:
            return
        time_s, period = self.result.times_s[frame], self.result.period_s
        self.instant.setText(f"{time_s:.3f} s of {period:.3f} s ({100 * time_s / period:.0f} % of the beat)")
        if self._cursor is not None:
            self._cursor.setValue(time_s)
        self.look_changed.emit({"frame": frame})

    def _remove_plots(self) -> None:
        for plot in self._plots:
            self._curves.removeWidget(plot)
            plot.deleteLater()
        self._plots, self._cursor = [], None

    def _add(self, plot: QWidget) -> None:
        plot.setFixedHeight(_PLOT_HEIGHT)
        self._plots.append(plot)
        self._curves.addWidget(plot)

    def _draw_flow(self, result: ResultData) -> None:
        """The first plot; the second one comes in a turn of its own, so that the window answers in between."""
        import pyqtgraph

        from app.desktop.monitor.plots import Plot

        if result is not self.result or self._plots:
            return
        flow = Plot("Flow through the openings", ("Time", "s"), ("Flow", "mL/s"))
        for n, wave in enumerate(sorted(result.waveforms, key=lambda wave: wave.kind != "inlet")):
            color = theme.CATEGORIES[n % len(theme.CATEGORIES)]
            flow.show_curve(wave.name.replace("_", " "), result.waveform_times_s, wave.flow_ml_s, color)
        now_s = result.times_s[self.slider.value()] if result.times_s else 0.0
        self._cursor = pyqtgraph.InfiniteLine(pos=now_s, movable=True, pen=pyqtgraph.mkPen("#ffffff", width=2))
        self._cursor.sigDragged.connect(lambda line: self.set_time(float(line.value())))
        if not result.is_steady:
            flow.add_line(self._cursor)
        self._add(flow)
        QTimer.singleShot(0, self, partial(self._draw_pressure, result))

    def _draw_pressure(self, result: ResultData) -> None:
        from app.desktop.monitor.plots import Plot

        if result is not self.result or len(self._plots) != 1:
            return
        title = "Pressure along vessels" + ("" if result.is_steady else " (dashed: peak flow)")
        along = Plot(title, ("Distance from the start", "mm"), ("Pressure", "mmHg"))
        for n, profile in enumerate(result.profiles):
            color, name = theme.CATEGORIES[n % len(theme.CATEGORIES)], profile.name.replace("_", " ")
            along.show_curve(name, profile.abscissa_mm, profile.pressure_mean_mmhg, color)
            if result.is_steady:
                continue
            peak = profile.pressure_peak_flow_mmhg
            along.show_curve(f"{name}, peak flow", profile.abscissa_mm, peak, color, dashed=True, in_legend=False)
        self._add(along)
