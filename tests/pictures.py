"""Pictures of the app for the README: `python -m tests.pictures` writes them to `screenshots/`.

The real app takes the whole walk over a sandbox in this process; time stands still but for what the walk lets pass, so
that the pictures change only when the screens do.
"""

from __future__ import annotations

import asyncio
import html
import json
import re
import sys
import tempfile
from pathlib import Path

from rich.cells import cell_len

from tests.harness import Walk, fixed_chances, nobody
from tui.sandbox.clock import ManualClock
from tui.sandbox.server import Sandbox
from tui.services.paths import Paths, editable_copies
from tui.tabs.chat import ChatTab

FOLDER = Path(__file__).resolve().parent.parent / "screenshots"
WIDE, NARROW, MIDDLE = (120, 40), (80, 24), (100, 30)
ENGLISH = ("training.json", "validation.json", "label.json")
JAPANESE = ("training.ja.json", "validation.ja.json")
_FONTS = "'Fira Code', 'DejaVu Sans Mono', 'Noto Sans Mono CJK JP', 'Noto Sans CJK JP', monospace"


_CELL = 12.2
_TEXT = re.compile(
    r'<text class="(?P<name>terminal-r\d+)" x="(?P<x>[\d.]+)" y="(?P<y>[\d.]+)" textLength="[\d.]+" clip-path="[^"]*">'
    r"(?P<text>[^<]*)</text>"
)
_ALONE = "\u2500-\u28ff"  # lines, blocks, shapes and braille, whose widths differ from font to font
_WIDE = "\u2e80-\uffdc"
_WORD = f"[^\\xa0{_ALONE}{_WIDE}]"
# Runs of blanks, of one drawing character, of wide characters, and of the rest with single blanks in it.
_PIECES = re.compile(rf"\xa0+|([{_ALONE}])\1*|[{_WIDE}]+|{_WORD}+(?:\xa0{_WORD}+)*")


class Camera:
    """Writes what is on the screen as SVG."""

    def __init__(self, walk: Walk, folder: Path) -> None:
        self.walk = walk
        self.folder = folder
        self.made: list[Path] = []

    def take(self, name: str) -> None:
        """Write the screen as it is now."""
        svg = self.walk.app_now.export_screenshot(title="tanzaku 短冊", simplify=True)
        path = self.folder / f"{name}.svg"
        path.write_text(portable(svg), "utf-8")
        self.made.append(path)


