"""Metrics of jobs and of local files: found by listing, read off the UI thread, kept for the next time."""

from __future__ import annotations

import importlib
import re
import stat
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from tui.domain.clock import Now, utc_now
from tui.domain.errors import AppError, Cause
from tui.domain.loss.losses import Curves
from tui.domain.names import split_s3_uri
from tui.domain.text import count, safe_line
from tui.domain.training.jobs import Job
from tui.domain.values import dataclass
from tui.services.aws import Aws
from tui.services.loss.cache import Kept, LossCache
from tui.services.loss.metrics_curves import curves
from tui.services.pool import DaemonPool
from tui.services.storage import Storage, StoredObject

__all__ = ["Look", "Losses", "curves", "local_runs"]

_CSV = re.compile(r"(^|/)[^/]*metrics[^/]*\.csv$", re.IGNORECASE)
_TRAINING = re.compile(r"(^|/)[^/]*train[^/]*metrics[^/]*\.csv$", re.IGNORECASE)
_JOB_FOLDER = re.compile(r"model-customization-job-[^/]+")
_INNER_FOLDER = re.compile(r"(training|validation)(_artifacts)?|post_[a-z_]*validation", re.IGNORECASE)
_KIND = re.compile(r"step_?wise|training|train|validation|valid|val|eval|metrics|loss(es)?", re.IGNORECASE)
_MOST_FILES = 40
"""Metrics files read for one run."""
_MOST_TRENDS = 5
"""Jobs that S3 is asked about for one board."""
_LARGEST = 1_000_000_000
"""Bytes of a local file: forty million rows."""


@dataclass(frozen=True, slots=True)
class Look:
    """The curves of a job. `fresh`: S3 has just said that they are the newest; else `problem` says why it did not.
    With fresh ones `problem` says why they could not be kept for the next time.

    `read` is when the files were read from S3.
    """

    job: Job
    curves: Curves
    read: datetime
    fresh: bool = True
    problem: AppError | None = None


class Losses:
    """Curves of jobs and of local files."""

    def __init__(
        self, aws: Aws, storage: Storage, pool: DaemonPool, cache: LossCache | None = None, *, now: Now = utc_now
    ) -> None:
        self._aws = aws
        self._storage = storage
        self._pool = pool
        self._cache = cache
        self._now = now
        self._unwritten: dict[str, Kept] = {}

    async def warm(self) -> None:
        """Import what reading takes, so that the first opening need not wait for it."""
        await self._aws.pool.run(importlib.import_module, "pandas")

    async def kept(self, arn: str) -> Look | None:
        """What this machine has of a job, without asking S3."""
        found = await self._kept(arn)
        return Look(found.job, found.curves, found.read, fresh=False) if found else None

    async def all_kept(self) -> list[Look]:
        """Everything this machine has, newest job first."""
        if self._cache is None:
            return []
        written = {k.job.arn: k for k in await self._pool.run(self._cache.all)}
        found = sorted((written | self._unwritten).values(), key=lambda k: k.job.created, reverse=True)
        return [Look(k.job, k.curves, k.read, fresh=False) for k in found]

    async def look(self, job: Job) -> Look | None:
        """The newest curves of a detailed job, None while there are none; read when the files' ETags have changed.

        When S3 does not answer, what was kept is given with the problem; without anything kept AppError is raised.
        """
        if not job.metrics_prefix:
            return None
        kept = await self._kept(job.arn)
        try:
            return await self._look(job, kept)
        except AppError as problem:
            if kept is None:
                raise
            return Look(kept.job, kept.curves, kept.read, False, problem)

    async def _look(self, job: Job, kept: Kept | None) -> Look | None:
        objects = [o for o in await self._storage.objects(job.metrics_prefix) if o.size > 0 and _CSV.search(o.key)]
        chosen = _chosen(objects)
        if not chosen:
            if kept is None:
                return None
            gone = AppError(Cause.NOT_FOUND, "The metrics files are no longer in S3")
            return Look(kept.job, kept.curves, kept.read, False, gone)
        etags = tuple((o.key, o.etag) for o in chosen)
        if kept is not None and kept.etags == etags and kept.job.status == job.status:
            return Look(kept.job, kept.curves, kept.read)
        bucket, _ = split_s3_uri(job.metrics_prefix)
        files = [(o.key, await self._storage.read(bucket, o.key)) for o in chosen]
        made = await self._pool.run(_of_files_of_job, job, files, self._aws.sandbox)
        now = self._now()
        return Look(job, made, now, problem=await self._keep(Kept(job, made, etags, now)))

    async def _keep(self, kept: Kept) -> AppError | None:
        """Keep what was read. A disk that refuses is no reason not to show it: it is kept for the session, and told."""
        if self._cache is None:
            return None
        try:
            await self._pool.run(self._cache.save, kept)
        except AppError as problem:
            self._unwritten[kept.job.arn] = kept
            return problem
        self._unwritten.pop(kept.job.arn, None)
        return None

    async def _kept(self, arn: str) -> Kept | None:
        if self._cache is None:
            return None
        return self._unwritten.get(arn) or await self._pool.run(self._cache.load, arn)

    async def trends(self, jobs: Sequence[Job]) -> dict[str, tuple[float, ...]]:
        """Validation means by job ARN: what is kept, and what the newest few detailed jobs have in S3 by now.

        Jobs that S3 does not answer for are left out: this is an extra of lists, asked for again with the next board.
        """
        found = {k.job.arn: k for k in await self.all_kept()}
        wanted = [j for j in jobs if j.detailed and (j.moving or (j.status == "Completed" and j.arn not in found))]
        for job in wanted[:_MOST_TRENDS]:
            try:
                look = await self.look(job)
            except AppError:
                continue
            if look is not None:
                found[job.arn] = look
        return {arn: tuple(p.mean for p in look.curves.validation) for arn, look in found.items()}

    async def runs_of_files(self, paths: Sequence[Path], *, asked_epochs: int | None = None) -> list[Curves]:
        """The curves of every run in local CSV files or folders, in order of their places. Raises AppError."""
        return await self._pool.run(local_runs, paths, asked_epochs)


