"""What is chosen before an evaluation begins, and what it will cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from tui.domain.chat.chat import Parameters, Target
from tui.domain.evaluation.judging import Judge, JudgeKind
from tui.domain.evaluation.run import Plan, plan
from tui.domain.evaluation.spec import Question, Spec
from tui.domain.serving.pricing import TokenPrices, money
from tui.domain.text import count, safe_line
from tui.domain.values import dataclass

MOST_SAMPLES = 20


@dataclass(frozen=True, slots=True)
class Sides:
    """Two models to be compared, and how both are asked; None where nobody is chosen yet."""

    tuned: Target | None = None
    base: Target | None = None
    parameters: Parameters = field(default_factory=Parameters)
    system: str = ""


@dataclass(frozen=True, slots=True)
class QuestionFile:
    """A file of questions with references. `skipped` are sentences about records that are none.

    `learned`: it is open to train a model, which may know its answers by heart.
    """

    name: str
    questions: tuple[Question, ...]
    skipped: tuple[str, ...] = ()
    sha256: str = ""
    learned: bool = False

    @property
    def text(self) -> str:
        """`eval.json · 12 questions`."""
        left_out = f" · {count(len(self.skipped), 'record')} left out" if self.skipped else ""
        return f"{self.name} · {count(len(self.questions), 'question')}{left_out}"


@dataclass(frozen=True, slots=True)
class Setup:
    """All that a new evaluation needs. `judge` None only asks; the answers can be judged later."""

    name: str
    file: QuestionFile
    sides: Sides
    samples: int
    canary: tuple[Question, ...]
    judge: Judge | None
    job_arn: str = ""

    @property
    def spec(self) -> Spec | None:
        """What is asked; None while a side is not chosen."""
        if self.sides.tuned is None or self.sides.base is None:
            return None
        return Spec(
            name=self.name,
            questions=(*self.file.questions, *self.canary),
            tuned=self.sides.tuned,
            base=self.sides.base,
            parameters=self.sides.parameters,
            system=self.sides.system,
            samples=self.samples,
            source=self.file.name,
            sha256=self.file.sha256,
            job_arn=self.job_arn,
        )

    @property
    def problem(self) -> str:
        """Why it cannot begin; empty when it can."""
        tuned, base = self.sides.tuned, self.sides.base
        if not self.file.questions:
            return "There are no questions: choose another file"
        if tuned is None or base is None:
            return "Choose who answers on both sides"
        if tuned.model_id == base.model_id:
            return "Both sides are the same model"
        if not 1 <= self.samples <= MOST_SAMPLES:
            return f"samples: a whole number from 1 to {MOST_SAMPLES}"
        return ""


def cost(planned: Plan, spec: Spec, judge: Judge | None, prices: Mapping[str, TokenPrices]) -> float | None:
    """USD at most for what is charged by token; None when a price that is needed is not known.

    Provisioned throughput answers without charge by token: it bills by the hour.
    """
    total = 0.0
    for target in (spec.tuned, spec.base):
        if by_hour(target):
            continue
        found = prices.get(target.model_id)
        one = found.answered(planned.input_tokens_per_side, planned.output_tokens_per_side) if found else None
        if one is None:
            return None
        total += one
    if planned.judge_calls and judge is not None and judge.target is not None:
        found = prices.get(judge.target.model_id)
        one = found.answered(planned.judge_input_tokens, planned.judge_output_tokens) if found else None
        if one is None:
            return None
        total += one
    return total


def by_hour(target: Target) -> bool:
    """Whether asking it costs nothing by the token, since it bills by the hour."""
    return ":provisioned-model/" in target.model_id


def cost_text(planned: Plan, spec: Spec, judge: Judge | None, prices: Mapping[str, TokenPrices]) -> str:
    """`at most $0.42 (config.toml, 2026-11-01)`, `$ ?` with what to do, and what bills by the hour meanwhile."""
    amount = cost(planned, spec, judge, prices)
    used = [spec.tuned, spec.base] + ([judge.target] if judge and judge.target and planned.judge_calls else [])
    origins = {prices[t.model_id].origin for t in used if t.model_id in prices and not by_hour(t)} - {""}
    text = f"at most {money(amount)}" + (f" ({'; '.join(sorted(origins))})" if origins else "")
    if amount is None:
        priced = [t for t in used if t.model_id in prices and prices[t.model_id].answered(1, 1) is not None]
        names = {t.name: None for t in used if t not in priced and not by_hour(t)}
        text = f"$ ? (not known for {safe_line(', '.join(names), 90)}; [prices] in config.toml takes yours)"
    if by_hour(spec.tuned) or by_hour(spec.base):
        text += ", beside the throughput that bills by the hour"
    return text


def setup_text(setup: Setup, prices: Mapping[str, TokenPrices], most: int) -> list[str]:
    """The plan in lines: what is asked, what it takes, what it costs, and what to know before."""
    spec = setup.spec
    if spec is None or setup.problem:
        return []
    planned = plan(spec, setup.judge)
    asked = [spec.tuned, spec.base] + ([setup.judge.target] if setup.judge and setup.judge.target else [])
    known = all(target.model_id in prices for target in asked)
    cost_line = f"cost: {cost_text(planned, spec, setup.judge, prices)}" if known else "the cost is told next"
    lines = [planned.text, cost_line]
    if setup.judge is not None and setup.judge.compares:
        lines.append("the judge scores each answer and compares the two in both orders")
    if len(spec.questions) > most:
        lines.append(f"▲ more than {most:,} questions: Bedrock is asked to evaluate them, unless you choose otherwise")
    if setup.file.learned:
        lines.append("▲ training questions: they tell what was learned by heart, not how new ones are answered")
    if setup.file.skipped:
        lines.append(f"▲ left out: {setup.file.skipped[0]}")
    return lines


def judges_to_choose(*, langchain: bool, bertscore: bool) -> list[tuple[str, JudgeKind]]:
    """Kinds of judges that are there, with what a list says of them; those not installed are told apart."""
    found = [("a model, scoring and comparing in both orders", JudgeKind.MODEL)]
    missing = "" if langchain else " — not installed: pip install tanzaku[langchain]"
    found.append((f"a model, by LangChain's labeled_score_string{missing}", JudgeKind.LANGCHAIN))
    missing = "" if bertscore else " — not installed: pip install tanzaku[bertscore]"
    found.append((f"BERTScore on this machine{missing}", JudgeKind.BERTSCORE))
    found.append(("ROUGE-L: words in common in their order, no model", JudgeKind.ROUGE_L))
    found.append(("token F1: words in common, no model", JudgeKind.TOKEN_F1))
    found.append(("exact match, no model", JudgeKind.EXACT))
    return found
