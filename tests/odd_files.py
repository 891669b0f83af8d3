"""Files made by a grammar from dice: odd text in odd records in odd files in odd encodings. The same seed, the same."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
from collections.abc import Callable, Sequence
from typing import Any

Dice = random.Random

_RUNS: Sequence[Callable[[Dice], str]] = (
    lambda d: "".join(chr(d.randrange(0x20, 0x7F)) for _ in range(d.randrange(40))),
    lambda d: "".join(chr(d.randrange(0x20)) for _ in range(d.randrange(1, 4))),
    lambda d: "".join(chr(d.randrange(0x7F, 0xA0)) for _ in range(2)),
    lambda d: "".join(chr(d.randrange(0x3041, 0x30FF)) for _ in range(d.randrange(1, 60))),
    lambda d: "".join(chr(d.choice((0x200D, 0xFE0F, 0x1F469, 0x1F3FD, 0x2764))) for _ in range(9)),
    lambda d: "a" + "\u0301" * d.randrange(1, 300),
    lambda d: d.choice("\u0e33\u0e33\uff9f\u0f39\u1160\u11a8\U0001f1ef") * 7,
    lambda d: "\U000e0041\U000e007f\u2066\u202e\u061c\ufeff\ufffe",
    lambda d: d.choice(
        ("\x1b[2J", "\x1b]8;;http://x\x1b\\y", "\x1bP+q\x1b\\", "\x1b]52;c;eA==\x07", "\x9b6n", "\x1bc")
    ),
    lambda d: d.choice(("[/]", "[@click=app.quit]x[/]", "[link='x']", "$text", "\\[", "[#zzz]", ":skull:", "{x}%s%n")),
    lambda d: d.choice(("\u2028", "\u2029", "\x85", "\x0b", "\x0c", "\r", "\n", "\r\n", "\t")) * 3,
    lambda d: d.choice(("ﷺ", "㌀", "ﬃ", "İ", "ß", "ŉ", "ΐ", "\u1e9e", "ǅ")) * d.randrange(1, 30),
    lambda d: d.choice(("\ud800", "\udfff", "\udc80\ud83d")),
    lambda d: "What is lamp number " + str(d.randrange(4)) + " of the hill?",
    lambda d: d.choice(('"', "'", "\\", "\\\\", '""', "\\u0000", "/", "</script>", "=1+1", "@x", "-", "+")) * 2,
    lambda d: " " * d.randrange(1, 5),
    lambda d: "1" * d.randrange(1, 500),
)
_KEYS = (
    *("question", "answer", "prompt", "completion", "system", "messages", "role", "content", "instruction", "output"),
    *("Question", " answer ", "q", "a", "質問", "回答", "", "\x1b[31m", "schemaVersion", "response", "input", "text"),
)


def text(dice: Dice, longest: int = 4) -> str:
    """Some runs of characters, each of a kind."""
    return "".join(dice.choice(_RUNS)(dice) for _ in range(dice.randrange(longest)))


def value(dice: Dice, depth: int = 0) -> Any:
    """Anything that JSON knows, and some that only Python's reader takes."""
    kind = dice.randrange(12 if depth < 4 else 8)
    if kind < 4:
        return text(dice)
    if kind < 8:
        return dice.choice((None, True, 0, -0.0, 1e308, float("nan"), float("inf"), 10**400, -1, 0.1, "", False))
    if kind < 10:
        return [value(dice, depth + 1) for _ in range(dice.randrange(4))]
    return {dice.choice((*_KEYS, text(dice, 2))): value(dice, depth + 1) for _ in range(dice.randrange(4))}


def pair(dice: Dice) -> dict[str, Any]:
    """A plain pair with what else came to hand."""
    found: dict[str, Any] = {"question": text(dice), "answer": text(dice)}
    if dice.random() < 0.3:
        found[dice.choice(_KEYS)] = value(dice)
    if dice.random() < 0.2:
        found[dice.choice(("question", "answer"))] = value(dice)
    items = list(found.items())
    dice.shuffle(items)
    return dict(items)


def conversation(dice: Dice) -> dict[str, Any]:
    """Messages of either kind, with roles and contents that may be wrong."""
    nova = dice.random() < 0.5
    turns = []
    for number in range(dice.randrange(5)):
        role: Any = ("user", "assistant")[number % 2]
        said = text(dice)
        content: Any = [{"text": said}] if nova else said
        if dice.random() < 0.1:
            role = dice.choice(("system", "tool", "", None, 5, "\x1b[2J", "USER", []))
        if dice.random() < 0.15:
            content = dice.choice((None, [], {}, [said], [{"text": None}], [{"image": {}}], [[]], 7, value(dice)))
        turns.append({"role": role, "content": content} | ({"name": text(dice)} if dice.random() < 0.1 else {}))
    found: dict[str, Any] = {"messages": turns}
    if nova:
        found["schemaVersion"] = dice.choice(("bedrock-conversation-2024", "bedrock-conversation-2024", "x", None))
    if dice.random() < 0.5:
        found["system"] = [{"text": text(dice)}] if nova else text(dice)
    if dice.random() < 0.1:
        found["system"] = value(dice)
    return found


