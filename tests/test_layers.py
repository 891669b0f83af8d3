"""What an import brings with it, seen in a fresh process: the start stays quick and the layers stay apart."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
AWS = {"boto3", "botocore", "moto", "s3transfer", "urllib3"}
FRAMES = {"pandas", "numpy"}
CHARTS = {"plotext", "textual_plotext"}
TERMINAL = {"textual", "rich"}
SERVER = {"flask", "werkzeug"}
OWN = {"tui.services", "tui.sandbox", "tui.widgets", "tui.dialogs", "tui.tabs", "tui.screens", "tui.app"}


def modules_of(folder: str) -> list[str]:
    """Every module of a package of `tui`, by name."""
    files = sorted((ROOT / "tui" / folder).rglob("*.py"))
    return [".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for f in files]


def loaded_by(*names: str) -> set[str]:
    """What is in sys.modules after importing `names`, in a process of its own."""
    code = (
        "import sys, json\nbefore = set(sys.modules)\n"
        + "".join(f"import {name}\n" for name in names)
        + "print(json.dumps(sorted(set(sys.modules) - before)))"
    )
    command = [sys.executable, "-X", "utf8", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


def roots(modules: set[str]) -> set[str]:
    return {name.partition(".")[0] for name in modules}


def test_the_domain_brings_the_standard_library_only() -> None:
    loaded = loaded_by(*modules_of("domain"))
    assert roots(loaded) - sys.stdlib_module_names == {"tui"}
    assert {name for name in loaded if name.startswith("tui.")} == set(modules_of("domain"))


def test_the_session_brings_nothing_heavy() -> None:
    loaded = loaded_by("tui.services.session")
    assert roots(loaded).isdisjoint(AWS | FRAMES | CHARTS | TERMINAL | SERVER)
    assert loaded.isdisjoint(OWN - {"tui.services"})


def test_the_services_bring_no_terminal_and_no_sandbox() -> None:
    loaded = loaded_by(*modules_of("services"))
    assert roots(loaded).isdisjoint(AWS | FRAMES | CHARTS | TERMINAL | SERVER)
    assert loaded.isdisjoint(OWN - {"tui.services"})


def test_widgets_know_no_aws_and_no_other_layer() -> None:
    loaded = loaded_by(*modules_of("widgets"))
    assert roots(loaded).isdisjoint(AWS | FRAMES | SERVER)
    assert loaded.isdisjoint(OWN - {"tui.widgets"})


def test_dialogs_know_no_service() -> None:
    loaded = loaded_by(*modules_of("dialogs"))
    assert roots(loaded).isdisjoint(AWS | FRAMES | SERVER)
    assert loaded.isdisjoint({"tui.services", "tui.sandbox", "tui.tabs", "tui.screens", "tui.app"})


def test_the_app_starts_without_what_comes_later() -> None:
    loaded = loaded_by("tui.app")
    assert roots(loaded).isdisjoint(AWS | FRAMES | CHARTS | SERVER)
    assert "tui.sandbox" not in loaded
    later = {
        "tui.domain.training.jobs",
        "tui.domain.chat.chat",
        "tui.domain.dataset.split",
        "tui.domain.files.exporting",
        "tui.domain.dataset.characters",
        "tui.widgets.fields",
        "textual.widgets._text_area",
        "tui.screens.one_go",
        "tui.tabs.dataset_pairs",
        "tui.tabs.dataset_upload",
        "tui.tabs.dataset_generate",
    }
    assert loaded.isdisjoint(
        later | {"tui.services.store", "tui.services.serving.endpoints", "sqlite3", "tomllib", "csv"}
    )


def test_the_command_line_is_light() -> None:
    loaded = loaded_by("tui.__main__")
    assert roots(loaded).isdisjoint(AWS | FRAMES | CHARTS | TERMINAL | SERVER)
    assert loaded.isdisjoint(OWN)


def test_what_follows_aws_is_imported_before_its_services_are_made_on_the_loop() -> None:
    code = """
import sys
from pathlib import Path
from tui.domain.settings import Settings
from tui.services import session
from tui.services.paths import Paths
made = session.build(None, sandbox=True, paths=Paths.under(Path("nowhere")), settings=Settings())
session.import_what_follows_aws()
before = set(sys.modules)
made.reconciler, made.one_go, made.watcher, made.news, made.regions
print(sorted(set(sys.modules) - before))
"""
    command = [sys.executable, "-X", "utf8", "-c", code]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr + done.stdout


def test_the_sandbox_knows_nothing_of_the_app() -> None:
    loaded = loaded_by("tui.sandbox.server")
    assert roots(loaded).isdisjoint(TERMINAL | CHARTS | {"pandas"})
    assert loaded.isdisjoint((OWN - {"tui.sandbox"}) | {"tui.domain"})


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_what_needs_no_app_starts_none(option: str) -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tui", option],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0
    assert "tanzaku" in done.stdout
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert roots(names).isdisjoint(AWS | FRAMES | CHARTS | TERMINAL | SERVER)


def test_the_parts_of_a_tab_know_no_part_of_another_tab() -> None:
    """The contract of import-linter names the tabs; this holds their parts (`dataset_files`, `jobs_serve`) to it."""
    across = [
        f"{path.stem} → {name}"
        for path in (ROOT / "tui" / "tabs").glob("*.py")
        for name in re.findall(r"^\s*(?:from|import) tui\.tabs\.(\w+)", path.read_text("utf-8"), re.MULTILINE)
        if name != "base" and name.partition("_")[0] != path.stem.partition("_")[0]
    ]
    assert across == []
