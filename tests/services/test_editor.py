"""The user's own editor: what it is given, and what happens when it goes wrong."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest

from tui.domain.errors import AppError
from tui.services.dataset.editor import command, edited


def script(folder: Path, code: str) -> dict[str, str]:
    """An editor that runs `code` with the file's path in `path`."""
    program = folder / "an editor.py"
    program.write_text(f"import os, sys\npath = sys.argv[-1]\n{code}\n")
    return {"VISUAL": f'{sys.executable} "{program}" --wait', "PATH": "", "AWS_SECRET_ACCESS_KEY": "secret"}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, ["vi"]),
        ({"EDITOR": "nano -w"}, ["nano", "-w"]),
        ({"EDITOR": "nano", "VISUAL": "'my editor' --wait"}, ["my editor", "--wait"]),
        ({"VISUAL": "", "EDITOR": "nano"}, ["nano"]),
        ({"VISUAL": "  "}, ["vi"]),
    ],
)
def test_which_editor(environment: dict[str, str], words: list[str]) -> None:
    assert command(environment) == words


def test_a_command_that_is_none() -> None:
    with pytest.raises(AppError, match="no command"):
        command({"EDITOR": "'nano"})


def test_the_text_comes_back_and_the_file_goes(tmp_path: Path) -> None:
    code = (
        "text = open(path, newline='').read()\n"
        "mode = oct(os.stat(path).st_mode & 0o777)\n"
        "secrets = [k for k in os.environ if k.startswith('AWS_')]\n"
        "open(path, 'w', newline='').write(f'{text}|{mode}|{secrets}|{sys.argv[1:-1]}')"
    )
    found = edited("門\r\n\u2028", tmp_path / "state" / "edit", "pair.txt", script(tmp_path, code))
    assert found == "門\r\n\u2028|0o600|[]|['--wait']"
    assert list((tmp_path / "state" / "edit").iterdir()) == []
    assert stat.S_IMODE((tmp_path / "state" / "edit").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("code", "said", "kept"),
    [
        ("open(path, 'w').write('new'); sys.exit(1)", "status 1", b"new"),
        ("open(path, 'wb').write(b'\\xff')", "not UTF-8", b"\xff"),
    ],
)
def test_an_editor_that_goes_wrong_leaves_its_file(tmp_path: Path, code: str, said: str, kept: bytes) -> None:
    with pytest.raises(AppError, match=said) as caught:
        edited("old", tmp_path, "pair.txt", script(tmp_path, code))
    assert (tmp_path / "pair.txt").read_bytes() == kept
    assert str(tmp_path / "pair.txt") in caught.value.detail


def test_an_editor_that_removes_its_file(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="The text is not there"):
        edited("old", tmp_path, "pair.txt", script(tmp_path, "os.unlink(path)"))


def test_an_editor_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="/no/such/editor is not there"):
        edited("old", tmp_path, "pair.txt", {"VISUAL": "/no/such/editor"})


def test_a_link_in_the_way_is_not_followed(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.write_text("untouched")
    (tmp_path / "pair.txt").symlink_to(aim)
    edited("old", tmp_path, "pair.txt", script(tmp_path, "pass"))
    assert aim.read_text() == "untouched"