def portable(svg: str) -> str:
    """Without fonts to fetch, with the same ids in every run, and every piece of text in its own cells.

    The exporter counts characters, not cells: Japanese would be squeezed to half its width.
    """
    svg = re.sub(r"@font-face \{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = svg.replace("font-family: Fira Code, monospace", f"font-family: {_FONTS}")
    svg = re.sub(r"\s*font-variant-east-asian: full-width;", "", svg)
    svg = re.sub(r"terminal-\d+", "terminal", svg)
    return _TEXT.sub(_in_cells, svg)


def _in_cells(found: re.Match[str]) -> str:
    name, x, y, text = found["name"], float(found["x"]), found["y"], html.unescape(found["text"])
    parts, at = [], 0
    for piece in (match[0] for match in _PIECES.finditer(text)):
        cells = cell_len(piece)
        if piece.strip("\u00a0\n"):
            shown = html.escape(piece).replace("\u00a0", "&#160;")
            place = f'x="{x + at * _CELL:g}" y="{y}" textLength="{cells * _CELL:g}"'
            parts.append(f'<text class="{name}" {place}>{shown}</text>')
        at += cells
    return "".join(parts)


async def english(walk: Walk, camera: Camera) -> None:
    """From pairs to two answers, at 120x40."""
    files = [_copy(walk, name, "english") for name in ENGLISH]
    async with walk.app(files, size=WIDE):
        await walk.sees("training.json", "✓ clean", walk.sandbox.account_id)
        await walk.press("j", "j", "j")
        camera.take("dataset")
        await walk.press("p")
        await walk.sees("Convert and upload to S3", "will be created")
        camera.take("upload")
        await walk.press("enter")
        await walk.sees("uploaded. Next: 2")
        await _train(walk, camera)
        await _serve(walk, camera)
        await walk.press("l")
        await walk.sees("■ training", "best epoch")
        camera.take("loss")
        await _ask(walk, camera)


async def _train(walk: Walk, camera: Camera) -> None:
    await walk.press("2")
    await walk.sees("No runs yet")
    await walk.press("n")
    await walk.sees("New job on Claude 3 Haiku", "steps per epoch")
    await walk.press("end", "backspace", "1", "0")
    await walk.sees("× 10 epochs")
    camera.take("new-job")
    await walk.press("ctrl+s")
    await walk.sees("Create the IAM role")
    await walk.press("y")
    await walk.sees("is started")
    for seconds, phase in ((200, "● Data processing"), (200, "◌ Queued"), (900, "● Training")):
        await walk.pass_time(seconds)
        await walk.sees(phase)
    await walk.pass_time(2500)
    await walk.sees("✓ Completed")


async def _serve(walk: Walk, camera: Camera) -> None:
    await walk.press("b")
    await walk.sees("provisioned throughput", "bills")
    camera.take("serve")
    await walk.press("enter")
    await walk.sees("Nothing was bought")
    await walk.type("claude-3-haiku")
    await walk.press("enter")
    await walk.sees("◌ Creating")
    await walk.pass_time(700)
    await walk.sees("● 1 MU 0:11")
    await walk.press("n")
    await walk.sees("steps per epoch")
    await walk.press("ctrl+s")
    await walk.sees("is started")
    await walk.pass_time(200)
    await walk.pass_time(200)
    await walk.pass_time(900)
    await walk.sees("● Training", "2 runs", "1 MU 0:33")
    await walk.press("r", "G")
    await walk.sees("ended 2026-01-05 10:00")
    camera.take("jobs")


async def _ask(walk: Walk, camera: Camera) -> None:
    await walk.press("2", "G", "c")
    await walk.sees("A  claude-3-haiku-", "1 MU")
    pairs = json.loads(_copy(walk, "training.json", "english").read_text("utf-8"))
    for number, at in enumerate((3, 9), 1):
        await walk.type(pairs[at]["sentence1"])
        await walk.press("enter")
        await _answered(walk, number)
    camera.take("chat")
    await walk.press("escape", "$")
    await walk.sees("What bills by the hour")
    camera.take("money")
    await walk.press("escape")
    await _evaluate(walk, camera)


async def _evaluate(walk: Walk, camera: Camera) -> None:
    await walk.press("E")
    await walk.sees("New evaluation")
    await walk.press("ctrl+s")
    await walk.sees("Cost:")
    await walk.press("y")
    await walk.sees("The evaluation is done")
    camera.take("evaluation")


async def _answered(walk: Walk, number: int) -> None:
    tab = walk.app_now.screen.query_one(ChatTab)
    await walk.until(lambda: all(len(tab.history(pane.side)) == 2 * number for pane in tab.panes), "both answers")


async def narrow(walk: Walk, camera: Camera) -> None:
    """The list at the size of a plain terminal, and Japanese pairs."""
    async with walk.app([_copy(walk, name, "narrow") for name in ENGLISH[:2]], size=NARROW):
        await walk.sees("training.json", "✓ clean", walk.sandbox.account_id)
        camera.take("dataset-narrow")
    async with walk.app([_copy(walk, name, "japanese") for name in JAPANESE], size=MIDDLE):
        await walk.sees("training.ja.json", "✓ clean", walk.sandbox.account_id)
        await walk.press("j")
        camera.take("japanese")


async def trouble(walk: Walk, camera: Camera, home: Path) -> None:
    """Live, with no credentials."""
    with nobody(home):
        files = [_copy(walk, "training.json", "trouble")]
        async with walk.app(files, size=NARROW, services=walk.live_services("us-west-2")):
            await walk.sees("no credentials", "✓ clean")
            camera.take("no-credentials")


def _copy(walk: Walk, name: str, scene: str) -> Path:
    """Each scene has copies of its own: a file that an earlier app of this process had open counts as open."""
    return next(path for path in editable_copies(walk.paths.data / scene) if path.name == name)


async def _all(folder: Path, home: Path) -> list[Path]:
    clock = ManualClock()
    with Sandbox(clock=clock) as sandbox:
        sandbox.reset()
        walk = Walk(sandbox, clock, Paths.under(home))
        camera = Camera(walk, folder)
        await narrow(walk, camera)
        await english(walk, camera)
        await trouble(walk, camera, home)
        return camera.made


def main() -> int:
    """Write all pictures."""
    with tempfile.TemporaryDirectory() as home, fixed_chances():
        for path in asyncio.run(_all(FOLDER, Path(home))):
            print(path.name, f"{path.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
