"""What the app remembers: private, whole, and shared by threads."""

from __future__ import annotations

import sqlite3
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest

from tui.domain.errors import AppError, Cause
from tui.services.store import _VERSION, IntentState, Store, Upload

START = datetime(2026, 11, 22, 9, tzinfo=UTC)


def ticking() -> Iterator[datetime]:
    return (START + timedelta(seconds=n) for n in count())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "sandbox" / "tanzaku.db"


@pytest.fixture
def store(path: Path) -> Store:
    ticks = ticking()
    return Store(path, now=lambda: next(ticks))


def upload(uri: str, at: datetime = START) -> Upload:
    return Upload(uri, "train", "training.json", "claude-3-haiku", 85, 4000, 30_000, "ab" * 32, at)


def test_files_and_folders_are_for_their_owner_only(store: Store, path: Path) -> None:
    store.remember("p", "k", "v")
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    for folder in (path.parent, path.parent.parent):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700, folder


def test_everything_survives_reopening(store: Store, path: Path) -> None:
    token = store.prepare("p", "create", "name", {"a": [1, "二"]})
    store.add_upload("p", upload("s3://b/k"))
    store.remember("p", "role", "arn")
    store.add_answer(
        "p",
        {n: n for n in ("target", "model_id", "question", "system", "parameters", "answer", "footer")},
        whole=False,
    )
    again = Store(path)
    (intent,) = again.unsettled("p")
    assert (intent.token, intent.operation, intent.name, intent.params) == (token, "create", "name", {"a": [1, "二"]})
    assert intent.state is IntentState.PREPARED
    assert again.uploads("p") == [upload("s3://b/k")]
    assert again.recall("p", "role") == "arn"
    (answer,) = again.answers("p")
    assert (answer["question"], answer["whole"]) == ("question", 0)


def test_places_are_apart(store: Store) -> None:
    store.prepare("a", "create", "x", {})
    store.add_upload("a", upload("s3://b/k"))
    store.remember("a", "k", "v")
    assert store.unsettled("b") == []
    assert store.uploads("b") == []
    assert store.recall("b", "k", "default") == "default"


def test_an_intent_is_unsettled_until_its_outcome_is_known(store: Store) -> None:
    tokens = [store.prepare("p", "create", str(n), {}) for n in range(4)]
    store.settle(tokens[0], IntentState.DONE, "arn")
    store.settle(tokens[1], IntentState.REFUSED)
    store.settle(tokens[2], IntentState.UNKNOWN)
    assert [(i.name, i.state) for i in store.unsettled("p")] == [
        ("2", IntentState.UNKNOWN),
        ("3", IntentState.PREPARED),
    ]


def test_a_token_is_written_once_and_a_second_try_is_unsettled_again(store: Store) -> None:
    store.prepare("p", "create", "first", {"n": 1}, "t")
    store.prepare("p", "create", "first", {"n": 1}, "t")
    assert len(store.unsettled("p")) == 1
    store.settle("t", IntentState.REFUSED)
    store.prepare("p", "create", "second", {"n": 2}, "t")
    (intent,) = store.unsettled("p")
    assert (intent.name, intent.params, intent.state) == ("second", {"n": 2}, IntentState.PREPARED)


def test_what_is_done_is_never_undone(store: Store) -> None:
    store.prepare("p", "create", "x", {}, "t")
    store.settle("t", IntentState.DONE, "arn")
    store.prepare("p", "create", "x", {}, "t")
    assert store.unsettled("p") == []


def test_uploads_are_newest_first_and_the_same_place_is_replaced(store: Store) -> None:
    store.add_upload("p", upload("s3://b/1", START))
    store.add_upload("p", upload("s3://b/2", START + timedelta(seconds=1)))
    store.add_upload("p", upload("s3://b/1", START + timedelta(seconds=2)))
    assert [u.uri for u in store.uploads("p")] == ["s3://b/1", "s3://b/2"]


def test_threads_may_write_at_the_same_time(store: Store) -> None:
    failures: list[BaseException] = []

    def write(number: int) -> None:
        try:
            for n in range(25):
                store.settle(store.prepare("p", "create", f"{number}-{n}", {}), IntentState.UNKNOWN)
                store.remember("p", f"{number}-{n}", "x")
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert failures == []
    assert len(store.unsettled("p")) == 150


