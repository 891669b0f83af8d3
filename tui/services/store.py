"""Everything the app must remember, in one SQLite database: intents, uploads, answers, last choices."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line
from tui.domain.values import dataclass
from tui.services.paths import make_private

_SCHEMA = """
CREATE TABLE IF NOT EXISTS intents (
    token TEXT PRIMARY KEY, operation TEXT NOT NULL, name TEXT NOT NULL, place TEXT NOT NULL,
    params TEXT NOT NULL, state TEXT NOT NULL, arn TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
    created TEXT NOT NULL, changed TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS uploads (
    uri TEXT PRIMARY KEY, place TEXT NOT NULL, role TEXT NOT NULL, source TEXT NOT NULL, base_model TEXT NOT NULL,
    records INTEGER NOT NULL, tokens INTEGER NOT NULL, size INTEGER NOT NULL, sha256 TEXT NOT NULL, at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS answers (
    id INTEGER PRIMARY KEY, place TEXT NOT NULL, target TEXT NOT NULL, model_id TEXT NOT NULL, question TEXT NOT NULL,
    system TEXT NOT NULL, parameters TEXT NOT NULL, answer TEXT NOT NULL, whole INTEGER NOT NULL, footer TEXT NOT NULL,
    at TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS remembered (
    place TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (place, key)
);
"""
_VERSION = 1


class IntentState(StrEnum):
    """How far a changing call got. PREPARED: written, not known to be sent. UNKNOWN: sent, no good answer."""

    PREPARED = "prepared"
    UNKNOWN = "unknown"
    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Intent:
    """A changing call, written down before it is made. `token` is the idempotency token of every try."""

    token: str
    operation: str
    name: str
    params: Mapping[str, Any]
    state: IntentState
    arn: str
    created: datetime
    changed: datetime


@dataclass(frozen=True, slots=True)
class Upload:
    """A data file in S3, and what it was made of."""

    uri: str
    role: str
    source: str
    base_model: str
    records: int
    tokens: int
    size: int
    sha256: str
    at: datetime


_PATIENCE = 15
"""Seconds to wait while another process writes: a backup that looks through the file takes a while."""
_AGAIN = 0.02
"""Seconds between two tries."""


def _opened(path: Path) -> sqlite3.Connection:
    make_private(path.parent)
    # The file is made by us first, so that it is never readable by others, not even for a moment.
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)
    database = sqlite3.connect(path, check_same_thread=False, timeout=_PATIENCE, isolation_level=None)
    try:
        _keep_a_log(database)
        database.execute("PRAGMA synchronous=FULL")
        database.create_function("folded", 1, str.casefold, deterministic=True)
        version = database.execute("PRAGMA user_version").fetchone()[0]
        if version > _VERSION:
            raise AppError(Cause.FILE, "The state was written by a newer tanzaku", str(path), "Update the app")
        database.executescript(_SCHEMA)
        database.execute(f"PRAGMA user_version={_VERSION}")
    except BaseException:
        database.close()
        raise
    return database


def _keep_a_log(database: sqlite3.Connection) -> None:
    """Have changes written ahead. For a new file SQLite does not wait by itself while another one does the same."""
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            database.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() >= end:
                raise
            time.sleep(_AGAIN)


def _hint(error: Exception) -> str:
    """What to do about a database that another process keeps to itself, or whose folder is not ours."""
    if isinstance(error, OSError) and error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return "Set XDG_STATE_HOME to a folder of yours, and start again"
    busy = getattr(error, "sqlite_errorname", "").startswith(("SQLITE_BUSY", "SQLITE_LOCKED"))
    return "Another program holds it: close that one, then try again" if busy else ""


class Store:
    """The database, shared by threads. Rows belong to a `place` (account and Region, or the sandbox).

    Methods block for well under a millisecond to a few (one fsync); call them from the pool. The first one opens
    the database. Each raises AppError (cause FILE) when the disk refuses.
    """

    def __init__(self, path: Path, *, now: Now = utc_now) -> None:
        self._path = path
        self._now = now
        self._lock = threading.RLock()
        self._opened: sqlite3.Connection | None = None

    @property
    def _db(self) -> sqlite3.Connection:
        with self._lock:
            if self._opened is None:
                self._opened = self._open()
            return self._opened

    def _open(self) -> sqlite3.Connection:
        try:
            return _opened(self._path)
        except (OSError, sqlite3.Error) as error:
            hint = _hint(error) or f"Free some disk space, or move {safe_line(str(self._path), 200)} away"
            reason = f"{error.strerror}: {error.filename}" if isinstance(error, OSError) else str(error)
            raise AppError(Cause.FILE, "The app's memory cannot be opened", safe_line(reason, 200), hint) from error

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """Carry out one statement; on disk when this returns. Gives the number of the row it inserted, if it did."""
        return self._carry_out(sql, values).lastrowid or 0

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written meanwhile, by this thread, is on disk at the end, or nothing of it is: one fsync for many
        rows. Others wait, so it is for what takes a moment. Not to be nested."""
        with self._lock:
            self.write("BEGIN IMMEDIATE")
            try:
                yield
                self.write("COMMIT")
            except BaseException:
                with suppress(AppError):
                    self.write("ROLLBACK")
                raise

    def change(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """Carry out one statement; on disk when this returns. Gives how many rows it changed: of several windows that
        claim the same row one is told 1."""
        return self._carry_out(sql, values).rowcount

    def _carry_out(self, sql: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        # SQLite takes no lone surrogates.
        clean = tuple(v.encode("utf-8", "replace").decode() if type(v) is str else v for v in values)
        try:
            with self._lock:
                return self._db.execute(sql, clean)
        except sqlite3.Error as error:
            title = "The app's memory cannot be written"
            raise AppError(Cause.FILE, title, str(error), _hint(error) or "Free some disk space") from error

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """The rows of one query."""
        try:
            with self._lock:
                return self._db.execute(sql, values).fetchall()
        except sqlite3.Error as error:
            raise AppError(Cause.FILE, "The app's memory cannot be read", str(error), _hint(error)) from error

    def prepare(
        self, place: str, operation: str, name: str, params: Mapping[str, Any], token: str | None = None
    ) -> str:
        """Write an intent before its call is made; gives the token. On disk when this returns.

        A token that is there already is written anew, except when its call is done; while an earlier try of it is
        UNKNOWN it stays so, whatever becomes of this one.
        """
        token = token or str(uuid.uuid4())
        now = self._now().isoformat()
        self.write(
            "INSERT INTO intents (token, operation, name, place, params, state, created, changed)"
            " VALUES (?,?,?,?,?,?,?,?) ON CONFLICT (token) DO UPDATE SET"
            " operation=excluded.operation, name=excluded.name, place=excluded.place, params=excluded.params,"
            f" state=CASE state WHEN '{IntentState.UNKNOWN}' THEN state ELSE excluded.state END,"
            f" changed=excluded.changed WHERE state != '{IntentState.DONE}'",
            (token, operation, name, place, json.dumps(params), IntentState.PREPARED, now, now),
        )
        return token

    def settle(
        self, token: str, state: IntentState, arn: str = "", note: str = "", *, unless_since: datetime | None = None
    ) -> None:
        """Write how an intent's call ended; with `unless_since` not when it was written again since it was so old."""
        self.write(
            "UPDATE intents SET state=?, arn=?, note=?, changed=? WHERE token=? AND changed=coalesce(?, changed)",
            (state, arn, note, self._now().isoformat(), token, unless_since.isoformat() if unless_since else None),
        )

    def outcome(self, token: str) -> tuple[IntentState, str, datetime] | None:
        """How far the call with this token got, what it made, and when it was first prepared; None when unknown."""
        for state, arn, created in self.read("SELECT state, arn, created FROM intents WHERE token=?", (token,)):
            return IntentState(state), arn, datetime.fromisoformat(created)
        return None

    def doubtful(self, token: str) -> bool:
        """Whether a try with this token went out and its outcome is not known."""
        return bool(self.read("SELECT 1 FROM intents WHERE token=? AND state=?", (token, IntentState.UNKNOWN)))

    def unsettled(self, place: str) -> list[Intent]:
        """Intents whose outcome is not known, oldest first."""
        rows = self.read(
            "SELECT token, operation, name, params, state, arn, created, changed FROM intents"
            " WHERE place=? AND state IN (?,?) ORDER BY created, rowid",
            (place, IntentState.PREPARED, IntentState.UNKNOWN),
        )
        return [
            Intent(t, op, name, json.loads(params), IntentState(state), arn, *map(datetime.fromisoformat, times))
            for t, op, name, params, state, arn, *times in rows
        ]

    def add_upload(self, place: str, upload: Upload) -> None:
        """Remember an upload; the same place again replaces it."""
        self.write(
            "INSERT OR REPLACE INTO uploads VALUES (?,?,?,?,?,?,?,?,?,?)",
            (
                upload.uri,
                place,
                upload.role,
                upload.source,
                upload.base_model,
                upload.records,
                upload.tokens,
                upload.size,
                upload.sha256,
                upload.at.isoformat(),
            ),
        )

    def uploads(self, place: str) -> list[Upload]:
        """What was uploaded, newest first."""
        rows = self.read(
            "SELECT uri, role, source, base_model, records, tokens, size, sha256, at FROM uploads"
            " WHERE place=? ORDER BY at DESC, rowid DESC",
            (place,),
        )
        return [
            Upload(uri, role, source, model, records, tokens, size, sha256, datetime.fromisoformat(at))
            for uri, role, source, model, records, tokens, size, sha256, at in rows
        ]

    def add_answer(self, place: str, fields: Mapping[str, str], *, whole: bool) -> int:
        """Keep an answer and give its number; `fields` are target, model_id, question, system, parameters, answer and
        footer."""
        names = ("target", "model_id", "question", "system", "parameters", "answer", "footer")
        values = tuple(fields[name] for name in names)
        return self.write(
            f"INSERT INTO answers (place, whole, at, {', '.join(names)}) VALUES (?,?,?,?,?,?,?,?,?,?)",
            (place, int(whole), self._now().isoformat(), *values),
        )

    def answers(self, place: str) -> list[dict[str, Any]]:
        """Every kept answer, oldest first."""
        names = ("target", "model_id", "question", "system", "parameters", "answer", "footer", "whole", "at")
        rows = self.read(f"SELECT {', '.join(names)} FROM answers WHERE place=? ORDER BY id", (place,))
        return [dict(zip(names, row, strict=True)) for row in rows]

    def remember(self, place: str, key: str, value: str) -> None:
        """Keep a last choice."""
        self.write("INSERT OR REPLACE INTO remembered VALUES (?,?,?)", (place, key, value))

    def recall(self, place: str, key: str, default: str = "") -> str:
        """A last choice."""
        rows = self.read("SELECT value FROM remembered WHERE place=? AND key=?", (place, key))
        return str(rows[0][0]) if rows else default


class Tables:
    """Tables that one service keeps in the store for itself; they are made when they are first used.

    Methods block and raise as those of `Store` do.
    """

    def __init__(self, store: Store, *statements: str) -> None:
        """`statements` make the tables where they are not there yet."""
        self._store = store
        self._statements = statements
        self._made = False

    @property
    def _ready(self) -> Store:
        if not self._made:
            for statement in self._statements:
                self._store.write(statement)
            self._made = True
        return self._store

    def write(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """See `Store.write`."""
        return self._ready.write(sql, values)

    def change(self, sql: str, values: tuple[Any, ...] = ()) -> int:
        """See `Store.change`."""
        return self._ready.change(sql, values)

    def read(self, sql: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        """See `Store.read`."""
        return self._ready.read(sql, values)

    def together(self) -> AbstractContextManager[None]:
        """See `Store.together`."""
        return self._ready.together()
