"""Answers that are JSON of a schema: by structured output, else by a forced tool, else by text read tolerantly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tui.domain.chat import Parameters
from tui.domain.errors import AppError, Cause
from tui.domain.structure import Attachment, Filled, MisfitError, Shape, Usage, Way, fit
from tui.domain.text import safe_line
from tui.services.aws import Aws
from tui.services.parameters import Learnt, Memory, Refusals

_WAYS = (Way.SCHEMA, Way.TOOL, Way.TEXT)
_REFUSAL_WORDS = {
    Way.SCHEMA: ("outputconfig", "outputformat", "textformat", "jsonschema", "structuredoutput"),
    Way.TOOL: ("tool",),
}
"""Words, without spaces and marks, by which a model refuses to be asked in this way."""
_PARAMETERS = Parameters(2048)
_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})
_DECLINED = frozenset({"content_filtered", "guardrail_intervened", "refusal"})
_NOT_IN_NAMES = re.compile(r"[^0-9A-Za-z()\[\] -]+")
_JSON_ONLY = "Answer with one JSON object and nothing else. It has to be of this JSON schema:\n"


class UnfitError(AppError):
    """A model answered, and not what was asked for: unreadable, not of the schema, or declined.

    `raw` is its answer, `usage` what it cost in tokens; `declined` when the model refused on purpose, `cut` when
    it ran out of tokens.
    """

    def __init__(
        self, title: str, detail: str, raw: str, way: Way, usage: Usage, *, declined: bool = False, cut: bool = False
    ) -> None:
        hint = "Ask otherwise, or choose another model" if declined else "Ask again, or choose another model"
        super().__init__(Cause.INCOMPLETE, title, detail, hint, retryable=not declined, operation="converse")
        self.raw = raw
        self.way = way
        self.usage = usage
        self.declined = declined
        self.cut = cut


class Structured:
    """Asks through Converse. Which way works with a model is remembered, and tried first from then on."""

    def __init__(self, aws: Aws, refusals: Refusals, memory: Memory | None = None) -> None:
        self._aws = aws
        self._refusals = refusals
        self._ways = Learnt(memory, "structured ways")

    async def ask(
        self,
        model_id: str,
        prompt: str,
        shape: Shape,
        *,
        system: str = "",
        parameters: Parameters = _PARAMETERS,
        attachments: Sequence[Attachment] = (),
    ) -> Filled:
        """The model's answer to `prompt`, fitted to `shape`.

        One call, as long as the model takes the way it is asked in. Raises UnfitError when it answers something
        else, any other AppError when it cannot be asked; throttling is not tried again here.
        """
        task = _Task(model_id, prompt, shape, system, parameters, tuple(attachments))
        return await self._aws.run(partial(self._ask, task), "converse")

    def _ask(self, task: _Task, client_of: Callable[..., Any]) -> Filled:
        client = client_of("bedrock-runtime", single=True)
        first = self._ways.of(task.model_id).get("way", -1)
        spent = Usage()
        notes: list[str] = []
        for number in range(max(first, 0), len(_WAYS)):
            way, last = _WAYS[number], number == len(_WAYS) - 1
            try:
                answer = self._send(client, task, way, notes)
            except AppError as error:
                if last or not _refuses(way, error):
                    raise
                continue
            spent += _usage(answer)
            try:
                filled = _filled(answer, task.shape, way, spent, tuple(notes))
            except UnfitError as error:
                # A model that never answered in this way may not know it, and ignore it.
                if last or error.declined or error.cut or number == first:
                    raise
                continue
            self._ways.add(task.model_id, {"way": number})
            return filled
        raise AssertionError("the last way either answers or raises")

    def _send(self, client: Any, task: _Task, way: Way, notes: list[str]) -> dict[str, Any]:
        """One answer; sampling parameters and token limits that the model refuses cost one refused call each."""
        request = task.request(way, self._refusals.config(task.model_id, task.parameters))
        while True:
            try:
                answer: dict[str, Any] = client.converse(**request)
                return answer
            except Exception as raised:
                error = self._aws.error(raised, "converse")
                note = self._refusals.learn(task.model_id, error, request["inferenceConfig"])
                if not note:
                    raise error from raised
                notes.append(note)


class _Task:
    """One question, and how it is put in each way."""

    def __init__(
        self,
        model_id: str,
        prompt: str,
        shape: Shape,
        system: str,
        parameters: Parameters,
        attachments: tuple[Attachment, ...],
    ) -> None:
        self.model_id = model_id
        self.shape = shape
        self.parameters = parameters
        self._prompt = prompt
        self._system = system
        self._attachments = attachments

    def request(self, way: Way, config: dict[str, Any]) -> dict[str, Any]:
        """The parameters of Converse."""
        prompt = f"{self._prompt}\n\n{_JSON_ONLY}{self.shape.text}" if way is Way.TEXT else self._prompt
        content: list[dict[str, Any]] = [
            {"document": {"format": a.format, "name": document_name(a.name), "source": {"bytes": a.data}}}
            for a in self._attachments
        ]
        request: dict[str, Any] = {
            "modelId": self.model_id,
            "messages": [{"role": "user", "content": [*content, {"text": prompt}]}],
            "inferenceConfig": config,
        }
        if self._system.strip():
            request["system"] = [{"text": self._system}]
        if way is Way.SCHEMA:
            schema = {"name": self.shape.name, "schema": json.dumps(self.shape.plain, ensure_ascii=False)}
            if self.shape.description:
                schema["description"] = self.shape.description
            request["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}
        elif way is Way.TOOL:
            tool: dict[str, Any] = {"name": self.shape.name, "inputSchema": {"json": dict(self.shape.schema)}}
            if self.shape.description:
                tool["description"] = self.shape.description
            request["toolConfig"] = {
                "tools": [{"toolSpec": tool}],
                "toolChoice": {"tool": {"name": self.shape.name}},
            }
        return request


def document_name(name: str) -> str:
    """`name` as Converse takes it: letters, digits, single spaces, hyphens, brackets; at most 200 characters."""
    return " ".join(_NOT_IN_NAMES.sub(" ", name).split())[:200].strip() or "document"


def _refuses(way: Way, error: AppError) -> bool:
    if error.cause is not Cause.INVALID:
        return False
    said = re.sub(r"[^a-z]", "", error.detail.casefold())
    return any(word in said for word in _REFUSAL_WORDS.get(way, ()))


def _usage(answer: dict[str, Any]) -> Usage:
    usage = answer.get("usage") or {}
    return Usage(int(usage.get("inputTokens") or 0), int(usage.get("outputTokens") or 0))


def _filled(answer: dict[str, Any], shape: Shape, way: Way, spent: Usage, notes: tuple[str, ...]) -> Filled:
    stop = str(answer.get("stopReason", ""))
    blocks = ((answer.get("output") or {}).get("message") or {}).get("content") or []
    text = "".join(block["text"] for block in blocks if isinstance(block.get("text"), str))
    tool = next((block["toolUse"].get("input") for block in blocks if "toolUse" in block), None)
    raw = text if tool is None else json.dumps(tool, ensure_ascii=False)
    if stop in _DECLINED:
        what = "The model declined to answer"
        raise UnfitError(what, safe_line(text or stop, 300), raw, way, spent, declined=True)
    try:
        value = fit(parsed(text) if tool is None else tool, shape.schema)
    except MisfitError as error:
        cut = stop in _CUT
        title = "The model ran out of tokens" if cut else "The model's answer is not what was asked for"
        raise UnfitError(title, safe_line(str(error), 300), raw, way, spent, cut=cut) from error
    return Filled(value, way, spent, raw, stop not in _CUT, notes)


def parsed(text: str) -> Any:
    """The JSON in a model's text: as it stands, else within other text or a fence, mended where it is broken.

    Raises MisfitError when there is none.
    """
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    start = text.find("{")
    if start < 0:
        raise MisfitError("there is no JSON in the answer")
    import json_repair

    try:
        value = json_repair.loads(text[start:])
    except (ValueError, RecursionError, TypeError, IndexError) as error:
        raise MisfitError("the JSON in the answer is broken") from error
    # Of several objects it makes a list: the first that holds something is the answer.
    found = next((v for v in value if isinstance(v, dict) and v), None) if isinstance(value, list) else value
    if not found:
        raise MisfitError("the JSON in the answer is broken")
    return found
