"""Where the app keeps things: settings, state, the sandbox's world and editable copies of the shipped pairs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from tui.domain.errors import AppError, Cause
from tui.domain.values import dataclass

_APP = "tanzaku"
SHIPPED = ("rawdata/training.json", "rawdata/validation.json", "eval/label.json")
SHIPPED_JA = ("rawdata/training.ja.json", "rawdata/validation.ja.json", "eval/label.ja.json")


@dataclass(frozen=True, slots=True)
class Paths:
    """The folders in use."""

    config: Path
    state: Path
    data: Path

    @classmethod
    def of_user(cls) -> Paths:
        """The platform's folders for this user; XDG variables are honoured."""
        from platformdirs import PlatformDirs

        dirs = PlatformDirs(_APP, appauthor=False)
        return cls(Path(dirs.user_config_dir), Path(dirs.user_state_dir), Path(dirs.user_data_dir))

    @classmethod
    def under(cls, root: Path) -> Paths:
        """Everything below one folder, for tests and pictures."""
        return cls(root / "config", root / "state", root / "data")

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self.config / "config.toml"

    @property
    def store(self) -> Path:
        """The database for live AWS."""
        return self.state / "tanzaku.db"

    @property
    def sandbox_store(self) -> Path:
        """The database for the sandbox, apart from live data."""
        return self.state / "sandbox" / "tanzaku.db"

    @property
    def sandbox_world(self) -> Path:
        """What the sandbox's AWS holds."""
        return self.state / "sandbox" / "world"

    @property
    def pairs(self) -> Path:
        """The shipped pairs, as copies that may be edited."""
        return self.data / "pairs"

    def losses(self, *, sandbox: bool) -> Path:
        """The folder of curves kept for the next time."""
        return (self.state / "sandbox" if sandbox else self.state) / "losses"


def make_private(folder: Path) -> None:
    """Make a folder, and those above it that are not there yet, for this user alone. Raises OSError."""
    for missing in (*reversed(folder.parents), folder):
        if not missing.exists():
            missing.mkdir(mode=0o700, exist_ok=True)


def shipped_dataset() -> Path:
    """The folder of pairs that comes with the app: inside the wheel, or beside the package in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "dataset", package.parent / "dataset"):
        if (folder / SHIPPED[0]).is_file():
            return folder
    raise AppError(Cause.FILE, "The shipped pairs are missing", hint="Install tanzaku again")


def editable_copies(target: Path) -> list[Path]:
    """Copies of all shipped pairs below `target`, made where they are not there yet; English ones first.

    A copy that the user has changed stays as it is.
    """
    source = shipped_dataset()
    copies = []
    for name in (*SHIPPED, *SHIPPED_JA):
        copy = target / Path(name).name
        if not copy.exists():
            make_private(target)
            partial = copy.with_name(f".{copy.name}.{os.getpid()}")
            shutil.copyfile(source / name, partial)
            partial.replace(copy)
        copies.append(copy)
    return copies
