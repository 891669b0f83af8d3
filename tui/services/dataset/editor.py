"""The user's own editor, run on a file that only this user can read."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line
from tui.services.paths import make_private
from tui.services.saving import write_all


def command(environment: Mapping[str, str]) -> list[str]:
    """The editor and its arguments: $VISUAL, else $EDITOR, else vi. Raises AppError for one that cannot be read."""
    chosen = environment.get("VISUAL") or environment.get("EDITOR") or "vi"
    try:
        words = shlex.split(chosen)
    except ValueError as error:
        raise AppError(Cause.FILE, "$VISUAL or $EDITOR is no command", safe_line(str(error), 80)) from None
    return words or ["vi"]


def edited(text: str, folder: Path, name: str, environment: Mapping[str, str]) -> str:
    """`text` as the editor leaves it; the terminal must be the editor's meanwhile.

    `name` is the app's, never the data's. Raises AppError; when the editor went wrong the file stays in `folder`.
    """
    words = command(environment)
    path = folder / name
    try:
        make_private(folder)
        path.unlink(missing_ok=True)
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
        try:
            write_all(descriptor, text.encode("utf-8", "surrogateescape"))
        finally:
            os.close(descriptor)
        # The editor and what it starts need no rights in AWS.
        bare = {key: value for key, value in environment.items() if not key.startswith("AWS_")}
        status = subprocess.run([*words, str(path.absolute())], env=bare, check=False).returncode
        found = path.read_bytes()
    except FileNotFoundError as error:
        missing = "The text" if str(error.filename) == str(path) else safe_line(words[0], 60)
        raise AppError(Cause.FILE, f"{missing} is not there", hint="Set $VISUAL or $EDITOR to an editor") from None
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise AppError(Cause.FILE, "The editor could not be used", safe_line(reason, 120)) from None
    if status != 0:
        raise AppError(
            Cause.FILE, f"The editor ended with status {status}", f"Its text is in {path}", "Nothing changed"
        )
    try:
        result = found.decode("utf-8")
    except UnicodeDecodeError:
        raise AppError(Cause.FILE, "The edited text is not UTF-8", f"It is in {path}", "Nothing changed") from None
    path.unlink(missing_ok=True)
    return result
