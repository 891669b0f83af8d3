"""Reads the settings file."""

from __future__ import annotations

from pathlib import Path

from tui.domain.settings import Settings
from tui.domain.text import safe_line


def load(path: Path) -> tuple[Settings, list[str]]:
    """The settings, and a sentence for each thing in the file that could not be used. Never raises."""
    try:
        text = path.read_text("utf-8")
        import tomllib  # only where there is a file: it takes a while

        data = tomllib.loads(text)
    except (FileNotFoundError, NotADirectoryError):  # XDG_CONFIG_HOME=/dev/null is a way to say so
        return Settings(), []
    except (OSError, ValueError, RecursionError) as error:  # TOML and UTF-8 errors are ValueErrors
        return Settings(), [f"{path.name} is not used: {safe_line(str(error), 200)}"]
    settings, complaints = Settings.from_mapping(data)
    return settings, [f"{path.name}: {safe_line(c, 200)}" for c in complaints]
