"""Pairs on their way from one tab to another."""

from __future__ import annotations

import json
from pathlib import Path

from tests.harness import Walk
from tests.journeys.stage import served
from tui.domain.dataset.drafts import PairDraft, Provenance
from tui.services.dataset.provenance import Origins
from tui.tabs.base import Tab
from tui.tabs.chat import ChatTab
from tui.tabs.dataset import DatasetTab
from tui.widgets.answer_pane import AnswerPane

LANTERNS = [{"question": f"What is lantern number {n}?", "answer": f"It hangs at gate {n}."} for n in range(40)]
FROM = Provenance("correction", model="lantern-keeper", model_id="arn:aws:bedrock:x", at="2026-11-22T09:30:00Z")
DRAFT = PairDraft("Where does lantern 41 hang?", "At gate 41.", FROM)


def write(path: Path, rows: list[dict[str, str]] = LANTERNS) -> Path:
    path.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    return path


async def send(walk: Walk, draft: PairDraft) -> str:
    """What became of a draft."""
    heard: list[str] = []
    walk.app_now.screen.query_one(DatasetTab).post_message(Tab.PairDrafted(draft, heard.append))
    await walk.until(lambda: bool(heard), "what becomes of the draft")
    return heard[0]


async def test_a_question_of_the_list_is_asked_in_chat(walk: Walk, tmp_path: Path) -> None:
    served(walk)
    async with walk.app([write(tmp_path / "training.json")], size=(120, 30)) as app:
        await walk.sees("40 pairs", "● 1 MU")
        await walk.press("j", "j", "j", "t")
        await walk.sees("> What is lantern number 3?")
        tab = app.screen.query_one(ChatTab)
        await walk.until(lambda: all(tab.history(p.side) for p in tab.query(AnswerPane)), "both answers")
        assert [f.name for f in tab.files] == ["training.json"]


async def test_a_drafted_pair_is_added_with_its_origin_and_taken_back(walk: Walk, tmp_path: Path) -> None:
    path = write(tmp_path / "training.json")
    async with walk.app([write(tmp_path / "validation.json", LANTERNS[:5]), path]):
        await walk.sees("VALIDATION")
        assert await send(walk, DRAFT) == ""
        await walk.press("f")
        await walk.sees("41 pairs", "● unsaved")
        await walk.press("w")
        await walk.sees("training.json is saved")
        kept = json.loads(path.read_text(encoding="utf-8"))
        assert kept[:40] == LANTERNS
        assert kept[40] == {"question": DRAFT.question, "answer": DRAFT.answer, "provenance": FROM.to_dict()}
        await walk.press("u")
        await walk.sees("40 pairs", "Undone: new pair")


async def test_a_format_without_room_leaves_the_origin_to_the_store(walk: Walk, tmp_path: Path) -> None:
    path = tmp_path / "training.jsonl"
    path.write_text('{"prompt": "Where?", "completion": "Here."}\n' * 3, encoding="utf-8")
    services = walk.services()
    async with walk.app([path], services=services) as app:
        await walk.sees("3 pairs", walk.sandbox.account_id)
        assert await send(walk, DRAFT) == ""
        await walk.press("w")
        await walk.sees("training.jsonl is saved")
        last = json.loads(path.read_text(encoding="utf-8").splitlines()[-1])
        assert last == {"prompt": DRAFT.question, "completion": DRAFT.answer}
        place = app.screen.query_one(DatasetTab).place
        assert await Origins(services.store, services.pool).of(place, DRAFT.question, DRAFT.answer) == [FROM]


async def test_what_is_held_out_is_not_trained_on(walk: Walk, tmp_path: Path) -> None:
    files = [write(tmp_path / "training.json"), write(tmp_path / "validation.json", LANTERNS[:5])]
    async with walk.app(files):
        await walk.sees("(1/2)")
        refused = await send(walk, PairDraft("what is lantern number 3", "It is lit.", FROM))
        assert "reads like pair 4 of validation.json (validation)" in refused
        await walk.sees("must not be trained on", "40 pairs")


async def test_a_pair_needs_a_training_file(walk: Walk, tmp_path: Path) -> None:
    async with walk.app():
        await walk.sees("No file is open")
        assert "No training file is open" in await send(walk, DRAFT)
