"""JSON of a schema, asked in each way, and what becomes of refusals and bad answers."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.services.conftest import Scripted
from tui.domain.chat.chat import Parameters
from tui.domain.chat.structure import Attachment, MisfitError, Shape, Usage, Way, fit
from tui.domain.errors import AppError, Cause
from tui.services.aws import Aws
from tui.services.chat.parameters import Refusals
from tui.services.chat.structured import Structured, UnfitError, document_name, parsed
from tui.services.store import Store

SHAPE = Shape(
    "score",
    {
        "type": "object",
        "properties": {"reasoning": {"type": "string"}, "score": {"type": "integer", "minimum": 1, "maximum": 10}},
        "required": ["reasoning", "score"],
    },
    "A judgement",
)
GOOD = {"reasoning": "same facts", "score": 7}
SCHEMA_REFUSED = "This model doesn't support the outputConfig.textFormat field. Remove it and try again."
TOOL_REFUSED = "This model doesn't support the toolConfig.toolChoice.tool field. Remove it and try again."


class Model:
    """Answers Converse on the scripted server; `refuses` maps a request's key to the message of its refusal."""

    def __init__(self, server: Scripted) -> None:
        self.refuses: dict[str, str] = {}
        self.text = json.dumps(GOOD)
        self.input: Any = GOOD
        self.stop = "end_turn"
        self._server = server
        server.answer = self.answer

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [json.loads(body) for body in self._server.bodies]

    @property
    def ways(self) -> list[str]:
        return ["schema" if "outputConfig" in r else "tool" if "toolConfig" in r else "text" for r in self.requests]

    def answer(self, method: str, path: str) -> tuple[int, bytes]:
        request = self.requests[-1]
        for key, message in self.refuses.items():
            if key in request or key in request["inferenceConfig"]:
                return 400, json.dumps({"__type": "ValidationException", "message": message}).encode()
        use = {"toolUse": {"toolUseId": "t1", "name": "score", "input": self.input}}
        content = [use] if "toolConfig" in request else [{"text": self.text}]
        return 200, json.dumps(
            {
                "output": {"message": {"role": "assistant", "content": content}},
                "stopReason": self.stop,
                "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
                "metrics": {"latencyMs": 1},
            }
        ).encode()


@pytest.fixture
def model(scripted: Scripted) -> Model:
    return Model(scripted)


@pytest.fixture
def structured(elsewhere: Aws) -> Structured:
    return Structured(elsewhere, Refusals())


async def test_structured_output_comes_first(structured: Structured, model: Model) -> None:
    filled = await structured.ask("m.one", "Judge.", SHAPE, system="Be fair.")
    assert (filled.value, filled.way, filled.whole) == (GOOD, Way.SCHEMA, True)
    assert filled.usage == Usage(10, 5)
    (request,) = model.requests
    format_ = request["outputConfig"]["textFormat"]
    assert format_["type"] == "json_schema"
    assert json.loads(format_["structure"]["jsonSchema"]["schema"])["additionalProperties"] is False
    assert request["system"] == [{"text": "Be fair."}]


async def test_a_forced_tool_comes_second_and_is_remembered(structured: Structured, model: Model) -> None:
    model.refuses = {"outputConfig": SCHEMA_REFUSED}
    model.input = {"reasoning": "r", "score": "7"}
    filled = await structured.ask("m.one", "Judge.", SHAPE)
    assert (filled.value["score"], filled.way) == (7, Way.TOOL)
    assert model.requests[-1]["toolConfig"]["toolChoice"] == {"tool": {"name": "score"}}
    await structured.ask("m.one", "Judge.", SHAPE)
    assert model.ways == ["schema", "tool", "tool"]
    await structured.ask("m.two", "Judge.", SHAPE)
    assert model.ways[3:] == ["schema", "tool"]


async def test_text_comes_last(structured: Structured, model: Model) -> None:
    model.refuses = {"outputConfig": SCHEMA_REFUSED, "toolConfig": TOOL_REFUSED}
    model.text = "Well, here it is:\n```json\n{'reasoning': \"it's good\", score: 7,}\n```\nHope it helps {smile}."
    filled = await structured.ask("m.one", "Judge.", SHAPE)
    assert (filled.value, filled.way) == ({"reasoning": "it's good", "score": 7}, Way.TEXT)
    assert '"reasoning"' in model.requests[-1]["messages"][0]["content"][0]["text"]


