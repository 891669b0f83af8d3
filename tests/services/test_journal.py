"""Journals: on disk before the edit is shown, whole up to the last line, found when their process is gone."""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import until
from tui.services import process_identity
from tui.services.dataset import journal
from tui.services.dataset.journal import Journal, Journals, Left, base_of, read

HEADER = {"path": "/data/pairs.json", "base": "0" * 64, "keys": None, "frame": {"gap": ",", "first": None}}
EDIT = {"name": "edit of pair 1", "splices": [[0, 1, [["{}", None]]]]}


def begun(folder: Path, *entries: dict[str, Any], base: bytes = b"base") -> Journal:
    made = Journals(folder).begin(HEADER, lambda: [base], entries)
    made.begun.result(5)
    return made


def left_by_a_dead_process(folder: Path, tail: bytes = b"") -> Path:
    """A journal whose process was killed after three edits."""
    script = (
        "import json, os, sys, signal\n"
        "from pathlib import Path\n"
        "from tui.services.dataset.journal import Journals\n"
        "header, entry = json.loads(sys.argv[2])\n"
        "made = Journals(Path(sys.argv[1])).begin(header, lambda: [b'base'], [entry])\n"
        "for _ in range(2): made.append(entry).result(5)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", script, str(folder), json.dumps([HEADER, EDIT])], cwd=root, check=False)
    (path,) = folder.glob("*.journal")
    with path.open("ab") as file:
        file.write(tail)
    return path


def found(folder: Path) -> list[Left]:
    return Journals(folder).left_behind()


def test_an_entry_is_in_the_file_when_it_is_said_to_be(tmp_path: Path) -> None:
    made = begun(tmp_path / "state" / "recovery", EDIT)
    for number in range(1, 20):
        made.append(EDIT).result(5)
        header, entries = read(made.path.read_bytes())
        assert header["path"] == HEADER["path"]
        assert len(entries) == number + 1
    made.remove().result(5)
    assert not made.path.exists()


def test_journals_are_for_this_user_alone(tmp_path: Path) -> None:
    mask = os.umask(0)
    try:
        made = begun(tmp_path / "state" / "recovery", EDIT)
        until(lambda: base_of(made.path).exists())
    finally:
        os.umask(mask)
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    for path in made.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_an_entry_is_synced_before_it_counts_as_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync

    def counted(descriptor: int) -> None:
        real(descriptor)
        synced.append(descriptor)

    monkeypatch.setattr(os, "fsync", counted)
    made = begun(tmp_path, EDIT)
    assert made._descriptor in synced
    before = synced.count(made._descriptor)
    made.append(EDIT).result(5)
    assert synced.count(made._descriptor) == before + 1


def test_the_file_as_it_was_is_kept_beside_it_and_goes_with_it(tmp_path: Path) -> None:
    made = begun(tmp_path, EDIT, base=b"as it was")
    until(lambda: base_of(made.path).exists())
    assert base_of(made.path).read_bytes() == b"as it was"
    made.remove().result(5)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("tail", [b"", b"0000", b'00000000 {"seq":4}\n', b"\xff\xfe\n", b"deadbeef not json\n"])
def test_a_dead_process_leaves_what_it_wrote_and_a_torn_end_is_dropped(tmp_path: Path, tail: bytes) -> None:
    left_by_a_dead_process(tmp_path, tail)
    (left,) = found(tmp_path)
    assert left.actions == 3
    assert left.file == Path("/data/pairs.json")
    left.discard()
    assert found(tmp_path) == []


def test_every_way_of_being_cut_keeps_the_entries_before(tmp_path: Path) -> None:
    whole = left_by_a_dead_process(tmp_path).read_bytes()
    ends = [at for at in range(len(whole)) if whole[at : at + 1] == b"\n"]
    for size in range(len(whole)):
        _, entries = read(whole[:size])
        assert len(entries) == max(0, sum(end <= size for end in ends) - 1)


def test_a_bit_that_flips_ends_the_journal_there(tmp_path: Path) -> None:
    whole = bytearray(left_by_a_dead_process(tmp_path).read_bytes())
    third = whole.index(b"\n", whole.index(b"\n") + 1) + 20
    whole[third] ^= 1
    assert len(read(bytes(whole))[1]) == 1


