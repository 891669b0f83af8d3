"""What tests of evaluations share: questions, sides, and judges that need no model."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tui.domain.chat.chat import Parameters, Target
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.judging import Judge, JudgeKind
from tui.domain.evaluation.results import Results
from tui.domain.evaluation.run import Progress
from tui.domain.evaluation.spec import Answer, Question, Slot, Spec
from tui.services.evaluation.evaluations import Control, Evaluations
from tui.services.evaluation.pacing import Pacing
from tui.services.evaluation.store import EvaluationStore
from tui.services.session import Services

TUNED = Target("tuned lantern", "amazon.nova-lite-v1:0", "base model", tuned=True)
BASE = Target("Nova Micro", "amazon.nova-micro-v1:0", "base model")
JUDGE = Judge(JudgeKind.MODEL, Target("Haiku 4.5", "us.anthropic.claude-haiku-4-5-20251001-v1:0", "inference profile"))
AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def questions(number: int) -> tuple[Question, ...]:
    return tuple(Question(f"What is lantern {n}?", f"Lantern {n} hangs at gate {n}.", n + 1) for n in range(number))


def spec(number: int, samples: int = 1) -> Spec:
    return Spec("lanterns", questions(number), TUNED, BASE, Parameters(12), samples=samples, source="label.json")


def given(asked: Spec) -> dict[Slot, Answer]:
    """An answer in every slot: the tuned side repeats the reference."""
    texts = {s: asked.questions[s.question].reference if s.side == "tuned" else "I do not know." for s in asked.slots}
    return {slot: Answer(text, AT, imported=True) for slot, text in texts.items()}


class StubJudge:
    """Scores by a rule, prefers by a rule, and counts what it was asked; `fails` tells which calls fail."""

    def __init__(
        self,
        *,
        prefers: Callable[[Question, str, str], int | None] | None = None,
        fails: Callable[[int], bool] = lambda call: False,
    ) -> None:
        self.scored: list[tuple[str, str]] = []
        self.compared: list[tuple[str, str, str]] = []
        self._prefers = prefers or (lambda q, one, two: _better(q, one, two))
        self._fails = fails

    @property
    def calls(self) -> int:
        return len(self.scored) + len(self.compared)

    async def score(self, question: Question, answer: str) -> tuple[float, str]:
        self.scored.append((question.text, answer))
        self._maybe_fail()
        return (9.0 if answer == question.reference else 3.0), "by a rule"

    async def prefer(self, question: Question, first: str, second: str) -> tuple[int | None, str]:
        self.compared.append((question.text, first, second))
        self._maybe_fail()
        return self._prefers(question, first, second), "by a rule"

    def _maybe_fail(self) -> None:
        if self._fails(self.calls):
            raise AppError(Cause.INCOMPLETE, "The model's answer is not what was asked for", retryable=True)


def _better(question: Question, one: str, two: str) -> int | None:
    right = [text == question.reference for text in (one, two)]
    return None if right[0] == right[1] else right.index(True)


def evaluations(services: Services, judge: StubJudge | None = None) -> Evaluations:
    """The real service, but for the judge; rate limits are waited for some milliseconds only."""
    store = EvaluationStore(services.store, now=services.now)
    made = Evaluations(services.chat, store, services.pool, lambda _: judge or StubJudge())
    made.worker.pacing = lambda most: Pacing(most, first=0.002)
    return made


async def run(
    service: Evaluations, results: Results, judge: Judge | None = None, *, retry: bool = False, concurrency: int = 4
) -> list[Progress]:
    """Every progress of a whole run."""
    control = Control()
    return [p async for p in service.run(results.id, judge, retry=retry, control=control, concurrency=concurrency)]
