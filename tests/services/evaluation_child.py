"""Runs an evaluation in a process of its own, to be killed. Arguments: URL, key, secret, Region, state, id, log.

Each question is written to the log before it is asked.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from tests.services.evaluating import AT, StubJudge
from tui.domain.chat.chat import AnswerEvent, Message, Parameters, Target
from tui.domain.evaluation.judging import Judge, JudgeKind
from tui.domain.settings import Settings
from tui.services.aws import Aws, Connection
from tui.services.chat.chat import Chat
from tui.services.evaluation.evaluations import Evaluations
from tui.services.evaluation.store import EvaluationStore
from tui.services.paths import Paths
from tui.services.session import Services


class LoggedChat(Chat):
    """Tells a file of every question."""

    log = Path()

    def ask(
        self, target: Target, messages: Sequence[Message], *, system: str = "", parameters: Parameters
    ) -> AsyncIterator[AnswerEvent]:
        with self.log.open("a", encoding="utf-8") as file:
            file.write(f"{'tuned' if target.tuned else 'base'} {messages[-1].text}\n")
            file.flush()
            os.fsync(file.fileno())
        return super().ask(target, messages, system=system, parameters=parameters)


async def main(url: str, key: str, secret: str, region: str, state: str, evaluation: str, log: str) -> None:
    aws = Aws(lambda: Connection(None, region, url, key, secret), sandbox=True)
    services = Services(
        aws, paths=Paths.under(Path(state)), settings=Settings(), profile=None, region=region, pace=None,
        now=lambda: AT,
    )  # fmt: skip
    chat = LoggedChat(aws, services.refusals)
    chat.log = Path(log)
    store = EvaluationStore(services.store, now=services.now)
    service = Evaluations(chat, store, services.pool, lambda _: StubJudge())
    print("ready", flush=True)
    async for progress in service.run(evaluation, Judge(JudgeKind.ROUGE_L)):
        print(progress.text, flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:8]))