def test_a_living_process_keeps_its_journal(tmp_path: Path) -> None:
    made = begun(tmp_path, EDIT)
    assert found(tmp_path) == []
    made.remove().result(5)


def test_a_journal_removed_while_it_was_being_read_is_not_offered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = begun(tmp_path, EDIT)
    lock = journal.locked

    def locked(descriptor: int) -> bool:
        made.remove().result(5)
        return lock(descriptor)

    monkeypatch.setattr(journal, "locked", locked)
    assert found(tmp_path) == []


def test_two_starts_are_not_offered_the_same_journal(tmp_path: Path) -> None:
    left_by_a_dead_process(tmp_path)
    (left,) = found(tmp_path)
    assert found(tmp_path) == []
    left.let_go()
    assert len(found(tmp_path)) == 1


def test_a_journal_of_another_machine_is_left_alone(tmp_path: Path) -> None:
    path = left_by_a_dead_process(tmp_path)
    header, entries = read(path.read_bytes())
    path.write_bytes(b"".join(journal._line(value) for value in [{**header, "host": "elsewhere"}, *entries]))
    assert found(tmp_path) == []
    assert path.exists()


def test_a_journal_that_others_could_have_written_is_not_trusted(tmp_path: Path) -> None:
    path = left_by_a_dead_process(tmp_path)
    path.chmod(0o622)
    assert found(tmp_path) == []
    assert path.exists()


def test_a_folder_that_cannot_be_looked_into_is_as_good_as_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left_by_a_dead_process(tmp_path)

    def refuse(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")  # another user's home

    for name in ("listdir", "scandir", "stat"):
        monkeypatch.setattr(os, name, refuse)
    assert Journals(tmp_path).left_behind() == []


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    path = left_by_a_dead_process(tmp_path)
    (tmp_path / "elsewhere").write_bytes(path.read_bytes())
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere")
    assert found(tmp_path) == []


def test_a_journal_without_any_edit_goes_once_it_is_old(tmp_path: Path) -> None:
    path = tmp_path / "1-a.journal"
    path.write_bytes(b"torn")
    path.chmod(0o600)
    assert found(tmp_path) == []
    assert path.exists()
    os.utime(path, (1, 1))
    assert found(tmp_path) == []
    assert not path.exists()


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_a_full_disk_is_told_and_the_journal_ends_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    made = begun(tmp_path, EDIT)
    until(lambda: base_of(made.path).exists())
    real = os.write

    def half(descriptor: int, data: bytes) -> int:
        if len(data) < 20:
            raise OSError(number, os.strerror(number))
        return real(descriptor, bytes(data)[:15])

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match=os.strerror(number)):
        made.append(EDIT).result(5)
    monkeypatch.undo()
    made.append(EDIT).result(5)
    assert len(read(made.path.read_bytes())[1]) == 2


def test_a_journal_that_cannot_begin_says_so_to_every_edit(tmp_path: Path) -> None:
    blocked = tmp_path / "recovery"
    blocked.write_text("a file where the folder should be")
    made = Journals(blocked).begin(HEADER, lambda: [b""], [EDIT])
    answers: list[Future[None]] = [made.begun, made.append(EDIT), made.append(EDIT)]
    for answer in answers:
        with pytest.raises(OSError):  # noqa: PT011
            answer.result(5)
    made.remove().result(5)


@pytest.mark.parametrize(
    "header",
    [{"format": 2, "path": "x"}, {"format": 1}, {"format": 1, "path": 5}],
    ids=["another format", "no path", "no text"],
)
def test_another_format_is_not_read(header: dict[str, Any]) -> None:
    assert read(journal._line({"seq": 0, **header})) == ({}, [])


def test_whether_a_process_is_alive() -> None:
    me = process_identity.whoami()
    assert process_identity.alive(me)
    assert not process_identity.alive({**me, "boot": "another"})
    assert process_identity.alive({**me, "host": "another", "boot": "another"})
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    assert not process_identity.alive({**me, "pid": ended.pid})


def test_lines_are_ascii_and_hold_any_text() -> None:
    line = journal._line({"seq": 0, "text": "日本\ud800\u2028\n\x00"})
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert json.loads(line[9:])["text"] == "日本\ud800\u2028\n\x00"
