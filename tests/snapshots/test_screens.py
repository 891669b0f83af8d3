"""How the screens look, whole, in the two sizes that count and in trouble.

After a wanted change: `pytest -n 0 tests/snapshots --snapshot-update`, then look at what changed.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.harness import Walk, leave, nobody
from tests.sandbox.conftest import PAIRS, WHOLE_JOB, Scene
from tests.snapshots.conftest import Compare
from tui.app import TanzakuApp
from tui.domain.settings import Settings
from tui.sandbox.faults import FaultKind
from tui.services.session import Services
from tui.tabs.chat import ChatTab

SMALL, LARGE = (80, 24), (120, 40)
SIZES = pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
Act = Callable[[], Awaitable[None]]


class Photographer:
    """Runs the app, acts, and compares what is then on the screen."""

    def __init__(self, walk: Walk, compare: Compare) -> None:
        self.walk = walk
        self.compare = compare

    def same(
        self,
        act: Act,
        *,
        size: tuple[int, int],
        files: Sequence[Path] = (),
        services: Services | None = None,
    ) -> bool:
        """Whether the screen after the act is the one that was agreed on."""

        async def run_before(pilot: Pilot[None]) -> None:
            self.walk.pilot = pilot
            await act()
            await pilot.pause()

        app = TanzakuApp(services or self.walk.services(), files)
        try:
            return self.compare(app, terminal_size=size, run_before=run_before)
        finally:
            leave(app)


@pytest.fixture
def photographer(walk: Walk, snap_compare: Compare) -> Photographer:
    return Photographer(walk, snap_compare)


def _pairs(folder: Path) -> Path:
    """Pairs with what is hard to lay out: markup, Japanese, emoji, control characters, a gap and a twin."""
    hard = [
        ("What is [/INST] and [bold]?", "Text, like [/] and [@click=app.quit]this[/]."),
        ("短冊とは何ですか？", "俳句や願い事を書く細長い紙です。" * 4),
        ("A family 👨‍👩‍👧, a tab\tand\na line?", "Shown on one line in the list,\nand as it is below."),
        ("Colours \x1b[31mred\x1b[0m?", "Escapes never reach the terminal."),
        ("No answer?", ""),
    ]
    return _written(folder, [*hard, *PAIRS])


def _written(folder: Path, pairs: Sequence[tuple[str, str]]) -> Path:
    file = folder / "training.json"
    file.write_text(json.dumps([{"question": q, "answer": a} for q, a in pairs], ensure_ascii=False), "utf-8")
    return file


@SIZES
def test_dataset(photographer: Photographer, size: tuple[int, int], tmp_path: Path) -> None:
    walk = photographer.walk

    async def act() -> None:
        await walk.sees("training.json", "1 error, 3 warnings", walk.sandbox.account_id)
        await walk.press("j", "j")
        await walk.sees("a tab")

    assert photographer.same(act, size=size, files=[_pairs(tmp_path)])


def test_upload_dialog(photographer: Photographer, tmp_path: Path) -> None:
    walk = photographer.walk

    async def act() -> None:
        await walk.sees("✓ clean", walk.sandbox.account_id)
        await walk.press("p")
        await walk.sees("Convert and upload to S3", "will be created")

    assert photographer.same(act, size=SMALL, files=[_written(tmp_path, PAIRS)])


def _runs(scene: Scene) -> None:
    """A job that completed and is served, one that failed, one in training."""
    request = scene.ready_for_jobs()
    job = scene.bedrock.create_model_customization_job(**request)["jobArn"]
    scene.pass_time(WHOLE_JOB)
    scene.throughput(scene.job(job)["outputModelArn"])
    bad = scene.upload("in/bad.jsonl", '{"prompt": "no such layout"}\n' * 40)
    broken = request | {"jobName": "lessons-2", "customModelName": "lamp", "trainingDataConfig": {"s3Uri": bad}}
    scene.bedrock.create_model_customization_job(**broken)
    scene.pass_time(WHOLE_JOB)
    more = request | {"jobName": "lessons-3", "customModelName": "keeper-3"}
    scene.bedrock.create_model_customization_job(**more)
    scene.pass_time(1300)


@SIZES
def test_jobs(photographer: Photographer, scene: Scene, size: tuple[int, int]) -> None:
    walk = photographer.walk
    _runs(scene)

    async def act() -> None:
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("3 runs", "● Training", "✗ Failed", "MU")
        await walk.press("g", "j")
        await walk.sees("Validation ✗", "asked")

    assert photographer.same(act, size=size)


@SIZES
def test_loss(photographer: Photographer, scene: Scene, size: tuple[int, int]) -> None:
    walk = photographer.walk
    scene.bedrock.create_model_customization_job(**scene.ready_for_jobs())
    scene.pass_time(WHOLE_JOB)

    async def act() -> None:
        await walk.sees(walk.sandbox.account_id)
        await walk.press("2")
        await walk.sees("✓ Completed")
        await walk.press("enter")
        await walk.sees("best epoch")

    assert photographer.same(act, size=size)


async def _ask(walk: Walk) -> None:
    await walk.sees(walk.sandbox.account_id, "MU")
    await walk.press("4")
    await walk.sees("A  lantern-keeper")
    await walk.type("What is lantern number 3?")
    await walk.press("enter")


@SIZES
def test_chat(photographer: Photographer, scene: Scene, size: tuple[int, int]) -> None:
    walk = photographer.walk
    scene.throughput(scene.model())

    async def act() -> None:
        await _ask(walk)
        tab = walk.app_now.screen.query_one(ChatTab)
        await walk.until(lambda: all(tab.history(pane.side) for pane in tab.panes), "both answers")
        await walk.sees("tok/s")

    assert photographer.same(act, size=size)


def test_answer_cut_off(photographer: Photographer, scene: Scene) -> None:
    walk = photographer.walk
    scene.throughput(scene.model())
    walk.sandbox.faults.add(kind=FaultKind.END, operation="ConverseStream", times=2, after=4)

    async def act() -> None:
        await _ask(walk)
        tab = walk.app_now.screen.query_one(ChatTab)
        await walk.until(lambda: not any(pane.busy for pane in tab.panes), "the end of both answers")
        await walk.sees("cut off")

    assert photographer.same(act, size=LARGE)


def test_no_credentials(photographer: Photographer, tmp_path: Path) -> None:
    walk = photographer.walk

    async def act() -> None:
        await walk.sees("no credentials", "1 error, 3 warnings", "looks again")

    with nobody(tmp_path):
        assert photographer.same(act, size=SMALL, files=[_pairs(tmp_path)], services=walk.live_services("us-west-2"))


def test_washi(photographer: Photographer, tmp_path: Path) -> None:
    walk = photographer.walk

    async def act() -> None:
        await walk.sees("training.json", "1 error, 3 warnings", walk.sandbox.account_id)
        await walk.press("question_mark")
        await walk.sees("esc")

    services = walk.services(settings=Settings(theme="washi"))
    assert photographer.same(act, size=LARGE, files=[_pairs(tmp_path)], services=services)


def test_too_small(photographer: Photographer, tmp_path: Path) -> None:
    walk = photographer.walk

    async def act() -> None:
        await walk.sees("60 × 16")

    assert photographer.same(act, size=(59, 15), files=[_pairs(tmp_path)])
