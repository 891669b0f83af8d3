"""The evaluation screen with a thousand judged questions: opened, moved in, filtered, exported."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks.figures import Figure, median
from tests.benchmarks.terminal import Terminal
from tests.benchmarks.world import ACCOUNT, NEEDLE, World, python
from tui.domain.chat.chat import Target
from tui.domain.evaluation.judging import Judge, JudgeKind, Ruling, Score, Side
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.spec import IMPORTED, Answer, Question, Slot, Spec
from tui.services.evaluation.store import EvaluationStore
from tui.services.store import Store

_QUESTIONS = 1_000
_NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
_JUDGE = Judge(JudgeKind.MODEL, Target("Judge", "judge-model", ""))


def screen(world: World, rounds: int) -> Iterator[Figure]:
    """All of it in the app, over answers that stand in its store."""
    environment = world.environment("evaluated")
    home = Path(environment["HOME"])
    _kept(home / ".local" / "state" / "tanzaku" / "sandbox" / "tanzaku.db")
    with Terminal(python("tui", "--sandbox"), environment, size=(120, 40)) as terminal:
        terminal.wait(ACCOUNT)
        terminal.press("4")
        terminal.press("escape", quiet=0.5)
        sent = terminal.send("E")
        opened = terminal.wait(f"n {_QUESTIONS}") - sent
        yield Figure("judged", f"{_QUESTIONS:,} questions opened, with their interval", opened, "s", 2)
        terminal.settle(1)
        moved = [terminal.press("j") for _ in range(20)]
        yield Figure("judged", "cursor key: first painted, median", median([b.first_ms for b in moved]), "ms", 16)
        yield Figure("judged", "cursor key: all painted, median", median([b.last_ms for b in moved]), "ms")
        yield Figure("judged", "cursor key: bytes", median([b.bytes for b in moved]), "B")
        sorts = [terminal.press("s") for _ in range(3)]
        yield Figure("judged", "sorted anew: all painted", median([b.last_ms for b in sorts]), "ms", 100)
        yield Figure("judged", "filter, a letter: all painted, worst", _filtered(terminal), "ms", 100)
        for kind in range(4):
            yield _exported(terminal, world.root / f"export-{kind}", kind)


def _filtered(terminal: Terminal) -> float:
    terminal.press("/")
    took = max(terminal.press(letter).last_ms for letter in NEEDLE)
    terminal.wait("/ " + NEEDLE)
    terminal.press("escape", quiet=0.5)
    return took


def _exported(terminal: Terminal, folder: Path, kind: int) -> Figure:
    folder.mkdir()
    terminal.press("x")
    terminal.wait("Export as")
    for _ in range(kind):
        terminal.press("down")
    terminal.press("enter")
    terminal.wait("Write into which folder?")
    terminal.press("\x01")
    terminal.press("\x0b")
    terminal.send(str(folder))
    terminal.settle()
    sent = terminal.send("enter")
    took = terminal.wait(lambda text: "Written" in text and f"{folder.name}/" in text) - sent
    terminal.settle(0.5)
    names = " and ".join(sorted({path.suffix for path in folder.iterdir()}))
    return Figure("judged", f"exported, {names}", took, "s", 3)


def _kept(path: Path) -> None:
    """An evaluation of texts like those of answers, judged in both orders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    dice = random.Random(7)
    words = [f"word{n}" for n in range(3_000)]

    def text(length: int) -> str:
        return " ".join(dice.choices(words, k=length))

    questions = [Question(f"{n}: {text(10)}?", text(50)) for n in range(_QUESTIONS - 1)]
    questions.append(Question(f"Where is the {NEEDLE}?", text(50)))
    sides = Target("tuned", "", IMPORTED, tuned=True), Target("base", "", IMPORTED)
    spec = Spec("a thousand", tuple(questions), *sides)
    answers = {slot: Answer(text(80), _NOW, imported=True) for slot in spec.slots}
    kept = EvaluationStore(Store(path), now=lambda: _NOW)
    kept.add("thousand", f"{ACCOUNT}/us-west-2", spec, answers)
    kept.add_judge("thousand", _JUDGE)
    _judge(kept, Results("thousand", spec, _NOW), dice)


def _judge(kept: EvaluationStore, results: Results, dice: random.Random) -> None:
    for slot in results.spec.slots:
        best = 10 if slot.side is Side.TUNED else 8
        kept.add_score("thousand", _JUDGE.id, slot, Score(float(dice.randint(1, best)), "It agrees in part.", _NOW))
        kept.add_ruling("thousand", _JUDGE.id, slot.question, slot.sample, _ruling(slot, dice))


def _ruling(slot: Slot, dice: random.Random) -> Ruling:
    return Ruling(slot.side, dice.choice((Side.TUNED, Side.BASE, None)), "The first says more.", _NOW)