def completion(dice: Dice) -> dict[str, Any]:
    """What Llama and Titan are tuned with."""
    return {"prompt": text(dice), "completion": text(dice)}


_RECORDS: Sequence[Callable[[Dice], Any]] = (pair, conversation, completion, value)


def _json(dice: Dice, one: Any) -> str:
    indent = dice.choice((None, None, None, 0, 3, "\t"))
    return json.dumps(one, ensure_ascii=dice.random() < 0.5, indent=indent)


def _lines(dice: Dice, records: Sequence[Any]) -> str:
    end = dice.choice(("\n", "\n", "\r\n", "\n\n", "\n \t\n", "\r", "", "\x1e", ",\n", "\u2028"))
    texts = [json.dumps(r, ensure_ascii=dice.random() < 0.5) for r in records]
    return end.join(texts) + dice.choice(("", end, "\n", "\x1a"))


def _list(dice: Dice, records: Sequence[Any]) -> str:
    joint = dice.choice((",", ", ", "\n,", ",\r\n  ", ",\n\n", ",,"))
    inside = joint.join(_json(dice, r) for r in records)
    opening, closing = dice.choice(
        (("[", "]"), ("[\n", "\n]\n"), (" [", "] "), ("[", ""), ('{"data":[', "]}"), ("[", ",]"))
    )
    return opening + inside + closing


def _table(dice: Dice, records: Sequence[Any]) -> str:
    names = dice.sample(list(_KEYS), dice.randrange(1, 6))
    if dice.random() < 0.7:
        names[:2] = ["question", "answer"]
    out = io.StringIO()
    writer = csv.writer(
        out,
        delimiter=dice.choice(",\t;|"),
        lineterminator=dice.choice(("\n", "\r\n", "\r")),
        quoting=dice.choice((csv.QUOTE_ALL, csv.QUOTE_MINIMAL)),
    )
    if dice.random() < 0.8:
        writer.writerow(names)
    for record in records:
        cells = [str(v) for v in record.values()] if isinstance(record, dict) else [text(dice)]
        writer.writerow((cells + [text(dice)] * 5)[: max(1, len(names) + dice.choice((0, 0, 0, 0, 1, -1)))])
    found = out.getvalue()
    return found if dice.random() < 0.8 else found.replace('"', "", 1)


_ENCODINGS = ("utf-8",) * 14 + (
    *("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-7"),
    *("shift_jis", "euc_jp", "iso2022_jp", "latin-1", "gb18030", "cp1252"),
)


def file(dice: Dice) -> tuple[str, bytes]:
    """A file's suffix and bytes."""
    kinds = [dice.choice(_RECORDS)] * 4 + [dice.choice(_RECORDS)]
    records = [dice.choice(kinds)(dice) for _ in range(dice.choice((0, 1, 2, 5, 30)))]
    if records and dice.random() < 0.3:
        records += dice.sample(records, len(records) // 2)
    suffix, make = dice.choice(((".jsonl", _lines), (".json", _list), (".csv", _table), (".tsv", _table)))
    if dice.random() < 0.05:
        suffix = dice.choice((".txt", "", ".JSON", ".json.gz", ".csv.bak"))
    encoding = dice.choice(_ENCODINGS)
    errors = "surrogatepass" if encoding.startswith("utf") and encoding != "utf-7" else "replace"
    data = make(dice, records).encode(encoding, errors)
    if errors == "surrogatepass" and dice.random() < 0.8:
        data = data.decode(encoding, "replace").encode(encoding, "replace")
    chance = dice.random()
    if chance < 0.05:
        data = data[: dice.randrange(len(data) + 1)]
    elif chance < 0.1 and data:
        spoilt = bytearray(data)
        for _ in range(dice.choice((1, 2, 20))):
            spoilt[dice.randrange(len(spoilt))] = dice.randrange(256)
        data = bytes(spoilt)
    elif chance < 0.12:
        data = gzip.compress(data)
    elif chance < 0.13:
        data = b"\0" * dice.randrange(3) + data + b"\0" * dice.randrange(3)
    return suffix, data
