"""Editable files: no edit is lost, nothing is overwritten unread, what is not edited keeps its bytes and its place."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import hashlib
import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import until
from tui.domain.errors import AppError, Cause
from tui.domain.files.document import Document, Step
from tui.domain.files.formats import Record, Turn
from tui.services import saving
from tui.services.dataset import open_document
from tui.services.dataset.documents import Documents, NotInEncoding, OpenDocument, WouldOverwrite
from tui.services.dataset.file_lock import FileLock, remove_abandoned
from tui.services.dataset.journal import read
from tui.services.pool import DaemonPool

PAIRS = [{"question": f"Question {n}?", "answer": f"Answer {n}."} for n in range(20)]
as_root = pytest.mark.skipif(os.geteuid() == 0, reason="nothing is refused to root")


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state"


@pytest.fixture
def documents(state: Path) -> Documents:
    return Documents(DaemonPool(2), state)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    found = tmp_path / "data" / "pairs.json"
    found.parent.mkdir()
    found.write_text(json.dumps(PAIRS, indent=1))
    old = time.time() - 100
    os.utime(found, (old, old))
    return found


def answer(index: int, text: str) -> Callable[[Document], Step]:
    def make(document: Document) -> Step:
        record = document.now[index]
        assert isinstance(record, Record)
        return document.edit(index, replace(record, turns=(record.turns[0], Turn("assistant", text))))

    return make


def expected(*changes: tuple[int, str]) -> bytes:
    pairs = [dict(pair) for pair in PAIRS]
    for index, text in changes:
        pairs[index]["answer"] = text
    return json.dumps(pairs, indent=1).encode()


def content(path: Path) -> bytes:
    return path.read_bytes()


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def take_away(path: Path) -> None:
    path.unlink()


def set_mode(path: Path, mode: int) -> None:
    path.chmod(mode)


def found_at(path: Path) -> os.stat_result:
    return path.stat()


def journals(state: Path) -> list[Path]:
    return list((state / "recovery").glob("*.journal"))


async def test_what_was_taken_back_after_saving_is_told_so_in_the_journal(
    documents: Documents, path: Path, state: Path
) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(4, "new"))
    await documents.save(opened)
    await documents.undo(opened)
    assert [e["name"] for e in read(journals(state)[0].read_bytes())[1]] == ["undo of edit of pair 5"]
    assert opened.document.next_redo is not None
    assert opened.document.next_redo.name == "edit of pair 5"


async def test_an_edit_is_in_the_journal_before_it_is_shown(documents: Documents, path: Path, state: Path) -> None:
    opened = await documents.open(path)
    assert journals(state) == []
    for number in range(3):
        await documents.do(opened, answer(number, f"new {number}"))
        (journal,) = journals(state)
        assert len(read(journal.read_bytes())[1]) == number + 1
    await documents.undo(opened)
    assert len(read(journals(state)[0].read_bytes())[1]) == 4
    await documents.redo(opened)
    await documents.save(opened)
    until(lambda: journals(state) == [])
    assert content(path) == expected((0, "new 0"), (1, "new 1"), (2, "new 2"))


async def test_what_is_undone_to_the_end_needs_no_journal(documents: Documents, path: Path, state: Path) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(0, "new"))
    await documents.undo(opened)
    until(lambda: journals(state) == [])
    await documents.redo(opened)
    assert len(journals(state)) == 1
    assert await documents.redo(opened) is None


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664])
async def test_mode_link_and_attributes_are_kept(documents: Documents, path: Path, tmp_path: Path, mode: int) -> None:
    set_mode(path, mode)
    link = tmp_path / "link.json"
    link.symlink_to(path)
    try:
        os.setxattr(path, "user.origin", b"here")
        marked = True
    except OSError:
        marked = False
    opened = await documents.open(link)
    await documents.do(opened, answer(3, "new"))
    assert await documents.save(opened) == ""
    assert link.is_symlink()
    assert content(path) == expected((3, "new"))
    assert stat.S_IMODE(found_at(path).st_mode) == mode
    assert not marked or os.getxattr(path, "user.origin") == b"here"
    assert [p.name for p in path.parent.iterdir()] == ["pairs.json"]


async def test_a_file_with_two_names_keeps_both_and_a_copy_is_made(
    documents: Documents, path: Path, tmp_path: Path, state: Path
) -> None:
    other = tmp_path / "other.json"
    os.link(path, other)
    opened = await documents.open(path)
    await documents.do(opened, answer(3, "new"))
    note = await documents.save(opened)
    assert "hard links" in note
    assert other.read_bytes() == content(path) == expected((3, "new"))
    (copy,) = (state / "backups").iterdir()
    assert str(copy) in note
    assert copy.read_bytes() == expected()
    await documents.do(opened, answer(4, "newer"))
    await documents.save(opened)
    assert other.read_bytes() == expected((3, "new"), (4, "newer"))


async def test_a_folder_that_takes_no_new_file(
    documents: Documents, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(3, "new"))
    real = os.open

    def refuse(name: Any, *args: Any, **more: Any) -> int:
        if ".tanzaku-" in str(name):
            raise PermissionError(errno.EACCES, "Permission denied")
        return real(name, *args, **more)

    monkeypatch.setattr(os, "open", refuse)
    assert "takes no new file" in await documents.save(opened)
    assert content(path) == expected((3, "new"))


async def test_a_file_changed_by_another_program_is_not_overwritten(
    documents: Documents, path: Path, state: Path
) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(3, "mine"))
    found = found_at(path)
    theirs = expected((4, "their")) + b" "
    put(path, theirs[: found.st_size])
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    with pytest.raises(WouldOverwrite, match="changed on disk"):
        await documents.save(opened)
    assert content(path) == theirs[: found.st_size]
    assert opened.document.dirty
    assert len(journals(state)) == 1
    note = await documents.save(opened, anyway=True)
    assert content(path) == expected((3, "mine"))
    (copy,) = (state / "backups").iterdir()
    assert copy.read_bytes() == theirs[: found.st_size]
    assert str(copy) in note


async def test_a_change_while_saving_is_noticed(
    documents: Documents, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(3, "mine"))
    real = os.fchmod

    def meddle(descriptor: int, mode: int) -> None:
        path.write_text("theirs")
        real(descriptor, mode)

    monkeypatch.setattr(os, "fchmod", meddle)
    with pytest.raises(WouldOverwrite):
        await documents.save(opened)
    assert content(path) == b"theirs"
    assert [p.name for p in path.parent.iterdir()] == ["pairs.json"]


async def test_a_file_that_was_only_touched_is_saved(documents: Documents, path: Path) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(3, "mine"))
    put(path, content(path))
    await documents.save(opened)
    assert content(path) == expected((3, "mine"))


async def test_a_file_that_is_gone_is_written_again(documents: Documents, path: Path) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(3, "mine"))
    take_away(path)
    await documents.save(opened)
    assert content(path) == expected((3, "mine"))


async def test_saving_elsewhere(documents: Documents, path: Path, tmp_path: Path) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(3, "mine"))
    taken = tmp_path / "taken.json"
    taken.write_text("theirs")
    with pytest.raises(WouldOverwrite, match="there already"):
        await documents.save(opened, taken)
    assert taken.read_text() == "theirs"
    await documents.save(opened, tmp_path / "new.json")
    assert opened.path == tmp_path / "new.json"
    assert content(path) == expected()
    assert (tmp_path / "new.json").read_bytes() == expected((3, "mine"))
    assert not opened.document.dirty
    assert not (await documents.open(path)).holder


async def test_nothing_is_saved_of_an_empty_document(documents: Documents, path: Path) -> None:
    opened = await documents.open(path)
    await documents.do(opened, lambda document: document.remove(range(20)))
    with pytest.raises(AppError, match="no pairs"):
        await documents.save(opened)
    assert content(path) == expected()


class Faults:
    """Fails the n-th call that touches the disk, and counts them."""

    CALLS = ("open", "write", "fsync", "fchmod", "replace", "ftruncate", "lseek")

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, number: int, under: Path) -> None:
        self.count, self.at, self.number, self.under = 0, at, number, under
        for call in self.CALLS:
            monkeypatch.setattr(os, call, self.faulty(getattr(os, call)))

    def faulty(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **more: Any) -> Any:
            self.count += 1
            if self.count == self.at:
                raise OSError(self.number, os.strerror(self.number))
            return real(*args, **more)

        return call


@pytest.mark.parametrize("linked", [False, True], ids=["replaced", "written over"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_whichever_call_fails_the_file_is_the_old_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, linked: bool
) -> None:
    path = tmp_path / "folder" / "pairs.json"
    path.parent.mkdir()
    old, new = b"old" * 1000, b"new!" * 2000
    failed = 0
    for at in range(1, 60):
        path.unlink(missing_ok=True)
        path.write_bytes(old)
        if linked:
            (tmp_path / "other").unlink(missing_ok=True)
            os.link(path, tmp_path / "other")
        with monkeypatch.context() as patch:
            faults = Faults(patch, at, number, tmp_path)
            told = False
            try:
                saving.write_whole(path, lambda: [new[:3000], new[3000:]], backups=tmp_path / "backups")
            except AppError as error:
                told = error.cause is Cause.FILE
        found = content(path)
        assert found in (old, new)
        assert told or found == new
        assert [p.name for p in path.parent.iterdir()] == ["pairs.json"]
        failed += told
        if faults.count < at:
            break
    else:
        pytest.fail("more calls than expected")
    assert failed >= 5


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
async def test_a_disk_that_fills_while_saving_leaves_the_file_and_the_edits(
    documents: Documents, path: Path, state: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(3, "mine"))

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(AppError, match="cannot be written"):
            await documents.save(opened)
    assert content(path) == expected()
    assert opened.document.dirty
    await documents.do(opened, answer(4, "more"))
    await documents.save(opened)
    assert content(path) == expected((3, "mine"), (4, "more"))
    until(lambda: journals(state) == [])


async def test_without_a_journal_editing_goes_on_and_says_so(path: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    documents = Documents(DaemonPool(2), state)
    opened = await documents.open(path)
    for found in (state / "recovery").iterdir():
        found.unlink()
    (state / "recovery").rmdir()
    (state / "recovery").write_text("in the way")
    await documents.do(opened, answer(3, "mine"))
    await documents.do(opened, answer(4, "more"))
    assert "would not survive a crash" in opened.unguarded
    assert opened.name in opened.unguarded
    await documents.save(opened)
    assert content(path) == expected((3, "mine"), (4, "more"))
    assert opened.unguarded == ""


def kept(state: Path) -> list[str]:
    """The edits that the journals hold, while one is being put in another's place."""
    with contextlib.suppress(FileNotFoundError):
        return [str(entry.get("name")) for journal in journals(state) for entry in read(journal.read_bytes())[1]]
    return []


