"""botocore's descriptions of the services, read with less: they are most of what the clients weigh."""

from __future__ import annotations

import gzip
import json
from typing import Any


def read_leanly(session: Any) -> None:
    """Let a botocore session read its JSON files into plain dictionaries, without the documentation in them.

    Its own ordered ones, with all the text for `help()`, take 8 of 22 MB for five clients, and more time.
    """
    loader = session.get_component("data_loader")
    loader.file_loader = _LeanFiles(loader.file_loader)


class _LeanFiles:
    """What botocore's Loader wants of a `file_loader`."""

    def __init__(self, files: Any) -> None:
        self._files = files

    def exists(self, path: str) -> bool:
        """Whether there is a file of that name, which lacks its ending."""
        found: bool = self._files.exists(path)
        return found

    def load_file(self, path: str) -> dict[str, Any] | None:
        """The object in a file of that name; None when there is none."""
        for ending, opened in ((".json", open), (".json.gz", gzip.open)):
            try:
                with opened(path + ending, "rb") as file:
                    text = file.read()
            except (FileNotFoundError, IsADirectoryError):
                continue
            found: dict[str, Any] = json.loads(text, object_pairs_hook=_undocumented)
            return found
        return None


def _undocumented(members: list[tuple[str, Any]]) -> dict[str, Any]:
    """The text goes, not its name, which botocore asks for here and there; also a field may be called so."""
    return {key: "" if key == "documentation" and isinstance(value, str) else value for key, value in members}
