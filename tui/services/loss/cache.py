"""Curves kept on this machine by the ETags of their files: there at once the next time, and when S3 is not."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tui.domain.errors import AppError, Cause
from tui.domain.loss.losses import Curves, EpochPoint, Series, StepPoint
from tui.domain.text import safe_line
from tui.domain.training.jobs import Job
from tui.domain.values import dataclass
from tui.services.paths import make_private

_FORM = 1
"""Of the files; those of another form are read from S3 again."""
_MOST = 300
"""Jobs whose curves are kept, the newest."""
_JOB_FIELDS = ("arn", "name", "status", "base_model_arn", "training_uri", "output_uri", "role_arn", "model_arn")


@dataclass(frozen=True, slots=True)
class Kept:
    """The curves of a job as they were read at `read` from the objects with these `etags` (key, ETag)."""

    job: Job
    curves: Curves
    etags: tuple[tuple[str, str], ...]
    read: datetime


class LossCache:
    """One JSON file per job in a folder of this user's own. Methods block for a few milliseconds."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _path(self, arn: str) -> Path:
        return self._folder / f"{hashlib.sha256(arn.encode('utf-8', 'replace')).hexdigest()[:24]}.json"

    def load(self, arn: str) -> Kept | None:
        """What was kept of a job; None when there is nothing, or nothing that can be read."""
        return _loaded(self._path(arn))

    def all(self) -> list[Kept]:
        """Everything kept, newest job first."""
        found = [kept for path in self._files() if (kept := _loaded(path)) is not None]
        return sorted(found, key=lambda kept: kept.job.created, reverse=True)

    def save(self, kept: Kept) -> None:
        """Keep the curves of a job, whole or not at all. Raises AppError (cause FILE)."""
        path = self._path(kept.job.arn)
        partial = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}.tmp")
        try:
            make_private(self._folder)
            data = json.dumps(_to_json(kept), ensure_ascii=True).encode()
            with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
                file.write(data)
            partial.replace(path)
            self._forget_oldest()
        except OSError as error:
            with contextlib.suppress(OSError):
                partial.unlink(missing_ok=True)
            reason = safe_line(error.strerror or str(error), 120)
            raise AppError(Cause.FILE, "The curves could not be kept for the next time", reason) from None

    def _files(self) -> list[Path]:
        try:
            return [path for path in self._folder.iterdir() if path.suffix == ".json"]
        except OSError:  # nothing kept yet
            return []

    def _forget_oldest(self) -> None:
        files = sorted(self._files(), key=lambda path: path.stat().st_mtime)
        for path in files[:-_MOST]:
            path.unlink(missing_ok=True)


def _loaded(path: Path) -> Kept | None:
    try:
        return _from_json(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError, KeyError):
        # What another version or a broken disk left is read from S3 again.
        return None


def _to_json(kept: Kept) -> dict[str, Any]:
    job, curves = kept.job, kept.curves
    return {
        "form": _FORM,
        "read": kept.read.isoformat(),
        "etags": [list(pair) for pair in kept.etags],
        "job": {name: getattr(job, name) for name in _JOB_FIELDS}
        | {
            "created": job.created.isoformat(),
            "ended": job.ended.isoformat() if job.ended else None,
            "hyperparameters": dict(job.hyperparameters),
            "validation_uris": list(job.validation_uris),
        },
        "curves": {
            field.name: getattr(curves, field.name)
            for field in dataclasses.fields(curves)
            if field.name not in ("training", "validation", "steps", "others", "smoothed")
        }
        | {
            "training": _points(curves.training),
            "validation": _points(curves.validation),
            "steps": _steps(curves.steps),
            "others": [[one.name, _points(one.points)] for one in curves.others],
            "smoothed": [[beta, _steps(points)] for beta, points in curves.smoothed],
        },
    }


def _points(points: tuple[EpochPoint, ...]) -> list[list[Any]]:
    return [[p.epoch, p.mean, p.rows, p.low, p.high, p.deviation, p.perplexity] for p in points]


def _steps(points: tuple[StepPoint, ...]) -> list[list[Any]]:
    return [[p.position, p.loss, p.step] for p in points]


def _from_json(data: Mapping[str, Any]) -> Kept | None:
    if data["form"] != _FORM:
        return None
    job, curves = dict(data["job"]), dict(data["curves"])
    job["created"] = datetime.fromisoformat(job["created"])
    job["ended"] = datetime.fromisoformat(job["ended"]) if job["ended"] else None
    job["validation_uris"] = tuple(job["validation_uris"])
    for name in ("sources", "notes", "lost_epochs"):
        curves[name] = tuple(curves[name])
    curves["training"] = tuple(EpochPoint(*p) for p in curves["training"])
    curves["validation"] = tuple(EpochPoint(*p) for p in curves["validation"])
    curves["steps"] = tuple(StepPoint(*p) for p in curves["steps"])
    curves["others"] = tuple(Series(name, tuple(EpochPoint(*p) for p in points)) for name, points in curves["others"])
    curves["smoothed"] = tuple((beta, tuple(StepPoint(*p) for p in points)) for beta, points in curves["smoothed"])
    etags = tuple((str(key), str(etag)) for key, etag in data["etags"])
    return Kept(Job(**job, detailed=True), Curves(**curves), etags, datetime.fromisoformat(data["read"]))
