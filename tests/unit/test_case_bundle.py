"""A case folder stays a whole case, whatever happens to the program that writes it."""

import errno
import json
import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from app.case import files
from app.case.bundle import OpenCase
from app.case.commands import AddRecord, RemovePoint, RemoveRecord, RenameCase, SetPatientValues, SetPoint
from app.case.errors import CaseError
from app.case.records import FileRef, Recipe, Record


def make_record(opened: OpenCase, kind: str, text: str, inputs: dict[str, str] | None = None) -> Record:
    with opened.staging() as out:
        (out / "data.txt").write_text(text)
        refs = opened.take_in({"data": out / "data.txt"}, f"{kind}s/{kind}-{text}")
    recipe = Recipe(step="x", parameters={}, inputs=inputs or {}, software={}, created_utc="2026-01-01", seconds=0.0)
    record = Record(id=f"{kind}-{text}", kind=kind, title=text, files=refs, facts={}, recipe=recipe)
    opened.do(AddRecord(record))
    return record


@pytest.fixture
def opened(tmp_path: Path):
    with OpenCase.create(tmp_path / "a.case", "A") as case:
        yield case


def test_what_was_done_is_there_after_reopening(opened: OpenCase) -> None:
    opened.do(SetPoint("arch", (1.0, 2.0, 3.5)))
    opened.do(SetPatientValues({"heart_rate_bpm": 61.0}))
    make_record(opened, "image", "one")
    state = opened.case
    opened.close()
    with OpenCase.open(opened.folder) as again:
        assert again.case == state
        assert again.damaged_files() == ()


def test_undo_and_redo_walk_over_every_kind_of_command_and_survive_reopening(opened: OpenCase) -> None:
    states = [opened.case]
    for command in (
        SetPoint("arch", (1.0, 2.0, 3.0)),
        SetPatientValues({"heart_rate_bpm": 61.0}),
        RemovePoint("arch"),
        RenameCase("B"),
    ):
        states.append(opened.do(command))
    make_record(opened, "image", "one")
    states.append(opened.case)
    states.append(opened.do(RemoveRecord("image-one")))
    opened.close()
    with OpenCase.open(opened.folder) as again:
        for expected in reversed(states[:-1]):
            again.undo()
            assert again.case == expected
        with pytest.raises(CaseError, match="nothing to undo"):
            again.undo()
        for expected in states[1:]:
            again.redo()
            assert again.case == expected
        with pytest.raises(CaseError, match="nothing to redo"):
            again.redo()


def test_a_new_command_after_undo_forgets_what_was_undone(opened: OpenCase) -> None:
    opened.do(RenameCase("B"))
    opened.undo()
    opened.do(RenameCase("C"))
    assert opened.history.redo_label is None
    assert opened.case.title == "C"


def test_a_result_is_stale_when_something_upstream_of_it_changes(opened: OpenCase) -> None:
    image = make_record(opened, "image", "one")
    digest = opened.case.input_digest("points")
    assert digest is not None
    labels = make_record(opened, "segmentation", "two", {"image": image.digest, "points": digest})
    model = make_record(opened, "model", "three", {"segmentation": labels.digest})
    assert opened.case.stale_inputs(model) == ()
    opened.do(SetPoint("arch", (0.0, 0.0, 0.0)))
    assert opened.case.stale_inputs(labels) == ("points",)
    assert opened.case.stale_inputs(model) == ("segmentation",)
    opened.undo()
    assert opened.case.stale_inputs(model) == ()


def test_a_second_writer_is_refused_with_a_sentence_and_may_read(opened: OpenCase) -> None:
    with pytest.raises(CaseError) as refusal:
        OpenCase.open(opened.folder)
    assert refusal.value.code == "case_locked"
    assert str(os.getpid()) in refusal.value.message
    with OpenCase.open(opened.folder, writable=False) as reader:
        assert reader.case == opened.case
        with pytest.raises(CaseError) as read_only:
            reader.do(RenameCase("B"))
        assert read_only.value.code == "read_only"