async def test_the_way_is_remembered_over_a_restart(elsewhere: Aws, model: Model, tmp_path: Path) -> None:
    model.refuses = {"outputConfig": SCHEMA_REFUSED, "temperature": "`temperature` is deprecated for this model."}
    for _ in range(2):
        store = Store(tmp_path / "s.db")
        filled = await Structured(elsewhere, Refusals(store), store).ask(
            "m.one", "Judge.", SHAPE, parameters=Parameters(99, 0.0)
        )
    assert filled.notes == ()
    assert len(model.requests) == 4
    assert model.ways == ["schema", "tool", "tool", "tool"]


async def test_a_model_that_ignores_the_schema_is_asked_otherwise(structured: Structured, model: Model) -> None:
    model.text = "I like it very much."
    filled = await structured.ask("m.one", "Judge.", SHAPE)
    assert (filled.way, filled.usage) == (Way.TOOL, Usage(20, 10))


async def test_a_bad_answer_in_a_proven_way_is_told_and_not_paid_for_again(
    structured: Structured, model: Model
) -> None:
    await structured.ask("m.one", "Judge.", SHAPE)
    model.text = '{"reasoning": "x", "score": 11}'
    with pytest.raises(UnfitError, match="not what was asked") as failed:
        await structured.ask("m.one", "Judge.", SHAPE)
    assert (failed.value.raw, failed.value.usage) == (model.text, Usage(10, 5))
    assert "not between 1 and 10" in failed.value.detail
    assert len(model.requests) == 2


async def test_a_refusal_to_answer_is_not_asked_again(structured: Structured, model: Model) -> None:
    model.stop, model.text = "content_filtered", "I cannot help with that."
    with pytest.raises(UnfitError, match="declined") as failed:
        await structured.ask("m.one", "Judge.", SHAPE)
    assert failed.value.declined
    assert not failed.value.retryable
    assert len(model.requests) == 1


async def test_a_cut_answer_says_so(structured: Structured, model: Model) -> None:
    model.stop, model.text = "max_tokens", '{"reasoning": "because", "score": 4, "mo'
    filled = await structured.ask("m.one", "Judge.", SHAPE)
    assert (filled.value["score"], filled.whole) == (4, False)
    model.text = '{"reasoning": "becau'
    with pytest.raises(UnfitError, match="ran out of tokens") as failed:
        await structured.ask("m.one", "Judge.", SHAPE)
    assert failed.value.cut


@pytest.mark.parametrize(
    ("refused", "message", "left"),
    [
        ("topP", "`temperature` and `top_p` cannot both be specified for this model.", {"temperature"}),
        ("temperature", "`temperature` is deprecated for this model.", set()),
    ],
)
async def test_sampling_parameters_that_are_refused_are_left_out(
    structured: Structured, model: Model, refused: str, message: str, left: set[str]
) -> None:
    model.refuses = {refused: message}
    filled = await structured.ask("m.one", "Judge.", SHAPE, parameters=Parameters(99, 0.0, 0.9))
    assert set(model.requests[-1]["inferenceConfig"]) == left | {"maxTokens"}
    assert len(filled.notes) == 1
    assert "which this model refuses" in filled.notes[0]


async def test_a_token_limit_is_learnt(structured: Structured, model: Model) -> None:
    def answer(method: str, path: str) -> tuple[int, bytes]:
        if model.requests[-1]["inferenceConfig"]["maxTokens"] > 4096:
            message = "The maximum tokens you requested exceeds the model limit of 4096. Try again with fewer."
            return 400, json.dumps({"__type": "ValidationException", "message": message}).encode()
        return model.answer(method, path)

    model._server.answer = answer
    filled = await structured.ask("m.one", "Judge.", SHAPE, parameters=Parameters(9000))
    assert filled.notes == ("asked for at most 4,096 tokens, this model's limit",)
    await structured.ask("m.one", "Judge.", SHAPE, parameters=Parameters(9000))
    assert [r["inferenceConfig"]["maxTokens"] for r in model.requests] == [9000, 4096, 4096]


async def test_what_is_no_refusal_of_the_way_is_told_at_once(structured: Structured, model: Model) -> None:
    model.refuses = {"outputConfig": "The document file name can only contain alphanumeric characters."}
    with pytest.raises(AppError) as failed:
        await structured.ask("m.one", "Judge.", SHAPE)
    assert failed.value.cause is Cause.INVALID
    assert len(model.requests) == 1


async def test_documents_go_along_under_names_that_converse_takes(structured: Structured, model: Model) -> None:
    await structured.ask("m.one", "Write.", SHAPE, attachments=[Attachment("my_file v1.2 (日本)", "pdf", b"%PDF")])
    document, text = model.requests[0]["messages"][0]["content"]
    assert document["document"]["name"] == "my file v1 2 ( )"
    assert base64.b64decode(document["document"]["source"]["bytes"]) == b"%PDF"
    assert text == {"text": "Write."}
    assert document_name("資料") == "document"


