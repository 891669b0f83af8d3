"""The sandbox writes pairs from documents by a rule, and refuses documents and forms of answers as Bedrock does."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests import papers
from tests.sandbox.conftest import Scene, code_of, message_of
from tui.sandbox.document_blocks import blocks

SONNET = "us.anthropic.claude-sonnet-4-6"
OPUS = "us.anthropic.claude-opus-5-5"
HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1:0"
LLAMA = "meta.llama3-3-70b-instruct-v1:0"
TITAN = "amazon.titan-text-express-v1"
PAIRS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "pairs": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"question": {"type": "string"}, "answer": {"type": "string"}},
                "required": ["question", "answer"],
                "additionalProperties": False,
            },
        }
    },
    "required": ["pairs"],
    "additionalProperties": False,
}
MD = ("md", papers.GUIDE.encode())


def form(schema: Any = PAIRS) -> dict[str, Any]:
    structure = {"jsonSchema": {"name": "pairs", "schema": json.dumps(schema)}}
    return {"outputConfig": {"textFormat": {"type": "json_schema", "structure": structure}}}


def tool(choice: dict[str, Any] | None = None) -> dict[str, Any]:
    tools = [{"toolSpec": {"name": "write_pairs", "inputSchema": {"json": PAIRS}}}]
    return {"toolConfig": {"tools": tools, "toolChoice": choice or {"tool": {"name": "write_pairs"}}}}


def ask(
    scene: Scene, model: str, *documents: tuple[str, bytes], text: str = "Write 20 pairs.", **more: Any
) -> dict[str, Any]:
    content: list[dict[str, Any]] = [
        {"document": {"format": kind, "name": f"paper {number}", "source": {"bytes": data}}}
        for number, (kind, data) in enumerate(documents)
    ]
    messages = [{"role": "user", "content": [*content, {"text": text}]}]
    answer: dict[str, Any] = scene.runtime.converse(
        modelId=model, messages=messages, **{"inferenceConfig": {"maxTokens": 4000}, **more}
    )
    return answer


def pairs_of(answer: dict[str, Any]) -> dict[str, str]:
    (block,) = answer["output"]["message"]["content"]
    value = block["toolUse"]["input"] if "toolUse" in block else json.loads(block["text"])
    return {pair["question"]: pair["answer"] for pair in value["pairs"]}


def test_pairs_come_from_what_the_document_says(scene: Scene) -> None:
    answer = ask(scene, SONNET, MD, **form())
    pairs = pairs_of(answer)
    assert pairs["What is a lantern?"] == "A lantern is a light in a case of paper or glass."
    assert pairs["How do I light a lantern?"].startswith("To light a lantern, turn its key")
    assert pairs["What happens if the flame is blue?"].endswith("close the case at once.")
    assert all(text.split("\n")[0][:20] in papers.GUIDE for text in pairs.values())
    assert "rule" in answer["additionalModelResponseFields"]["sandbox"]
    assert answer["usage"]["inputTokens"] > 60


def test_pairs_in_japanese(scene: Scene) -> None:
    text = f"{papers.GUIDE_JA}\n門の前では、日が暮れるころに番人が灯籠を一つずつ灯してまわります。\n"
    pairs = pairs_of(ask(scene, SONNET, ("md", text.encode()), **form()))
    assert not any("でとは" in question for question in pairs)
    assert pairs["灯籠とは何ですか。"].startswith("灯籠とは、紙やガラス")
    assert any(question.startswith("「灯し方」") for question in pairs)
    asked = pairs_of(ask(scene, SONNET, MD, text="Write 20 pairs in Japanese.", **form()))
    assert "「lantern」とは何ですか。" in asked


def test_what_is_known_already_is_not_written_again_until_nothing_is_left(scene: Scene) -> None:
    first = pairs_of(ask(scene, SONNET, MD, text="Write 3 pairs.", **form()))
    assert len(first) == 3
    known = "\n".join(f"- {question}" for question in first)
    second = pairs_of(ask(scene, SONNET, MD, text=f"Write 20 pairs. There are already:\n{known}", **form()))
    assert second
    assert not first.keys() & second.keys()
    known = "\n".join(f"- {question}" for question in first | second)
    assert pairs_of(ask(scene, SONNET, MD, text=f"Write 20 pairs. There are already:\n{known}", **form())) == {}


DAMAGED = papers.docx([("", "Tea.")])
DAMAGED = DAMAGED[:50] + b"\xff" * 20 + DAMAGED[70:]


@pytest.mark.parametrize(
    ("kind", "data", "question"),
    [
        ("txt", b"Tea\n\nMatcha is a tea that is ground to a fine powder.\n", "What is Matcha?"),
        ("txt", "Matcha is a tea that is ground to a fine powder.".encode("utf-16"), "What is Matcha?"),
        ("html", b"<h1>Tea</h1><script>x</script><p>Matcha is a <b>tea</b> that is ground.", "What is Matcha?"),
        ("csv", b"Tea,Colour\nMatcha,green\n", "What is the Colour of Matcha?"),
        ("csv", "質問,回答\n抹茶とは,粉のお茶です\n".encode(), "抹茶とは"),
        ("pdf", papers.pdf([["Tea"], ["Matcha is a tea that is ground to a fine", "powder."]]), "What is Matcha?"),
        (
            "docx",
            papers.docx([("Heading1", "Tea"), ("Normal", "Matcha is a tea that is ground & sieved.")]),
            "What is Matcha?",
        ),
        ("xlsx", papers.xlsx([["Tea", "Colour"], ["Matcha", "green"]]), "What is the Colour of Matcha?"),
    ],
    ids=["txt", "utf-16", "html", "csv", "csv of questions", "pdf", "docx", "xlsx"],
)
def test_every_kind_of_document_is_read(scene: Scene, kind: str, data: bytes, question: str) -> None:
    assert question in pairs_of(ask(scene, SONNET, (kind, data), **form()))


def test_a_forced_tool_is_used(scene: Scene) -> None:
    answer = ask(scene, HAIKU_3, MD, **tool())
    assert answer["stopReason"] == "tool_use"
    assert "What is a lantern?" in pairs_of(answer)
    assert "toolUse" in ask(scene, HAIKU_3, MD, **tool({"any": {}}))["output"]["message"]["content"][0]
    assert "text" in ask(scene, LLAMA, text="Hi", **tool({"auto": {}}))["output"]["message"]["content"][0]


def test_a_schema_in_the_prompt_is_filled_among_other_text(scene: Scene) -> None:
    text = f"Write 5 pairs.\n{papers.GUIDE}\nAnswer with JSON of this schema:\n{json.dumps(PAIRS)}"
    said = ask(scene, TITAN, text=text)["output"]["message"]["content"][0]["text"]
    assert said.startswith("Here it is:\n```json\n{")


def test_it_streams_too(scene: Scene) -> None:
    for model, more in ((SONNET, form()), (HAIKU_3, tool())):
        messages = [{"role": "user", "content": [{"text": f"Write 2 pairs.\n\n{papers.GUIDE}"}]}]
        events = list(
            scene.runtime.converse_stream(
                modelId=model, messages=messages, inferenceConfig={"maxTokens": 4000}, **more
            )["stream"]
        )
        deltas = [event["contentBlockDelta"]["delta"] for event in events if "contentBlockDelta" in event]
        text = "".join(delta.get("text", "") or delta.get("toolUse", {}).get("input", "") for delta in deltas)
        assert len(json.loads(text)["pairs"]) == 2
        assert "metadata" in events[-1]


def test_an_answer_that_is_too_long_is_cut(scene: Scene) -> None:
    answer = ask(scene, SONNET, MD, inferenceConfig={"maxTokens": 40}, **form())
    assert answer["stopReason"] == "max_tokens"
    with pytest.raises(ValueError, match=r"."):
        json.loads(answer["output"]["message"]["content"][0]["text"])


@pytest.mark.parametrize(
    ("model", "documents", "more", "part"),
    [
        (HAIKU_3, (), form(), "doesn't support the outputConfig.textFormat field"),
        (OPUS, (), tool(), "doesn't support the toolConfig.toolChoice.tool field"),
        (LLAMA, (), tool({"any": {}}), "doesn't support the toolConfig.toolChoice.any field"),
        (TITAN, (), tool(), "doesn't support tool use"),
        (TITAN, (MD,), {}, "doesn't support documents"),
        (SONNET, (), tool({"tool": {"name": "other"}}), "not among toolConfig.tools"),
        (SONNET, (), form({"type": "object", "properties": {}}), "additionalProperties"),
        (SONNET, (), form({"type": "integer", "minimum": 1}), "minimum are not supported"),
        (SONNET, (), form([]), "must be an object"),
        (SONNET, (MD,) * 6, {}, "at most 5"),
        (SONNET, (("txt", b"x" * 4_500_001),), {}, "larger than 4.5 MB"),
        (SONNET, (("pdf", b"no pdf"),), {}, "PDF specified was not valid"),
        (SONNET, (("pdf", papers.locked_pdf()),), {}, "password protected"),
        (SONNET, (("pdf", papers.pdf([["x"]] * 101)),), {}, "maximum of 100 PDF pages"),
        (SONNET, (("docx", b"PK no"),), {}, "not valid"),
        (SONNET, (("docx", papers.xlsx([])),), {}, "not valid"),
        (SONNET, (("docx", DAMAGED),), {}, "not valid"),
        (SONNET, (("doc", b"\xd0\xcf\x11\xe0"),), {}, "does not read doc"),
        (SONNET, (("txt", b"many words here " * 150_000),), {}, "Input is too long"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_bedrock_refuses(scene: Scene, model: str, documents: Any, more: dict[str, Any], part: str) -> None:
    with pytest.raises(ClientError) as error:
        ask(scene, model, *documents, **more)
    assert code_of(error) == "ValidationException"
    assert part in message_of(error)


@pytest.mark.parametrize("name", ["a.pdf", "a_b", "a  b", " a", "日本"])
def test_document_names_are_held_to_their_rule(scene: Scene, name: str) -> None:
    document = {"format": "txt", "name": name, "source": {"bytes": b"x"}}
    with pytest.raises(ClientError) as error:
        scene.runtime.converse(
            modelId=SONNET, messages=[{"role": "user", "content": [{"document": document}, {"text": "Hi"}]}]
        )
    assert "alphanumeric" in message_of(error)


def test_a_document_needs_a_text_beside_it(scene: Scene) -> None:
    document = {"format": "txt", "name": "a", "source": {"bytes": b"x"}}
    with pytest.raises(ClientError) as error:
        scene.runtime.converse(modelId=SONNET, messages=[{"role": "user", "content": [{"document": document}]}])
    assert "Add a text block" in message_of(error)


def test_a_zip_bomb_is_not_unpacked() -> None:
    with pytest.raises(Exception, match="too large"):
        blocks("docx", papers.docx([("Normal", "a" * 70_000_000)]))
