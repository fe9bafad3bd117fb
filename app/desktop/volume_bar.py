"""The controls of the volume rendering: preset, cut plane, crop box."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from app.desktop.scene.volume_layer import PRESETS, VolumeLook, stride_of
from imaging.frames import orientation_letters
from imaging.types import Volume

_CUTS = {"Not cut": "", "Axial plane": "axial", "Sagittal plane": "sagittal", "Coronal plane": "coronal"}
_STEPS = 200


class VolumeBar(QWidget):
    """``look_changed`` carries a `VolumeLook`."""

    look_changed = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("panel")
        self.preset = QComboBox()
        self.preset.addItem("Off", "")
        for name, (title, _) in PRESETS.items():
            self.preset.addItem(title, name)
        self.preset.setAccessibleName("Preset of the volume rendering")
        self.cut = QComboBox()
        for title, cut in _CUTS.items():
            self.cut.addItem(title, cut)
        self.cut.setAccessibleName("Cut plane through the crosshair")
        self.cut.setToolTip("Cuts the rendering open in a plane of the slices, through the crosshair")
        self.flip = QCheckBox("Other side")
        self.reset = QPushButton("Whole scan")
        self.reset.clicked.connect(self._reset)
        self._told = QLabel()
        self._told.setObjectName("muted")
        row = QHBoxLayout()
        for text, widget in (("Rendering", self.preset), ("Cut", self.cut)):
            row.addWidget(QLabel(text))
            row.addWidget(widget)
        row.addWidget(self.flip)
        row.addWidget(self.reset)
        row.addWidget(self._told)
        row.addStretch(1)
        self.sliders: list[QSlider] = []
        self._ends: list[QLabel] = []
        grid = QGridLayout()
        for axis in range(3):
            for side in range(2):
                slider = QSlider(Qt.Orientation.Horizontal)
                slider.setRange(0, _STEPS)
                slider.setValue(side * _STEPS)
                slider.valueChanged.connect(lambda value: self._tell())
                end = QLabel()
                end.setFixedWidth(90)
                self.sliders.append(slider)
                self._ends.append(end)
                grid.addWidget(end, side, 2 * axis)
                grid.addWidget(slider, side, 2 * axis + 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 4, 8, 6)
        layout.addLayout(row)
        layout.addLayout(grid)
        for box in (self.preset, self.cut):
            box.currentIndexChanged.connect(lambda n: self._tell())
        self.flip.toggled.connect(lambda on: self._tell())
        self._volume: Volume | None = None

    def set_volume(self, volume: Volume | None) -> None:
        """Name the sides of the crop box by the patient's; another scan begins with nothing drawn."""
        if volume is self._volume:
            return
        self._volume = volume
        self.preset.setCurrentIndex(0)
        self._reset()
        self._told.setText("")
        if volume is None:
            return
        columns = volume.grid.index_to_lps_matrix.T
        for axis in range(3):
            for side, sign in enumerate((-1.0, 1.0)):
                letters = orientation_letters(sign * columns[axis])
                self._ends[2 * axis + side].setText(f"Crop from {letters}")
                self.sliders[2 * axis + side].setAccessibleName(f"Crop from {letters}")
        stride = stride_of(volume)
        if stride > 1:
            self._told.setText(
                f"drawn from every {stride}{'nd' if stride == 2 else 'rd' if stride == 3 else 'th'} voxel"
            )

    @property
    def look(self) -> VolumeLook:
        """What is asked for."""
        at = [slider.value() / _STEPS for slider in self.sliders]
        crop = (min(at[0], at[1]), max(at[0], at[1]), min(at[2], at[3]), max(at[2], at[3]), min(at[4:]), max(at[4:]))
        return VolumeLook(self.preset.currentData(), crop, self.cut.currentData(), self.flip.isChecked())

    def _reset(self) -> None:
        for n, slider in enumerate(self.sliders):
            slider.setValue((n % 2) * _STEPS)
        self.cut.setCurrentIndex(0)
        self.flip.setChecked(False)

    def _tell(self) -> None:
        self.look_changed.emit(self.look)
