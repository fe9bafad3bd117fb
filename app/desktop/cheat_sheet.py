"""All keys and mouse gestures on one page."""

from __future__ import annotations

from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from app.desktop.actions import ACTIONS, MOUSE


class CheatSheet(QDialog):
    """A page that can stay open beside the work."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keys and mouse")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        columns = QHBoxLayout()
        groups: dict[str, list[tuple[str, str]]] = {}
        for action in ACTIONS:
            if action.key:
                groups.setdefault(action.menu, []).append((action.key, action.title))
        groups["Mouse"] = list(MOUSE)
        for part in (("Case", "Edit", "Steps", "Results"), ("View", "3D"), ("Measure", "Mouse", "Help")):
            text = "".join(_table(title, groups[title]) for title in part)
            label = QLabel(text)
            label.setTextFormat(Qt.TextFormat.RichText)
            label.setAlignment(Qt.AlignmentFlag.AlignTop)
            label.setWordWrap(part[0] == "Mouse")
            columns.addWidget(label)
        layout = QVBoxLayout(self)
        layout.addLayout(columns)


def _table(title: str, rows: list[tuple[str, str]]) -> str:
    body = "".join(
        f"<tr><td style='padding-right:14px'><b>{escape(key)}</b></td><td>{escape(text)}</td></tr>"
        for key, text in rows
    )
    return f"<h3>{escape(title)}</h3><table cellpadding='2'>{body}</table>"