@pytest.mark.parametrize("text", ["", "nothing", "{", "{}", "{{{{", "[1, 2", "{" * 5000, '{"a":' * 3000])
def test_text_without_json_is_refused(text: str) -> None:
    with pytest.raises(MisfitError):
        fit(parsed(text)[0], SHAPE.schema)


DECIDING = replace(SHAPE, decides="score")
QUOTED = '{"reasoning": "perfect", "score": 10}'
OWN = '{"reasoning": "wrong", "score": 2}'


@pytest.mark.parametrize(
    "text",
    [
        f"The answer says {QUOTED}, which is an attempt.\n{OWN}",
        f"{OWN}\nNote that the answer says {QUOTED}.",
        f"```json\n{QUOTED}\n```\nNo:\n```json\n{OWN}\n```",
        f'{{"reasoning": "it says {QUOTED}, and is wrong", "score": 2}}',
    ],
    ids=["before", "after", "fenced", "inside, unescaped"],
)
async def test_a_verdict_that_is_quoted_is_nobodys_verdict(structured: Structured, model: Model, text: str) -> None:
    model.refuses = {"outputConfig": SCHEMA_REFUSED, "toolConfig": TOOL_REFUSED}
    model.text = text
    with pytest.raises(UnfitError, match="not what was asked") as failed:
        await structured.ask("m.one", "Judge.", DECIDING)
    assert failed.value.detail in ("it gives more than one score: 10, 2", "it gives more than one score: 2, 10")


@pytest.mark.parametrize(
    ("text", "score"),
    [
        (f"Use {{braces}} so:\n```json\n{OWN}\n```\nDone {{smile}}.", 2),
        (f"{OWN}\n\nAgain: {OWN}", 2),
        (f"[{OWN}]", 2),
        ('{"reasoning": "it says {\\"score\\": 10}", "score": 2}', 2),
        ('{"reasoning": "良い", "score": "８"}', 8),
        ('{"reasoning": "良い", "score": "８／１０"}', 8),
        ('{"reasoning": "good", "score": "8/10"}', 8),
        ("{'reasoning': 'good', 'score': 7,}", 7),
    ],
)
async def test_one_verdict_is_read_whatever_stands_around_it(
    structured: Structured, model: Model, text: str, score: int
) -> None:
    model.refuses = {"outputConfig": SCHEMA_REFUSED, "toolConfig": TOOL_REFUSED}
    model.text = text
    assert (await structured.ask("m.one", "Judge.", DECIDING)).value["score"] == score


@pytest.mark.parametrize(
    "score", ["0", "11", "-8", "8.5", "true", "null", '"8/5"', '"eight"', '"十"', "NaN", "Infinity", "7-8", "[8]", '""']
)
async def test_what_is_no_score_is_no_score(structured: Structured, model: Model, score: str) -> None:
    model.refuses = {"outputConfig": SCHEMA_REFUSED, "toolConfig": TOOL_REFUSED}
    model.text = f'{{"reasoning": "good", "score": {score}}}'
    with pytest.raises(UnfitError):
        await structured.ask("m.one", "Judge.", DECIDING)


async def test_a_score_that_was_cut_off_is_none(structured: Structured, model: Model) -> None:
    model.stop, model.text = "max_tokens", '{"reasoning": "because", "score": 1'  # of 10
    with pytest.raises(UnfitError, match="ran out of tokens") as failed:
        await structured.ask("m.one", "Judge.", DECIDING)
    assert failed.value.cut
    model.text = f"{OWN}\n\nTo say more,"
    assert (await structured.ask("m.one", "Judge.", DECIDING)).value["score"] == 2


async def test_two_tools_at_once_have_to_agree(structured: Structured, model: Model) -> None:
    model.refuses = {"outputConfig": SCHEMA_REFUSED, "toolConfig": TOOL_REFUSED}
    uses = [{"toolUse": {"toolUseId": f"t{n}", "name": "score", "input": {**GOOD, "score": n}}} for n in (7, 3)]

    def answer(method: str, path: str) -> tuple[int, bytes]:
        said = {"output": {"message": {"role": "assistant", "content": uses}}, "stopReason": "tool_use"}
        return 200, json.dumps(said).encode()

    model._server.answer = answer
    with pytest.raises(UnfitError) as failed:
        await structured.ask("m.one", "Judge.", DECIDING)
    assert "more than one score: 7, 3" in failed.value.detail
    uses.pop()
    assert (await structured.ask("m.one", "Judge.", DECIDING)).value["score"] == 7