def test_the_lock_of_a_killed_program_does_not_outlive_it(opened: OpenCase) -> None:
    opened.close()
    code = (
        "import sys, time, pathlib; from app.case.bundle import OpenCase;"
        "c = OpenCase.open(pathlib.Path(sys.argv[1])); print('open', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(opened.folder)], stdout=subprocess.PIPE) as other:
        assert other.stdout is not None and other.stdout.readline() == b"open\n"
        with pytest.raises(CaseError, match=f"process {other.pid}"):
            OpenCase.open(opened.folder)
        other.send_signal(signal.SIGKILL)
    OpenCase.open(opened.folder).close()


def _write_until_killed(folder: str, ready) -> None:  # type: ignore[no-untyped-def]
    with OpenCase.open(Path(folder)) as case:
        ready.set()
        for number in range(100000):
            case.do(RenameCase(f"title {number}"))


def test_killed_in_the_middle_of_writing_the_case_still_opens(opened: OpenCase) -> None:
    opened.close()
    context = multiprocessing.get_context("spawn")
    for delay in (0.01, 0.037, 0.06):
        ready = context.Event()
        writer = context.Process(target=_write_until_killed, args=(str(opened.folder), ready))
        writer.start()
        assert ready.wait(30)
        writer.join(delay)
        writer.kill()
        writer.join()
        with OpenCase.open(opened.folder) as again:
            json.loads((again.folder / "case.json").read_text())
            again.do(RenameCase("still whole"))


def test_a_full_disk_leaves_the_case_as_it_was(opened: OpenCase, monkeypatch: pytest.MonkeyPatch) -> None:
    opened.do(RenameCase("before"))

    def no_space(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", no_space)
    with pytest.raises(CaseError) as refusal:
        opened.do(RenameCase("after"))
    assert refusal.value.code == "disk_full"
    monkeypatch.undo()
    assert opened.case.title == "before"
    opened.close()
    with OpenCase.open(opened.folder) as again:
        assert again.case.title == "before"


def test_a_failed_step_leaves_no_file_behind(opened: OpenCase) -> None:
    with pytest.raises(ValueError, match="broken"), opened.staging() as out:
        (out / "half.bin").write_bytes(b"half")
        raise ValueError("broken")
    assert list(opened.folder.rglob("half.bin")) == []


def test_damaged_and_missing_files_are_named(opened: OpenCase) -> None:
    record = make_record(opened, "image", "one")
    path = opened.folder / record.files["data"].path
    path.write_text("changed")
    assert opened.damaged_files() == (record.files["data"].path,)
    path.unlink()
    with pytest.raises(CaseError, match="lost its file images/image-one/data.txt"):
        opened.path_of(record.files["data"])


def test_a_reference_that_points_out_of_the_bundle_is_not_followed(opened: OpenCase) -> None:
    (opened.folder.parent / "secret.txt").write_text("x")
    with pytest.raises(CaseError, match="lost its file"):
        opened.path_of(FileRef(path="../secret.txt", sha256="", n_bytes=1))


@pytest.mark.parametrize(
    ("content", "code"),
    [("{", "case_damaged"), ("{}", "case_damaged"), ('{"schema_version": 99}', "case_too_new"), ("[]", "case_damaged")],
)
def test_an_unreadable_case_is_refused_with_a_sentence(opened: OpenCase, content: str, code: str) -> None:
    opened.close()
    (opened.folder / "case.json").write_text(content)
    with pytest.raises(CaseError) as refusal:
        OpenCase.open(opened.folder)
    assert refusal.value.code == code


def test_a_folder_without_a_case_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CaseError, match="not a case"):
        OpenCase.open(tmp_path)
    (tmp_path / "x").write_text("x")
    with pytest.raises(CaseError, match="exists already"):
        OpenCase.create(tmp_path, "A")


def test_every_change_is_in_the_audit(opened: OpenCase) -> None:
    opened.do(RenameCase("B"))
    opened.undo()
    actions = [json.loads(line)["action"] for line in (opened.folder / "audit.ndjson").read_text().splitlines()]
    assert actions == ["New case", "Rename the case", "Undo: Rename the case"]
