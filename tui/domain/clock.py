"""Time as the rest of the program sees it, so that tests and pictures can hold it still."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Now = Callable[[], datetime]
"""Gives the present as an aware UTC datetime."""


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


def span(delta: timedelta) -> str:
    """A duration in at most two units: `8 s`, `3 m 20 s`, `1 h 22 m`, `2 d 4 h`."""
    seconds = max(0, int(delta.total_seconds()))
    for size, name, lower_size, lower in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if seconds >= size:
            rest = seconds % size // lower_size
            return f"{seconds // size} {name} {rest} {lower}" if rest else f"{seconds // size} {name}"
    return f"{seconds} s"


def ago(moment: datetime, now: datetime) -> str:
    """How long ago, coarse: `just now`, `5 m ago`, `yesterday`, `12 d ago`."""
    seconds = (now - moment).total_seconds()
    if seconds < 10:
        return "just now"
    if seconds < 60:
        return f"{int(seconds)} s ago"
    if seconds < 3600:
        return f"{int(seconds // 60)} m ago"
    if seconds < 86400:
        return f"{int(seconds // 3600)} h ago"
    days = int(seconds // 86400)
    return "yesterday" if days == 1 else f"{days} d ago"


def end_time(moment: datetime, now: datetime) -> str:
    """Local time of day, with the day where it is another one."""
    local = moment.astimezone()
    return f"{local:%H:%M}" if local.date() == now.astimezone().date() else f"{local:%m-%d %H:%M}"


def absolute(moment: datetime) -> str:
    """Local date and time with the zone's offset."""
    return moment.astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
