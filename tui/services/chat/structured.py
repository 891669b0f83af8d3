"""Answers that are JSON of a schema: by structured output, else by a forced tool, else by text read tolerantly."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from tui.domain.chat.chat import Parameters
from tui.domain.chat.structure import Attachment, Filled, MisfitError, Shape, Usage, Way, fit
from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line
from tui.services.aws import Aws
from tui.services.chat.parameters import Learnt, Memory, Refusals

_WAYS = (Way.SCHEMA, Way.TOOL, Way.TEXT)
_REFUSAL_WORDS = {
    Way.SCHEMA: ("outputconfig", "outputformat", "textformat", "jsonschema", "structuredoutput"),
    Way.TOOL: ("tool",),
}
"""Words, without spaces and marks, by which a model refuses to be asked in this way."""
_PARAMETERS = Parameters(2048)
_CUT = frozenset({"max_tokens", "model_context_window_exceeded"})
_DECLINED = frozenset({"content_filtered", "guardrail_intervened", "refusal"})
_MOST_BRACES = 1_000
"""How many beginnings of objects are tried in one answer."""
_SAID = r"""(?<!\\)["']{}["']\s*:\s*["']?([\w.+/-]+)"""
"""A member and its value as they stand in a text; what is escaped stands within a value."""
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
    from tui.services.aws_errors import counted

    usage = answer.get("usage")
    told = usage if isinstance(usage, dict) else {}
    return Usage(counted(told.get("inputTokens")) or 0, counted(told.get("outputTokens")) or 0)


def _filled(answer: dict[str, Any], shape: Shape, way: Way, spent: Usage, notes: tuple[str, ...]) -> Filled:
    stop = safe_line(str(answer.get("stopReason", "")), 60)
    blocks = ((answer.get("output") or {}).get("message") or {}).get("content") or []
    text = "".join(block["text"] for block in blocks if isinstance(block.get("text"), str))
    tools = [block["toolUse"].get("input") for block in blocks if "toolUse" in block]
    raw = "\n".join(json.dumps(tool, ensure_ascii=False) for tool in tools) or text
    if stop in _DECLINED:
        what = "The model declined to answer"
        raise UnfitError(what, safe_line(text or stop, 300), raw, way, spent, declined=True)
    cut = stop in _CUT
    try:
        # A number that was cut off is another number.
        found = tools or parsed(text, mend=not (cut and shape.decides))
        value = _decided(found, shape, "" if tools else text)
    except MisfitError as error:
        title = "The model ran out of tokens" if cut else "The model's answer is not what was asked for"
        raise UnfitError(title, safe_line(str(error), 300), raw, way, spent, cut=cut) from error
    return Filled(value, way, spent, raw, not cut, notes)


def _decided(found: Sequence[Any], shape: Shape, text: str) -> Any:
    """The first value that fits; where one member decides, all that fit, and all that `text` says, have to agree in it.

    A judge that quotes what it judges may have quoted a verdict, and nobody can tell which one is its own.
    """
    fitting: list[Any] = []
    problem: MisfitError | None = None
    for value in found:
        try:
            fitting.append(fit(value, shape.schema))
        except MisfitError as error:
            problem = problem or error
    if not fitting:
        raise problem or MisfitError("there is no JSON in the answer")
    if shape.decides:
        told = dict.fromkeys(str(value[shape.decides]) for value in fitting)
        said = dict.fromkeys(re.findall(_SAID.format(re.escape(shape.decides)), text)) if _mixed(text) else {}
        if len(told) > 1 or len(said) > 1:
            every = ", ".join(told if len(told) > 1 else said)
            raise MisfitError(f"it gives more than one {shape.decides}: {every}")
    return fitting[0]


def _mixed(text: str) -> bool:
    """Whether something else than one piece of JSON stands there."""
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return True
    return False


def parsed(text: str, *, mend: bool = True) -> list[Any]:
    """The JSON in a model's text: as it stands, else every object within other text or a fence, and with `mend` what
    becomes of broken ones when they are mended.

    Raises MisfitError when there is none.
    """
    try:
        return [json.loads(text)]
    except (ValueError, RecursionError):
        pass
    start = text.find("{")
    if start < 0:
        raise MisfitError("there is no JSON in the answer")
    found = _objects(text, start) + (_mended(text[start:]) if mend else [])
    if not found:
        raise MisfitError("the JSON in the answer is broken")
    return found


def _objects(text: str, start: int) -> list[Any]:
    """Whole objects, one after another."""
    found: list[Any] = []
    decode = json.JSONDecoder().raw_decode
    for _ in range(_MOST_BRACES):
        if start < 0:
            break
        try:
            value, end = decode(text, start)
            found.append(value)
        except (ValueError, RecursionError):
            end = start + 1
        start = text.find("{", end)
    return found


def _mended(text: str) -> list[Any]:
    import json_repair

    try:
        value = json_repair.loads(text)
    except (ValueError, RecursionError, TypeError, IndexError):
        return []
    # Of several objects it makes a list.
    return [v for v in (value if isinstance(value, list) else [value]) if isinstance(v, dict) and v]
