"""Questions to endpoints, streamed: each answer has a thread of its own and can be given up at any moment."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Any

from tui.domain.chat.chat import AnswerCut, AnswerEnd, AnswerEvent, Message, Note, Parameters, Target, TextDelta
from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line
from tui.services.aws import Aws
from tui.services.chat.parameters import Refusals
from tui.services.pool import daemon, post

_ENDPOINT = re.compile(":(provisioned-model|custom-model-deployment)/")
"""In the ARN of what serves a custom model: AWS says of one that is deleted what it says of a wrong id."""
_BATCH = 0.1
"""Seconds for which pieces of an answer are gathered, those after the first one."""

Noted = Callable[[str, str, int | None], Awaitable[None]]


class Chat:
    """Asks through ConverseStream. Parameters that a model refuses are left out from then on."""

    def __init__(self, aws: Aws, refusals: Refusals | None = None, note: Noted | None = None) -> None:
        """`note` is told of every whole answer: model id, text, and tokens as they were counted."""
        self._aws = aws
        self.refusals = refusals or Refusals()
        self._note = note

    async def ask(
        self, target: Target, messages: Sequence[Message], *, system: str = "", parameters: Parameters
    ) -> AsyncIterator[AnswerEvent]:
        """Pieces of the answer as they come, ending with exactly one AnswerEnd or AnswerCut.

        Closing the iterator closes the connection. Raises nothing but cancellation.
        """
        stream = _Stream(self, target, messages, system, parameters)
        stream.start()
        texts: list[str] = []
        try:
            while True:
                event = await stream.events.get()
                if isinstance(event, TextDelta):
                    texts.append(event.text)
                elif isinstance(event, AnswerEnd) and self._note is not None:
                    # Without it estimates stay as they are; the answer is worth more.
                    with contextlib.suppress(AppError):
                        await self._note(target.model_id, "".join(texts), event.output_tokens)
                yield event
                if isinstance(event, AnswerEnd | AnswerCut):
                    return
        finally:
            stream.abandon()

    def request(
        self, target: Target, messages: Sequence[Message], system: str, parameters: Parameters
    ) -> dict[str, Any]:
        """The parameters of ConverseStream, without what the model is known to refuse. For threads."""
        request: dict[str, Any] = {
            "modelId": target.model_id,
            "messages": [{"role": m.role, "content": [{"text": m.text}]} for m in messages],
            "inferenceConfig": self.refusals.config(target.model_id, parameters),
        }
        if system.strip():
            request["system"] = [{"text": system}]
        return request

    @property
    def aws(self) -> Aws:
        """The door that streams go through."""
        return self._aws


class _Stream:
    """One answer under way, read by its own thread."""

    def __init__(
        self, chat: Chat, target: Target, messages: Sequence[Message], system: str, parameters: Parameters
    ) -> None:
        self.events: asyncio.Queue[AnswerEvent] = asyncio.Queue()
        self._chat = chat
        self._target = target
        self._make = partial(chat.request, target, messages, system, parameters)
        self._request: dict[str, Any] = {}
        self._loop = asyncio.get_running_loop()
        self._abandoned = threading.Event()
        self._body: Any = None
        self._lock = threading.Lock()
        self._pieces: list[str] = []
        self._due = False
        self._wait = 0.0

    def start(self) -> None:
        daemon(self._read, f"answer-{self._target.name[:20]}")

    def abandon(self) -> None:
        """Give the answer up. Closing from here would wait for the reading thread; shutting the socket down
        ends its read at once (urllib3 2.3 and later), and the thread itself closes."""
        self._abandoned.set()
        raw = getattr(self._body, "_raw_stream", None)
        if raw is not None and hasattr(raw, "shutdown"):
            with contextlib.suppress(OSError, ValueError, RuntimeError):
                raw.shutdown()

    def _post(self, event: AnswerEvent) -> None:
        if not self._abandoned.is_set():
            post(self._loop, self._deliver, event)

    def _post_text(self, text: str) -> None:
        """Hand pieces over in batches: waking the loop for each of a hundred a second costs more than they do."""
        with self._lock:
            self._pieces.append(text)
            if self._due:
                return
            self._due = True
            wait, self._wait = self._wait, _BATCH
        if not self._abandoned.is_set():
            post(self._loop, self._loop.call_later, wait, self._deliver)

    def _deliver(self, event: AnswerEvent | None = None) -> None:
        """On the loop: what was written so far, then the event."""
        with self._lock:
            text, self._due = "".join(self._pieces), False
            self._pieces.clear()
        if text:
            self.events.put_nowait(TextDelta(text))
        if event is not None:
            self.events.put_nowait(event)

    def _read(self) -> None:
        try:
            self._post(self._answer())
        except Exception as error:
            with contextlib.suppress(Exception):
                if self._body is not None:
                    self._body.close()
            if not self._abandoned.is_set():
                self._post(AnswerCut(self._mapped(error)))

    def _mapped(self, error: Exception) -> AppError:
        try:
            found = self._chat.aws.error(error, "converse_stream")
            if found.cause in (Cause.NOT_FOUND, Cause.RETIRED) and _ENDPOINT.search(self._target.model_id):
                hint = "Someone may have deleted it; what bills is looked at again. Choose another one to answer"
                return AppError(Cause.NOT_FOUND, "This endpoint is not there any more", found.detail, hint)
            return found
        except Exception as unforeseen:  # whoever waits for the answer must hear of its end in any case
            detail = safe_line(f"{type(unforeseen).__name__}: {unforeseen}", 300)
            return AppError(Cause.SERVICE, "The answer could not be read", detail, "Ask again", retryable=True)

    def _open(self) -> Any:
        self._request = self._make()
        client = self._chat.aws.client("bedrock-runtime")
        while True:
            try:
                return client.converse_stream(**self._request)
            except Exception as error:
                config = self._request["inferenceConfig"]
                note = self._chat.refusals.learn(self._target.model_id, self._mapped(error), config)
                if not note or self._abandoned.is_set():
                    raise
                self._post(Note(note))

    def _answer(self) -> AnswerEnd | AnswerCut:
        from tui.services.aws_errors import counted

        began = time.monotonic()
        first: float | None = None
        stop_reason = ""
        usage: dict[str, Any] = {}
        length = 0
        answer = self._open()
        self._body = answer["stream"]
        if self._abandoned.is_set():
            self._body.close()
        for event in self._body:
            if self._abandoned.is_set():
                self._body.close()
                break
            text = event.get("contentBlockDelta", {}).get("delta", {}).get("text", "")
            if text:
                first = time.monotonic() - began if first is None else first
                length += len(text)
                self._post_text(text)
            stop_reason = event.get("messageStop", {}).get("stopReason", stop_reason)
            usage = event.get("metadata", {}).get("usage") or usage
        total = time.monotonic() - began
        if not stop_reason:  # a stream that ends early but cleanly raises nothing
            return AnswerCut(
                AppError(
                    Cause.CUT_OFF,
                    f"The answer was cut off after {length:,} characters",
                    "",
                    "Ask again",
                    retryable=True,
                )
            )
        config = self._request["inferenceConfig"]
        sent = Parameters(config["maxTokens"], config.get("temperature"), config.get("topP"))
        read, written = (counted(usage.get(name)) for name in ("inputTokens", "outputTokens"))
        return AnswerEnd(safe_line(str(stop_reason), 60), read, written, first, total, sent)