async def test_edits_made_while_saving_are_not_lost(
    documents: Documents, path: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(3, "mine"))
    real, loop = os.replace, asyncio.get_running_loop()

    def slow(source: Any, target: Any) -> None:
        if Path(target).name == path.name:  # the journal's copy of the file as it was comes by here, too
            asyncio.run_coroutine_threadsafe(documents.do(opened, answer(4, "later")), loop).result(5)
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", slow)
        await documents.save(opened)
    assert content(path) == expected((3, "mine"))
    assert opened.document.dirty
    until(lambda: kept(state) == ["edit of pair 5"])
    await documents.undo(opened)
    assert not opened.document.dirty


async def test_the_same_file_opened_twice_is_noticed(documents: Documents, path: Path, state: Path) -> None:
    first = await documents.open(path)
    assert not first.holder
    second = await Documents(DaemonPool(1), state).open(path.parent / "." / path.name)
    assert str(os.getpid()) in second.holder
    with pytest.raises(AppError, match="open elsewhere"):
        await Documents(DaemonPool(1), state).do(second, answer(0, "x"))
    assert not second.document.dirty
    await documents.close(first)
    await documents.do(second, answer(0, "x"))
    assert second.document.dirty


def test_the_lock_of_a_dead_process_is_taken_over(path: Path, state: Path) -> None:
    script = (
        "import os, sys, signal; from pathlib import Path; from tui.services.dataset.file_lock import FileLock\n"
        "print(FileLock(Path(sys.argv[1]), Path(sys.argv[2])).take()); sys.stdout.flush()\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", script, str(state), str(path)],
        cwd=Path(__file__).parents[2],
        check=False,
        capture_output=True,
    )
    assert run.returncode == -signal.SIGKILL
    assert run.stdout == b"\n"
    lock = FileLock(state, path)
    assert lock.take() == ""
    assert FileLock(state, path).take() == f"process {os.getpid()}"
    lock.release()
    assert FileLock(state, path).take() == ""


