"""What Converse is asked: the turns, documents, tools and the form of the answer, refused as Bedrock refuses them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tui.sandbox import bodies
from tui.sandbox.catalog import BaseModelEntry, Tools
from tui.sandbox.errors import ServiceError, validation
from tui.sandbox.judge import Manner
from tui.sandbox.structured_answers import Task, Wanted, wanted_in

_MOST_DOCUMENTS = 5
_MOST_BYTES = 4_500_000
_NAME = re.compile(r"[0-9A-Za-z\-()\[\]]+(?:\s[0-9A-Za-z\-()\[\]]+)*")
_BAD_NAME = (
    "The document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, "
    "and square brackets. The name can't contain more than one consecutive whitespace character."
)
_NOT_EMULATED = {
    "guardrailConfig": "guardrails",
    "promptVariables": "prompt management",
    "additionalModelRequestFields": "settings of its own",
}
Paper = tuple[str, bytes]


@dataclass(frozen=True)
class Asked:
    """One request: the prompt as plain text, the documents beside it, and the JSON that is wanted, if any."""

    prompt: bodies.Prompt
    papers: tuple[Paper, ...] = ()
    wanted: Wanted | None = None
    manner: Manner | None = None

    @cached_property
    def input_tokens(self) -> int:
        """Sandbox tokens of the prompt and of the text in the documents."""
        return self.prompt.input_tokens + self.task.paper_tokens

    @cached_property
    def task(self) -> Task:
        """What a rule makes its answer from."""
        texts = [self.prompt.system or "", *(text for role, text in self.prompt.messages if role == "user")]
        return Task("\n\n".join(filter(None, texts)), self.papers, self.manner)


def read(entry: BaseModelEntry, given: dict[str, Any], manner: Manner | None = None) -> Asked:
    """A request to Converse; raises what Bedrock answers to what it or the model does not take."""
    for name, what in _NOT_EMULATED.items():
        if given.get(name):
            raise validation(f"{name}: the sandbox's model does not do {what}.")
    papers = tuple(_papers(entry, given.get("messages", [])))
    settings = given.get("inferenceConfig", {})
    prompt = bodies.Prompt(
        messages=tuple(_turns(given.get("messages", []))),
        system=_join(given.get("system", []), "system") or None,
        max_tokens=settings.get("maxTokens", bodies.DEFAULT_MAX_TOKENS),
        temperature=settings.get("temperature"),
        top_p=settings.get("topP"),
        stop_sequences=tuple(settings.get("stopSequences", ())),
    )
    wanted = _structured(entry, given) or _tool(entry, given)
    if wanted is None and prompt.messages:
        wanted = wanted_in(prompt.messages[-1][1])
    return Asked(prompt, papers, wanted, manner)


def _structured(entry: BaseModelEntry, given: dict[str, Any]) -> Wanted | None:
    form = given.get("outputConfig", {}).get("textFormat")
    if form is None:
        return None
    if not entry.structured:
        raise _unsupported("outputConfig.textFormat")
    try:
        schema = json.loads(form["structure"]["jsonSchema"]["schema"])
    except (ValueError, RecursionError) as error:
        raise validation("outputConfig.textFormat.structure.jsonSchema.schema: not valid JSON.") from error
    problem = _open_object(schema, "schema")
    if problem:
        raise validation(f"outputConfig.textFormat.structure.jsonSchema.{problem}")
    return Wanted(schema)


def _unsupported(field: str) -> ServiceError:
    return validation(f"This model doesn't support the {field} field. Remove {field} and try again.")


def _open_object(schema: Any, path: str) -> str:
    """What constrained decoding does not take in a schema; nothing when it takes it."""
    if not isinstance(schema, dict):
        return f"{path}: must be an object."
    refused = [key for key in ("minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength") if key in schema]
    if refused:
        return f"{path}: For '{schema.get('type')}' type, properties {', '.join(refused)} are not supported"
    if schema.get("type") == "object" and schema.get("additionalProperties") is not False:
        return f"{path}: For 'object' type, 'additionalProperties' must be explicitly set to false"
    inner = [(f"{path}.properties.{name}", value) for name, value in (schema.get("properties") or {}).items()]
    inner += [(f"{path}.items", schema["items"])] if "items" in schema else []
    return next((problem for where, value in inner if (problem := _open_object(value, where))), "")


def _tool(entry: BaseModelEntry, given: dict[str, Any]) -> Wanted | None:
    config = given.get("toolConfig")
    if not config:
        return None
    if entry.tools is Tools.NONE:
        raise validation("This model doesn't support tool use.")
    choice = config.get("toolChoice", {"auto": {}})
    (kind,) = choice
    if kind == "auto":
        return None  # the sandbox's model never thinks of a tool by itself
    if entry.tools is not Tools.FORCED:
        raise _unsupported(f"toolConfig.toolChoice.{kind}")
    tools = {tool["toolSpec"]["name"]: tool["toolSpec"] for tool in config["tools"] if "toolSpec" in tool}
    name = choice[kind]["name"] if kind == "tool" else next(iter(tools), "")
    if name not in tools:
        raise validation(f"The tool {name} named in toolConfig.toolChoice is not among toolConfig.tools.")
    schema = tools[name]["inputSchema"].get("json")
    if not isinstance(schema, dict) or schema.get("type") != "object":
        raise validation(f"The value at toolConfig.tools.{name}.inputSchema.json.type must be one of: object.")
    return Wanted(schema, tool=name)


def _papers(entry: BaseModelEntry, messages: list[dict[str, Any]]) -> Iterator[Paper]:
    names: set[str] = set()
    for number, message in enumerate(messages):
        documents = [block["document"] for block in message["content"] if "document" in block]
        if not documents:
            continue
        if not entry.documents:
            raise validation("This model doesn't support documents.")
        if message["role"] != "user":
            raise validation(f"messages.{number}: documents are taken from the user only.")
        if not any("text" in block for block in message["content"]):
            raise validation(f"The content at messages.{number} holds a document and no text. Add a text block.")
        for document in documents:
            _check_name(document["name"], names)
            yield _paper(document)
    if len(names) > _MOST_DOCUMENTS:
        raise validation(f"The request holds {len(names)} documents; at most {_MOST_DOCUMENTS} are allowed.")


def _check_name(name: str, names: set[str]) -> None:
    if not _NAME.fullmatch(name):
        raise validation(_BAD_NAME)
    if name in names:
        raise validation(f"The request holds two documents of the name {name}.")
    names.add(name)


def _paper(document: dict[str, Any]) -> Paper:
    source = document["source"]
    if "text" in source:
        data = source["text"].encode("utf-8", "replace")
    elif "bytes" in source:
        data = source["bytes"]
    else:
        raise validation("document.source: the sandbox takes bytes and text.")
    if "format" not in document and "bytes" in source:
        raise validation("A document of bytes needs its format.")
    if len(data) > _MOST_BYTES:
        raise validation(f"The document {document['name']} is larger than 4.5 MB.")
    return document.get("format", "txt"), data


def _turns(messages: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    for number, message in enumerate(messages):
        blocks = [block for block in message["content"] if "document" not in block]
        yield message["role"], _join(blocks, f"messages.{number}.content")


def _join(blocks: list[dict[str, Any]], where: str) -> str:
    texts = []
    for block in blocks:
        if "text" in block:
            texts.append(block["text"])
        elif "cachePoint" not in block:
            raise validation(f"{where}: the sandbox's model reads text only, not {', '.join(block)}.")
    return "\n".join(texts)
