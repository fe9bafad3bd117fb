"""What the views show of a case, loaded from its files off the window's thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Literal

from PySide6.QtCore import QObject, Signal

from app.case.records import Record
from app.desktop.session.background import Answer, Background, Refused
from app.desktop.session.case_store import CaseStore
from app.desktop.session.refusal import Refusal
from app.workflow.result_files import ResultData, read_result
from imaging.types import LabelMap, Surface, TetMesh, VesselModel, Volume

Item = Literal["image", "surface", "segmentation", "model", "mesh", "result"]
ITEMS: tuple[Item, ...] = ("image", "surface", "segmentation", "model", "mesh", "result")


class CaseData(QObject):
    """Loads the files of the current records; late answers to an older state are dropped.

    ``loaded`` carries the item and its content, or None when the case has none.
    """

    loaded = Signal(str, object)
    failed = Signal(object)

    def __init__(self, store: CaseStore, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._content: dict[str, Any] = {}
        self._generation: dict[str, int] = {}
        self._wanted: set[Item] = set()
        self.held: dict[str, Callable[[Record | None], bool]] = {}
        """Who has a record's content in memory already: it says so, and nothing is read."""
        self._reader = Background("case-reader", self)
        for item in ITEMS:
            store.changed(item).connect(partial(self.reload, item))

    def want(self, *items: Item) -> None:
        """Load items now, and again whenever their record changes."""
        for item in items:
            if item not in self._wanted:
                self._wanted.add(item)
                self.reload(item)

    def content(self, item: Item) -> Any:
        """What was loaded of an item, or None."""
        return self._content.get(item)

    def put(self, item: Item, content: Any) -> None:
        """Show content that is not on the disk yet."""
        self._take(item, content)

    @property
    def volume(self) -> Volume | None:
        """The scan."""
        return self._content.get("image")

    @property
    def surface(self) -> Surface | None:
        """The imported surface."""
        return self._content.get("surface")

    @property
    def labels(self) -> LabelMap | None:
        """The labels."""
        return self._content.get("segmentation")

    @property
    def model(self) -> VesselModel | None:
        """The vessel model."""
        return self._content.get("model")

    @property
    def mesh(self) -> TetMesh | None:
        """The mesh."""
        return self._content.get("mesh")

    @property
    def result(self) -> ResultData | None:
        """The result."""
        return self._content.get("result")

    def compute(self, name: str, work: Callable[[], Any], then: Answer, otherwise: Refused | None = None) -> None:
        """Work something out off the window's thread; a newer request of that name drops the answer to an older one."""
        generation = self._generation[name] = self._generation.get(name, 0) + 1

        def when_newest(answer: Answer) -> Answer:
            return lambda result: answer(result) if generation == self._generation[name] else None

        self._reader.submit(work, when_newest(then), when_newest(otherwise or self.failed.emit))

    def close(self) -> None:
        """Load nothing more, and wait for what is being read."""
        self._reader.close(finish=False)

    def reload(self, item: Item) -> None:
        """Bring a wanted item to what the case holds now."""
        if item not in self._wanted:
            return
        record = self._store.case.current(item)
        if item in self.held and self.held[item](record):
            return
        self.compute(item, partial(self._read, item, record), partial(self._take, item), partial(self._refuse, item))

    def _read(self, item: Item, record: Record | None) -> Any:
        if record is None:
            return None
        paths = {name: self._store.opened.path_of(ref) for name, ref in record.files.items()}
        return READERS[item](paths)

    def _take(self, item: Item, content: Any) -> None:
        self._content[item] = content
        self.loaded.emit(item, content)

    def _refuse(self, item: Item, refusal: Refusal) -> None:
        self._take(item, None)
        self.failed.emit(refusal)


def _read_image(paths: dict[str, Path]) -> Volume:
    return read_phase(paths["volume"])


def read_phase(path: Path) -> Volume:
    """A scan of the case, or one phase of it."""
    from imaging.volume_io import read_volume

    return read_volume(path)


def _read_surface(paths: dict[str, Path]) -> Surface:
    from imaging.surface.surface_io import read_surface

    return read_surface(paths["surface"])


def _read_labels(paths: dict[str, Path]) -> LabelMap:
    from app.workflow.edit import read_with_barriers

    return read_with_barriers(paths)


def _read_model(paths: dict[str, Path]) -> VesselModel:
    from imaging.surface.surface_io import read_model

    return read_model(_folder(paths))


def _read_mesh(paths: dict[str, Path]) -> TetMesh:
    from imaging.meshing.mesh_io import read_mesh

    return read_mesh(_folder(paths))


def _read_result(paths: dict[str, Path]) -> ResultData:
    return read_result(paths["arrays"], paths["curves"])


def _folder(paths: dict[str, Path]) -> Path:
    return next(iter(paths.values())).parent


READERS: dict[str, Callable[[dict[str, Path]], Any]] = {
    "image": _read_image,
    "surface": _read_surface,
    "segmentation": _read_labels,
    "model": _read_model,
    "mesh": _read_mesh,
    "result": _read_result,
}