def test_on_a_full_disk_a_file_is_ours_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.pwrite", refuse)
    lock = FileLock(tmp_path / "locks", tmp_path / "a.json")
    assert lock.take() == ""
    assert FileLock(tmp_path / "locks", tmp_path / "a.json").take() == "process ?"
    lock.release()


def test_what_killed_saves_left_is_removed(tmp_path: Path) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    gone = tmp_path / f".tanzaku-{ended.pid}-aa.tmp"
    never = tmp_path / f".tanzaku-{'9' * 40}-aa.tmp"  # more than any process's number
    ours, foreign = tmp_path / f".tanzaku-{os.getpid()}-aa.tmp", tmp_path / ".tanzaku-x-y.tmp"
    for each in (gone, never, ours, foreign):
        each.touch()
    remove_abandoned(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([ours, foreign])


def killed(state: Path, path: Path, *, before_tidying: bool = False) -> None:
    """Another process edits two answers and is killed, or is killed in the middle of saving them."""
    script = (
        "import asyncio, os, signal, sys\n"
        "from dataclasses import replace\n"
        "from pathlib import Path\n"
        "from tui.domain.files.formats import Turn\n"
        "from tui.services.dataset.documents import Documents\n"
        "from tui.services.dataset.journal import Journal, base_of\n"
        "from tui.services.pool import DaemonPool\n"
        "def make(index, text):\n"
        "    def step(d):\n"
        "        return d.edit(index, replace(d.now[index], turns=(d.now[index].turns[0], Turn('assistant', text))))\n"
        "    return step\n"
        "async def main():\n"
        "    documents = Documents(DaemonPool(2), Path(sys.argv[1]))\n"
        "    opened = await documents.open(Path(sys.argv[2]))\n"
        "    await documents.do(opened, make(3, 'three'))\n"
        "    await documents.do(opened, lambda d: d.remove([19]))\n"
        "    await documents.undo(opened)\n"
        "    await documents.do(opened, make(4, 'four'))\n"
        "    while not base_of(opened.journal.path).exists(): await asyncio.sleep(0)\n"
        "    if sys.argv[3]:\n"
        "        Journal.remove = lambda self: os.kill(os.getpid(), signal.SIGKILL)\n"
        "        await documents.save(opened)\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "asyncio.run(main())\n"
    )
    arguments = [sys.executable, "-c", script, str(state), str(path), "yes" if before_tidying else ""]
    run = subprocess.run(arguments, cwd=Path(__file__).parents[2], check=False)
    assert run.returncode == -signal.SIGKILL


async def test_unsaved_edits_come_back_after_a_kill(documents: Documents, path: Path, state: Path) -> None:
    killed(state, path)
    (left,) = await documents.left_behind()
    assert left.file == path
    assert left.actions == 4
    recovered = await documents.recover(left)
    assert not recovered.apart
    assert recovered.opened.path == path
    assert recovered.opened.document.dirty
    assert content(path) == expected()
    assert len(journals(state)) == 1
    assert await documents.left_behind() == []
    await documents.save(recovered.opened)
    assert content(path) == expected((3, "three"), (4, "four"))
    until(lambda: journals(state) == [])


async def test_what_has_taken_the_place_of_a_file_is_told(documents: Documents, path: Path, state: Path) -> None:
    opened = await documents.open(path)
    await documents.do(opened, answer(0, "kept"))
    take_away(path)
    path.mkdir()
    with pytest.raises(AppError, match="cannot be written") as caught:
        await documents.save(opened, anyway=True)
    assert "Is a directory" in caught.value.detail
    with pytest.raises(WouldOverwrite, match="was changed on disk"):
        await documents.save(opened)
    path.rmdir()
    path.symlink_to(path.name)
    await documents.look(opened)
    assert opened.outside == "gone"
    take_away(path)
    for place in (path.with_name("x" * 300), path / "below.json"):
        with pytest.raises(AppError, match="cannot be written"):
            await documents.save(opened, place)
    folder, away = path.parent, path.parent.with_name("away")
    folder.rename(away)
    folder.write_text("a file now")
    await documents.look(opened)
    assert opened.outside == "gone"
    with pytest.raises(AppError, match="cannot be written"):
        await documents.save(opened)
    assert opened.document.dirty
    folder.unlink()
    away.rename(folder)
    (state / "backups").rename(state / "old")
    put(state / "backups", b"no folder")
    put(path, b"theirs")
    with pytest.raises(AppError, match="cannot be written"):
        await documents.save(opened, anyway=True)
    assert content(path) == b"theirs"
    take_away(state / "backups")
    await documents.save(opened, anyway=True)
    assert content(path) == expected((0, "kept"))


async def test_a_file_in_shift_jis_is_saved_as_it_was_or_not_at_all(
    documents: Documents, path: Path, state: Path
) -> None:
    lines = ["質問,回答", *(f"髙{n}番の提灯はどこですか,門の前です〜".replace("〜", "～") for n in range(20))]
    raw = "\r\n".join(lines).encode("cp932").replace(b"\xee\xe0", b"\xfb\xfc")  # as Windows writes it
    table = path.with_name("pairs.csv")
    put(table, raw)
    killed(state, table)
    (left,) = await documents.left_behind()
    opened = (await documents.recover(left)).opened
    assert opened.document.now.notes == ("read as Shift_JIS",)
    await documents.save(opened)
    parts = raw.split(b"\r\n")
    for row, answer_ in ((4, "three"), (5, "four")):
        parts[row] = parts[row].split(b",")[0] + f",{answer_}".encode()
    assert content(table) == b"\r\n".join(parts)
    await documents.do(opened, answer(7, "提灯🏮"))
    with pytest.raises(NotInEncoding, match="written in Shift_JIS, which has no “🏮” of pair 8") as caught:
        await documents.save(opened)
    assert content(table) == b"\r\n".join(parts)
    assert opened.document.dirty
    assert caught.value.index == 7
    await documents.save(opened, encoding=caught.value.encoding)
    written = content(table).decode("utf-8-sig")
    assert written.splitlines()[8] == "髙7番の提灯はどこですか,提灯🏮"
    assert written.splitlines()[9] == lines[9]
    assert content(table).startswith(b"\xef\xbb\xbf")
    assert not opened.document.dirty


async def test_a_file_that_would_not_be_known_as_shift_jis_again_is_not_saved(documents: Documents, path: Path) -> None:
    put(path, '[{"q": "ここはどこですか", "a": "そこです"}, {"q": "東京", "a": "大阪"}]'.encode("cp932"))
    opened = await documents.open(path)
    await documents.do(opened, lambda d: d.remove([0]))
    with pytest.raises(NotInEncoding, match="too little Japanese to be known as Shift_JIS again") as caught:
        await documents.save(opened)
    new = path.with_name("new.json")
    await documents.undo(opened)
    made, gone = await documents.carry_to_new(opened, [1], new, keep=False)
    assert json.loads(content(new)) == [{"q": "東京", "a": "大阪"}]
    assert gone is not None
    assert made.document.encoding.title == "UTF-8"
    await documents.save(opened, encoding=caught.value.encoding)
    assert json.loads(content(path)) == [{"q": "ここはどこですか", "a": "そこです"}]


async def test_edits_of_a_file_that_was_changed_since_come_back_as_a_new_file(
    documents: Documents, path: Path, state: Path
) -> None:
    killed(state, path)
    put(path, b'[{"question": "other", "answer": "content"}]')
    (left,) = await documents.left_behind()
    recovered = await documents.recover(left)
    assert recovered.apart
    assert recovered.opened.path == path.with_name("pairs.recovered.json")
    assert recovered.opened.document.dirty
    await documents.save(recovered.opened)
    assert content(recovered.opened.path) == expected((3, "three"), (4, "four"))
    assert json.loads(content(path)) == [{"question": "other", "answer": "content"}]


async def test_edits_of_a_file_that_is_gone_come_back(documents: Documents, path: Path, state: Path) -> None:
    killed(state, path)
    take_away(path)
    (left,) = await documents.left_behind()
    recovered = await documents.recover(left)
    assert recovered.opened.path == path
    await documents.save(recovered.opened)
    assert content(path) == expected((3, "three"), (4, "four"))


async def test_without_the_file_as_it_was_the_journal_stays(documents: Documents, path: Path, state: Path) -> None:
    killed(state, path)
    take_away(path)
    for base in (state / "recovery").glob("*.base"):
        base.write_bytes(b"torn")
    (left,) = await documents.left_behind()
    with pytest.raises(AppError, match="no copy of it as it was"):
        await documents.recover(left)
    left.let_go()
    assert len(journals(state)) == 1


async def test_what_was_saved_before_the_kill_is_not_offered(documents: Documents, path: Path, state: Path) -> None:
    killed(state, path, before_tidying=True)
    assert content(path) == expected((3, "three"), (4, "four"))
    assert len(journals(state)) == 1
    assert await documents.left_behind() == []
    assert journals(state) == []


async def test_edits_that_are_given_up_are_gone(documents: Documents, path: Path, state: Path) -> None:
    killed(state, path)
    (left,) = await documents.left_behind()
    await documents.discard(left)
    assert await documents.left_behind() == []
    assert [p.suffix for p in (state / "recovery").iterdir()] == [".lock"]


async def test_a_second_kill_loses_nothing(documents: Documents, path: Path, state: Path) -> None:
    killed(state, path)
    (left,) = await documents.left_behind()
    opened: OpenDocument = (await documents.recover(left)).opened
    await documents.do(opened, answer(5, "five"))
    (journal,) = journals(state)
    assert len(read(journal.read_bytes())[1]) == 5
    until(lambda: journal.with_suffix(".base").exists())
    assert hashlib.sha256(journal.with_suffix(".base").read_bytes()).digest() == hashlib.sha256(expected()).digest()


@as_root
async def test_a_read_only_file_is_refused(documents: Documents, path: Path) -> None:
    set_mode(path, 0o444)
    opened = await documents.open(path)
    await documents.do(opened, answer(0, "x"))
    with pytest.raises(AppError, match="read-only"):
        await documents.save(opened)
    assert content(path) == expected()


async def test_a_file_of_broken_records_alone_is_not_saved(documents: Documents, tmp_path: Path) -> None:
    path = tmp_path / "lines.jsonl"
    path.write_text('{"question":"a","answer":"b"}\n{"question": oh\n')
    before, opened = content(path), await documents.open(path)
    await documents.do(opened, lambda d: d.remove([0]))
    with pytest.raises(AppError, match=r"lines\.jsonl would hold no pairs") as refused:
        await documents.save(opened)
    assert "what is left cannot be read as pairs" in refused.value.sentence()
    assert content(path) == before
    await documents.undo(opened)
    assert not opened.document.dirty


def test_a_file_with_hard_links_is_locked_under_every_name(tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    one.write_text("[]")
    os.link(one, other)
    first, second = FileLock(tmp_path / "locks", one), FileLock(tmp_path / "locks", other)
    assert first.take() == ""
    assert second.take() == f"process {os.getpid()}"
    first.release()
    assert second.take() == ""
    assert FileLock(tmp_path / "locks", one).take() == f"process {os.getpid()}"
    second.release()


LINE = b'{"question": "Where is it?", "answer": "At gate 7."}\n'
JAPANESE = '{"question": "どこ?", "answer": "七番"}\r\n'.encode()
BEGINNINGS = {
    "lines": (LINE * 100, 4090 // len(LINE)),
    "Japanese lines": (JAPANESE * 200, 4090 // len(JAPANESE)),
    "not UTF-8 later": (LINE * 70 + b"\xff" * 2000, 70),
    "small": (LINE * 10, None),
    "one line": (LINE[:-1] * 100, None),
    "few lines": (LINE.replace(b" ", b" " * 40) * 100, None),
    "list": (b"[" + LINE[:-1] + b",\n" + LINE * 100, None),
    "byte order mark": (b"\xef\xbb\xbf" + LINE * 100, None),
    "UTF-16": ((LINE * 100).decode().encode("utf-16"), None),
    "table": (b"question,answer\n" * 300, None),
    "not UTF-8": (LINE + b"\xff" + LINE * 99, None),
    "no pairs": (b'{"one": 1}\n' * 500, None),
}


@pytest.mark.parametrize(("content", "records"), BEGINNINGS.values(), ids=BEGINNINGS)
def test_what_a_large_file_begins_with(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes, records: int | None
) -> None:
    monkeypatch.setattr(open_document, "_LARGE", 2000)
    monkeypatch.setattr(open_document, "_BEGINNING", 4090)
    path = tmp_path / "pairs.jsonl"
    path.write_bytes(content)
    found = open_document.first_records(path)
    assert (None if found is None else len(found)) == records


def test_nothing_begins_what_is_no_plain_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe", tmp_path / "missing", Path("\0"), Path("/dev/zero")):
        assert open_document.first_records(path) is None