def _of_files_of_job(job: Job, files: Sequence[tuple[str, bytes]], sandbox: bool) -> Curves:
    asked = job.hyperparameters.get("epochCount", "")
    epochs = int(float(asked)) if re.fullmatch(r"\d+(\.0*)?", asked) else None
    return curves(job.name, files, asked_epochs=epochs, sandbox=sandbox)


def _chosen(objects: Iterable[StoredObject]) -> list[StoredObject]:
    """The training file nearest to the top and every other metrics file, in order."""
    ordered = sorted(objects, key=lambda o: (len(o.key), o.key))
    training = [o for o in ordered if _TRAINING.search(o.key)][:1]
    return training + [o for o in ordered if not _TRAINING.search(o.key)][: _MOST_FILES - 1]


# Local files


def local_runs(paths: Sequence[Path], asked_epochs: int | None = None) -> list[Curves]:
    """The curves of every run in local CSV files or folders; blocks. Raises AppError."""
    files = [(path, data) for given in paths for path, data in _read(given)]
    if not files:
        raise AppError(Cause.FILE, "No metrics files there", hint="Give the training and validation metrics CSV")
    groups: dict[str, list[tuple[Path, bytes]]] = {}
    for path, data in files:
        groups.setdefault(_run_of(path), []).append((path, data))
    kinds = [bool(_TRAINING.search(path.name)) for path, _ in files]
    if len(files) <= 2 and kinds.count(True) <= 1 and kinds.count(False) <= 1:
        # One training and one validation file are one run, wherever they are.
        groups = {_name_of(paths, files): files}
    made, problems = [], []
    for run, members in groups.items():
        name = safe_line(_name_of(paths, members) if len(groups) == 1 else run.rstrip("/").rsplit("/", 1)[-1], 60)
        try:
            parts = [(str(path), data) for path, data in members]
            made.append(curves(name or "local", parts, asked_epochs=asked_epochs))
        except AppError as error:
            problems.append(error)
    if not made:
        raise problems[0]
    return made


def metrics_files(path: Path) -> list[Path]:
    """The file itself, or the metrics files in a folder and the folders in it. Raises AppError."""
    try:
        if not path.is_dir():
            return [path]
        found = sorted(p for p in path.rglob("*.csv") if p.is_file() and _CSV.search(p.name))
    except OSError as error:
        raise _unreadable(path, error) from None
    if len(found) > _MOST_FILES:
        raise AppError(
            Cause.FILE,
            f"{safe_line(path.name, 60)} holds {count(len(found), 'metrics file')}",
            hint=f"Name a folder with {_MOST_FILES} or fewer",
        )
    return found


def _read(path: Path) -> list[tuple[Path, bytes]]:
    try:
        files = metrics_files(path)
        for file in files:
            _must_end(file)
        return [(file, file.read_bytes()) for file in files]
    except OSError as error:
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: OSError) -> AppError:
    reason = safe_line(error.strerror or str(error), 120)
    return AppError(Cause.FILE, f"{safe_line(path.name, 60)} cannot be read", reason)


def _must_end(path: Path) -> None:
    """Refuse devices, which may never end, and what no memory holds; a pipe from another program is fine."""
    found = path.stat()
    name = safe_line(path.name, 60)
    if not (stat.S_ISREG(found.st_mode) or stat.S_ISFIFO(found.st_mode)):
        raise AppError(Cause.FILE, f"{name} is no file", hint="Give the training and validation metrics CSV")
    if found.st_size > _LARGEST:
        raise AppError(Cause.FILE, f"{name} is too large: {found.st_size / 1e9:.1f} GB", hint="Metrics have kilobytes")


def _run_of(path: Path) -> str:
    """What files of one run have in common: the job's folder; else the folder, without those of one kind of
    metrics, and what the file's name says besides the kind."""
    whole = path.resolve()
    job = next((p for p in whole.parts if _JOB_FOLDER.fullmatch(p)), None)
    if job is not None:
        return str(Path(*whole.parts[: whole.parts.index(job) + 1]))
    folder = whole.parent
    while folder.name and _INNER_FOLDER.fullmatch(folder.name):
        folder = folder.parent
    rest = re.sub(r"[\W_]+", " ", _KIND.sub("", whole.stem)).strip()
    return f"{folder}/{rest}"


def _name_of(given: Sequence[Path], files: Sequence[tuple[Path, bytes]]) -> str:
    if len(given) == 1 and given[0].is_dir():
        return given[0].resolve().name
    return _run_of(files[0][0]).rstrip("/").rsplit("/", 1)[-1]
