"""Whole files or none, a folder for each run, and errors for people."""

from __future__ import annotations

import errno
import os
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from reports import canonical, index, store

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def test_a_run_is_an_index_a_page_and_a_record_for_each_candidate_and_a_summary(examples, tmp_path):
    records = [examples.admitted(), examples.refuted(), examples.inconclusive(), examples.admitted()]
    folder = store.new_run(tmp_path / "runs")

    page = index.write_run(folder, records)

    names = sorted(path.name for path in folder.iterdir())
    stems = index.stems(records)
    assert page == folder / "index.html"
    assert names == sorted([*(f"{s}.json" for s in stems), *(f"{s}.html" for s in stems), "index.html", "summary.md"])
    assert [canonical.decode((folder / f"{stem}.json").read_bytes()) for stem in stems] == records
    assert all(f'href="{stem}.html"' in page.read_text() for stem in stems)


def test_a_hostile_name_stays_inside_the_folder(examples, tmp_path):
    record = examples.record(examples.candidate("../../etc/..\\x y\n<b>.py"), ())

    assert index.write_record(tmp_path, record).parent == tmp_path


def test_runs_of_the_same_second_have_folders_of_their_own(tmp_path):
    folders = []

    def begin() -> None:
        folders.append(store.new_run(tmp_path, NOON))

    threads = [threading.Thread(target=begin) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(set(folders)) == 8
    assert all(folder.name.startswith("20261123T120000Z-") for folder in folders)


def test_writing_the_same_again_is_fine_and_another_run_is_not_overwritten(tmp_path):
    path = store.write(tmp_path / "a.json", "1")
    store.write(tmp_path / "a.json", b"1")

    with pytest.raises(store.StoreError, match="another run left it there; choose another folder"):
        store.write(path, "2")
    assert path.read_text() == "1"


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_full_disk_leaves_nothing_half_written(tmp_path, monkeypatch, step):
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    if step == "write":
        opened = os.fdopen

        def closed(handle: int, mode: str) -> object:
            opened(handle, mode).close()
            full()

        monkeypatch.setattr(os, "fdopen", closed)
    else:
        monkeypatch.setattr(os, step, full)

    with pytest.raises(store.StoreError, match=r"a\.json: the disk is full; free some space"):
        store.write(tmp_path / "a.json", "x")
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_leaves_nothing_half_written(tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupt)

    with pytest.raises(KeyboardInterrupt):
        store.write(tmp_path / "a.json", "x")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_in_the_middle_of_a_run_leaves_no_index(examples, tmp_path, monkeypatch):
    whole = os.replace
    left = iter([True, True, True])

    def fill(source: str, target: Path) -> None:
        if not next(left, False):
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(source, target)

    monkeypatch.setattr(os, "replace", fill)

    with pytest.raises(store.StoreError, match="the disk is full"):
        index.write_run(tmp_path, [examples.admitted(), examples.refuted()])
    left_over = sorted(path.suffix for path in tmp_path.iterdir())
    assert left_over == [".html", ".json", ".json"]


@pytest.mark.parametrize(
    ("number", "message"),
    [
        (errno.EACCES, "you may not write there; choose another folder with --out"),
        (errno.EROFS, "the file system is read-only"),
        (errno.EDQUOT, "disk quota"),
        (errno.EIO, "Input/output error"),
    ],
)
def test_errors_say_what_to_do(tmp_path, monkeypatch, number, message):
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "mkdir", fail)

    with pytest.raises(store.StoreError, match=f"cannot make a run folder in .*{message}"):
        store.new_run(tmp_path)


def test_a_file_where_a_folder_should_be(tmp_path):
    (tmp_path / "runs").write_text("")

    with pytest.raises(store.StoreError, match="cannot make a run folder"):
        store.new_run(tmp_path / "runs")
    with pytest.raises(store.StoreError, match="its folder does not exist"):
        store.write(tmp_path / "missing" / "a.json", "x")
    with pytest.raises(store.StoreError, match="is a file"):
        store.write(tmp_path / "runs" / "a.json", "x")


def test_a_name_that_is_taken_is_never_shared(tmp_path, monkeypatch):
    letters = iter(["aaaaaa", "aaaaaa", "bbbbbb"])
    monkeypatch.setattr(store.secrets, "token_hex", lambda _: next(letters))

    assert store.new_run(tmp_path, NOON) != store.new_run(tmp_path, NOON)

    monkeypatch.setattr(store.secrets, "token_hex", lambda _: "aaaaaa")
    with pytest.raises(store.StoreError, match="names were all taken"):
        store.new_run(tmp_path, NOON)
