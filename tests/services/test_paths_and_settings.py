"""Where files are kept, and the settings file."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from tui.domain.settings import Settings
from tui.services import paths as paths_module
from tui.services.paths import Paths, editable_copies, make_private, shipped_dataset
from tui.services.settings import load


def test_the_shipped_pairs_are_there() -> None:
    for name in (*paths_module.SHIPPED, *paths_module.SHIPPED_JA):
        assert json.loads((shipped_dataset() / name).read_text("utf-8"))


def test_copies_keep_edits(tmp_path: Path) -> None:
    target = tmp_path / "data" / "pairs"
    copies = editable_copies(target)
    assert [c.name for c in copies][:3] == ["training.json", "validation.json", "label.json"]
    assert copies[0].read_bytes() == (shipped_dataset() / "rawdata/training.json").read_bytes()
    copies[0].write_text("edited")
    copies[1].unlink()
    assert editable_copies(target) == copies
    assert copies[0].read_text() == "edited"
    assert copies[1].is_file()
    assert sorted(p.name for p in target.iterdir()) == sorted(c.name for c in copies)


def test_new_folders_are_private_and_old_ones_stay(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    make_private(tmp_path / "a" / "b")
    make_private(tmp_path / "a" / "b")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "a/b").stat().st_mode) == 0o700
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_xdg_is_honoured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("CONFIG", "STATE", "DATA"):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(tmp_path / name))
    paths = Paths.of_user()
    assert paths.settings == tmp_path / "CONFIG" / "tanzaku" / "config.toml"
    assert paths.store == tmp_path / "STATE" / "tanzaku" / "tanzaku.db"
    assert paths.sandbox_store != paths.store
    assert paths.data == tmp_path / "DATA" / "tanzaku"


def test_the_sandbox_is_apart_from_live_data(tmp_path: Path) -> None:
    paths = Paths.under(tmp_path)
    assert len({paths.store, paths.sandbox_store, paths.sandbox_world, paths.settings}) == 4


def test_no_file_is_no_complaint(tmp_path: Path) -> None:
    assert load(Path("/dev/null/tanzaku/config.toml"))[1] == []
    assert load(tmp_path / "config.toml") == (Settings(), [])


def test_a_file_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('theme = "x"\nmax_tokens = 64\n[keys]\n"chat.send" = "ctrl+j"\n')
    settings, complaints = load(path)
    assert (settings.theme, settings.max_tokens, settings.keys) == ("x", 64, {"chat.send": "ctrl+j"})
    assert complaints == []


@pytest.mark.parametrize(
    "content",
    [b"theme = ", b"\xff\xfe", b"theme = 'a'\ntheme = 'b'", b"a = " + b"[" * 5000 + b"]" * 5000],
    ids=["half", "encoding", "twice", "deep"],
)
def test_a_file_that_cannot_be_read_is_told_and_not_used(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    settings, complaints = load(path)
    assert settings == Settings()
    assert len(complaints) == 1
    assert complaints[0].startswith("config.toml is not used: ")


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    assert load(tmp_path)[1]


def test_wrong_values_are_told_one_by_one_and_the_rest_is_used(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('mouse = "no"\ncolour = 3\nmax_tokens = 9\ntemperature = nan\n')
    settings, complaints = load(path)
    assert (settings.mouse, settings.max_tokens, settings.temperature) == (True, 9, None)
    assert complaints == [
        "config.toml: colour is not a setting",
        "config.toml: mouse cannot be 'no'",
        "config.toml: temperature cannot be nan",
    ]
