"""LangChain's `labeled_score_string` evaluator with the criterion `correctness`, on our own client (extra `langchain`).

Its scores compare with those of reports that were made with it: 1 to 10 against the reference, its own rubric.
"""

from __future__ import annotations

import re
from typing import Any

from tui.domain.chat.chat import Target
from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.spec import Question
from tui.domain.text import safe_line
from tui.services.aws import Aws
from tui.services.pool import DaemonPool

_INSTALL = 'pip install "tanzaku[langchain]"'
_MARK = re.compile(r"\[\[(\d+(?:\.\d+)?)\]\]")


class LangChainJudge:
    """Scores only. The evaluator is made with the first score."""

    def __init__(self, aws: Aws, target: Target) -> None:
        self._aws = aws
        self._target = target
        self._evaluator: Any = None
        self._pool = DaemonPool(8, "langchain")

    async def score(self, question: Question, answer: str) -> tuple[float, str]:
        """1 to 10. Raises AppError."""
        return await self._pool.run(self._score, question, answer)

    async def prefer(self, question: Question, first: str, second: str) -> tuple[int | None, str]:
        """Never asked: scores decide."""
        raise AppError(Cause.INVALID, "This evaluator compares no answers with each other")

    def _score(self, question: Question, answer: str) -> tuple[float, str]:
        if self._evaluator is None:
            self._evaluator = self._made()
        try:
            found = self._evaluator.evaluate_strings(
                prediction=answer, reference=question.reference, input=question.text
            )
        except ValueError as error:  # what the evaluator raises when it finds no score in the model's text
            detail = safe_line(str(error), 200)
            raise AppError(Cause.INCOMPLETE, "The judge's answer holds no score", detail, "Ask again") from error
        except Exception as error:
            raise self._aws.error(error, "converse") from error
        value = found.get("score")
        if len(marks := dict.fromkeys(_MARK.findall(str(found.get("reasoning", ""))))) > 1:
            # One of them may be quoted from the answer, and the evaluator takes the first.
            detail = f"it gives more than one score: {', '.join(marks)}"
            raise AppError(Cause.INCOMPLETE, "The judge's answer holds no score", detail, "Ask again")
        if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 10:
            detail = safe_line(str(found.get("reasoning", "")), 200)
            raise AppError(Cause.INCOMPLETE, "The judge's answer holds no score", detail, "Ask again")
        return float(value), str(found.get("reasoning", ""))

    def _made(self) -> Any:
        try:
            from langchain_aws import ChatBedrockConverse
            from langchain_classic.evaluation.scoring import LabeledScoreStringEvalChain
        except ImportError as error:
            raise AppError(
                Cause.NOT_FOUND, "LangChain is not installed", safe_line(str(error), 120), _INSTALL
            ) from None
        client = self._aws.client("bedrock-runtime")
        model = ChatBedrockConverse(
            client=client,
            bedrock_client=self._aws.client("bedrock"),
            model=self._target.model_id,
            provider="anthropic" if self._target.model_id.startswith("arn:") else "",
            max_tokens=1024,
        )
        # What `load_evaluator("labeled_score_string", …)` makes; that itself wants OpenAI's package installed.
        return LabeledScoreStringEvalChain.from_llm(llm=model, criteria="correctness")
