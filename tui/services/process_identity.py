"""Which process wrote something on disk, and whether it may still run: process id, boot and machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def boot_id() -> str:
    """What tells one run of this machine from the next; nothing where the system has no such thing."""
    with suppress(OSError):
        return _BOOT_ID.read_text().strip()
    return ""


def host() -> str:
    """This machine's name."""
    return os.uname().nodename


def alive(header: Mapping[str, Any]) -> bool:
    """Whether the process that a header or lock names may still run."""
    if header.get("host") != host():
        return True  # nothing can be known of another machine
    if header.get("boot") != boot_id():
        return False
    try:
        os.kill(int(header.get("pid", 0)) or -1, 0)
    except (ProcessLookupError, OverflowError):  # nor has any a number that the system cannot count to
        return False
    except PermissionError:
        return True
    return True


def whoami() -> dict[str, Any]:
    """What a header or lock says of its process."""
    return {"pid": os.getpid(), "boot": boot_id(), "host": host()}
