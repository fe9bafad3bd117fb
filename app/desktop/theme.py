"""Colors and styles: a dark theme for reading rooms. No state is told by its color alone."""

from __future__ import annotations

from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication

BACKGROUND = "#14171b"
PANEL = "#1d2126"
RAISED = "#2a3038"
BORDER = "#3a424d"
TEXT = "#e8ebee"
MUTED = "#a3adb8"
ACCENT = "#5aaee8"
WARNING = "#f0b450"
ERROR = "#ff8a80"

PLANE_COLORS = {"axial": "#ff6a50", "sagittal": "#edd54c", "coronal": "#7fc95f"}
POINT = "#ffd166"

# Okabe and Ito's palette, told apart by color-blind readers; one color a label value or patch, repeated if need be.
CATEGORIES = ("#e69f00", "#56b4e9", "#009e73", "#f0e442", "#cc79a7", "#d55e00", "#0072b2", "#b8c4ce")
VESSEL_WALL = "#d9796c"
EXTENSION = "#7d848c"

STATE_COLORS = {
    "todo": "#8a949f",
    "ready": ACCENT,
    "running": "#f0d050",
    "done": "#5fc98f",
    "stale": WARNING,
    "failed": ERROR,
}

_STYLE = f"""
* {{ font-size: 10pt; }}
QToolTip {{ color: {TEXT}; background: {RAISED}; border: 1px solid {BORDER}; padding: 4px; }}
QFrame#banner {{ background: #4a3a12; }}
QFrame#banner QLabel {{ color: #ffe3a3; }}
QFrame#header {{ background: {PANEL}; border-bottom: 1px solid {BORDER}; }}
QFrame#message {{ background: #3b2a2a; border-bottom: 1px solid {ERROR}; }}
QFrame#message[severity="info"] {{ background: #20303c; border-bottom: 1px solid {ACCENT}; }}
QFrame#rail, QWidget#panel {{ background: {PANEL}; }}
QLabel#title {{ font-size: 14pt; font-weight: 600; }}
QLabel#case {{ font-size: 11.5pt; font-weight: 600; }}
QLabel#muted {{ color: {MUTED}; }}
QLabel#warning {{ color: {WARNING}; }}
QLabel#badge {{ color: #14171b; background: {WARNING}; border-radius: 3px; padding: 1px 6px; font-weight: 600; }}
QLabel#section {{ color: {ACCENT}; font-weight: 600; padding-top: 8px; }}
QToolButton {{ color: {ACCENT}; font-weight: 600; border: none; padding: 8px 0 2px 0; }}
QPushButton {{ background: {RAISED}; border: 1px solid {BORDER}; border-radius: 4px; padding: 5px 10px; }}
QPushButton:hover {{ background: #353d47; }}
QPushButton:disabled {{ color: #6d7680; }}
QPushButton:checked {{ background: #24506f; border-color: {ACCENT}; }}
QPushButton#primary {{ background: #1f6aa5; border-color: #2f86c8; font-weight: 600; padding: 8px 14px; }}
QPushButton#primary:hover {{ background: #2a7bbb; }}
QPushButton#primary:disabled {{ background: {RAISED}; border-color: {BORDER}; }}
QPushButton:focus, QComboBox:focus, QAbstractSpinBox:focus, QLineEdit:focus, QCheckBox:focus, QSlider:focus
    {{ border: 2px solid {ACCENT}; }}
QProgressBar {{ border: 1px solid {BORDER}; border-radius: 4px; background: {BACKGROUND}; text-align: center; }}
QProgressBar::chunk {{ background: #1f6aa5; }}
QScrollArea {{ border: none; }}
"""


def apply_theme(application: QApplication) -> None:
    """Give the application the dark theme."""
    application.setStyle("Fusion")
    palette = QPalette()
    roles = QPalette.ColorRole
    for role, color in (
        (roles.Window, PANEL),
        (roles.WindowText, TEXT),
        (roles.Base, BACKGROUND),
        (roles.AlternateBase, PANEL),
        (roles.Text, TEXT),
        (roles.Button, RAISED),
        (roles.ButtonText, TEXT),
        (roles.BrightText, ERROR),
        (roles.Highlight, "#1f6aa5"),
        (roles.HighlightedText, "#ffffff"),
        (roles.ToolTipBase, RAISED),
        (roles.ToolTipText, TEXT),
        (roles.PlaceholderText, MUTED),
        (roles.Link, ACCENT),
    ):
        palette.setColor(role, QColor(color))
    for role in (roles.WindowText, roles.Text, roles.ButtonText):
        palette.setColor(QPalette.ColorGroup.Disabled, role, QColor("#6d7680"))
    application.setPalette(palette)
    application.setStyleSheet(_STYLE)