def test_many_rows_are_written_together_or_not_at_all(store: Store, path: Path) -> None:
    with store.together():
        for number in range(200):
            store.remember("place", f"key {number}", "kept")

    def broken_off(key: str, how: Callable[[], object]) -> None:
        with store.together():
            store.remember("place", key, "changed")
            how()

    with pytest.raises(AppError):
        broken_off("key 1", lambda: store.write("INSERT INTO nowhere VALUES (1)"))
    with pytest.raises(ZeroDivisionError):
        broken_off("key 2", lambda: 1 // 0)
    again = Store(path)
    assert {again.recall("place", f"key {number}") for number in range(200)} == {"kept"}
    store.remember("place", "key 1", "later")
    assert again.recall("place", "key 1") == "later"


def test_two_programs_may_share_it(store: Store, path: Path) -> None:
    other = Store(path)
    other.remember("p", "k", "theirs")
    assert store.recall("p", "k") == "theirs"


def test_half_a_character_is_no_reason_to_fail(store: Store) -> None:
    store.remember("p", "system", "x\ud800y")
    assert store.recall("p", "system") == "x?y"


def test_a_newer_version_is_refused_and_left_alone(store: Store, path: Path) -> None:
    store.remember("p", "k", "v")
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert database.execute("PRAGMA user_version").fetchone() == (_VERSION,)
        database.execute("PRAGMA user_version=99")
    with pytest.raises(AppError, match="newer tanzaku") as caught:
        Store(path).recall("p", "k")
    assert caught.value.cause is Cause.FILE
    with sqlite3.connect(path) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (99,)


def test_a_file_that_is_no_database_is_told(path: Path) -> None:
    path.parent.mkdir(parents=True)
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 40)
    with pytest.raises(AppError, match="cannot be opened") as caught:
        Store(path).recall("p", "k")
    assert caught.value.cause is Cause.FILE
    assert path.read_bytes().startswith(b"not a database")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    with pytest.raises(AppError, match="cannot be opened") as caught:
        Store(tmp_path / "state" / "tanzaku.db").recall("p", "k")
    assert "XDG_STATE_HOME" in caught.value.hint


def test_a_disk_that_refuses_is_told(store: Store) -> None:
    store._db.execute("PRAGMA query_only=1")
    with pytest.raises(AppError, match="cannot be written"):
        store.remember("p", "k", "v")
    store._db.close()
    with pytest.raises(AppError, match="cannot be read"):
        store.recall("p", "k")


def test_a_later_try_renews_what_an_order_is(store: Store) -> None:
    """The first one may have been written while it was not known whose account it is."""
    store.prepare("/us-west-2", "buy", "gate", {"n": 1}, "t")
    store.prepare("1/us-west-2", "deploy", "gate-2", {"n": 2}, "t")
    assert store.unsettled("/us-west-2") == []
    (intent,) = store.unsettled("1/us-west-2")
    assert (intent.operation, intent.name, intent.params) == ("deploy", "gate-2", {"n": 2})
    assert intent.changed > intent.created


def test_doubt_outlives_a_later_try(store: Store) -> None:
    store.prepare("p", "buy", "gate", {}, "t")
    assert not store.doubtful("t")
    store.settle("t", IntentState.UNKNOWN)
    store.prepare("p", "buy", "gate", {}, "t")
    assert store.doubtful("t")


def test_nothing_is_opened_before_it_is_needed(path: Path) -> None:
    store = Store(path)
    assert not path.exists()
    assert store.uploads("p") == []
    assert path.exists()


def test_windows_that_start_together_open_a_new_memory_together(tmp_path: Path) -> None:
    for number in range(10):
        path, gate = tmp_path / str(number) / "tanzaku.db", threading.Barrier(6)
        faults: list[AppError] = []

        def start(path: Path = path, faults: list[AppError] = faults, gate: threading.Barrier = gate) -> None:
            gate.wait(30)
            try:
                Store(path).read("SELECT count(*) FROM intents")
            except AppError as problem:
                faults.append(problem)

        windows = [threading.Thread(target=start) for _ in range(6)]
        for window in windows:
            window.start()
        for window in windows:
            window.join()
        assert faults == []
