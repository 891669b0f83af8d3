"""Files that nobody would want to open, made anew from a seed: odd, broken, huge, misnamed, and mere pretence."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import os
import random
import socket
import sqlite3
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

NEEDLES = (
    "\x1b[31m",
    "\x9b31m",
    "\x1b]52;c;QUFB\x07",
    "\x1b]0;owned\x07",
    "\u202eback\u2066",
    "\x00",
    "\x7f",
    "\u200b",
)
MARKUP = ("[/]", "[/INST]", "[@click=app.quit]x[/]", "[red", "$text", ":skull:", "[link=http://x]y[/link]")
PAIRS = [{"question": f"What is lantern {n}?", "answer": f"It hangs at gate {n}."} for n in range(4)]
JAPANESE = [{"質問": f"提灯{n}はどこですか。", "回答": "三番目の門です。👨‍👩‍👧‍👦"} for n in range(4)]


def lines(records: Sequence[object], end: str = "\n", *, ascii: bool = True) -> str:
    return end.join(json.dumps(record, ensure_ascii=ascii) for record in records) + end


def zipped(*names: str) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(zipfile.ZipInfo(name), "x")
    return held.getvalue()


def tarred() -> bytes:
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("pairs.json"))
    return held.getvalue()


def no_texts() -> dict[str, bytes]:
    """Files of other kinds, and encodings that are not ours."""
    text = lines(JAPANESE, ascii=False)
    good = json.dumps(PAIRS)
    return {
        "gzip.json": gzip.compress(good.encode(), mtime=0),
        "gzip.json.gz": gzip.compress(good.encode(), mtime=0),
        "bz2.jsonl": bz2.compress(good.encode()),
        "xz.jsonl": lzma.compress(good.encode()),
        "zip.json": zipped("pairs.json"),
        "empty.zip": zipped(),
        "book.xlsx": zipped("[Content_Types].xml", "xl/workbook.xml"),
        "book.csv": zipped("[Content_Types].xml", "xl/workbook.xml"),
        "text.docx": zipped("[Content_Types].xml", "word/document.xml"),
        "tar.json": tarred(),
        "old.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(900),
        "paper.pdf": b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\n",
        "picture.json": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
        "photo.json": b"\xff\xd8\xff\xe0\0\x10JFIF",
        "table.parquet": b"PAR1" + bytes(90) + b"PAR1",
        "program.json": b"\x7fELF" + bytes(99),
        "store.json": b"SQLite format 3\0" + bytes(99),
        "nulls.json": bytes(5000),
        "every-byte.json": bytes(range(256)) * 20,
        "empty.json": b"",
        "blank.jsonl": b" \r\n\t\n",
        "only-a-mark.json": b"\xef\xbb\xbf",
        "marks.json": b"\xef\xbb\xbf" * 3 + good.encode(),
        "utf16.json": good.encode("utf-16"),
        "utf16-be.jsonl": b"\xfe\xff" + text.encode("utf-16-be"),
        "utf16-no-mark.json": good.encode("utf-16-le"),
        "utf16-cut.json": good.encode("utf-16")[:-1],
        "utf16-lone.json": b"\xff\xfe" + '[{"q":"'.encode("utf-16-le") + b"\x00\xd8" + '"}]'.encode("utf-16-le"),
        "utf32.json": good.encode("utf-32"),
        "latin1.jsonl": '{"q": "où?", "a": "là"}\n'.encode("latin-1"),
        "shift-jis.csv": "質問,回答\n提灯はどこ,門です\n".encode("cp932"),
        "euc.jsonl": text.replace("👨‍👩‍👧‍👦", "").encode("euc_jp"),
        "gb18030.jsonl": text.encode("gb18030"),
        "overlong.json": b'[{"q": "\xc0\xaf", "a": "x"}]',
        "surrogate.json": b'[{"q": "\xed\xa0\x80", "a": "x"}]',
        "past-unicode.json": b'[{"q": "\xf4\x90\x80\x80", "a": "x"}]',
        "half-at-the-end.jsonl": text.encode()[: text.encode().index("門".encode()) + 1],
        "mark-inside.jsonl": b"\n".join([b'{"q":"a","a":"b"}', b'\xef\xbb\xbf{"q":"c","a":"d"}', b""]),
    }


def no_pairs() -> dict[str, str]:
    """Texts that are something else."""
    return {
        "prose.txt": "Once there was a lantern, and it hung.\nThat is all.\n",
        "notes.md": "# Pairs\n\n- question: what?\n- answer: this\n",
        "page.html": "<html><body><table><tr><td>q</td></tr></table></body></html>",
        "data.xml": '<?xml version="1.0"?><pairs><pair q="a" a="b"/></pairs>',
        "data.yaml": "- question: a\n  answer: b\n",
        "python.json": "[{'question': 'a', 'answer': 'b'}]",
        "json5.json": '[{question: "a", /* why */ answer: "b",},]',
        "javascript.json": 'export default [{"q": "a", "a": "b"}];',
        "one-object.json": '{"question": "a", "answer": "b",\n"more": {"x": [1, 2]}}',
        "columns.json": '{"question": ["a", "b"], "answer": ["c", "d"]}',
        "wrapped.json": json.dumps({"data": PAIRS}, indent=2),
        "numbers.json": "[1, 2, 3]",
        "strings.json": '["a", "b"]',
        "lists.json": '[["a", "b"], ["c", "d"]]',
        "null.json": "null",
        "true.jsonl": "true\nfalse\n",
        "string.json": '"just a string"',
        "number.jsonl": "42\n",
        "no-texts.json": '[{"q": 1, "a": null}, {"q": [], "a": {}}]',
        "one-key.jsonl": '{"text": "a"}\n{"text": "b"}\n',
        "empty-list.json": "[]",
        "empty-objects.jsonl": "{}\n{}\n",
        "trailing.json": json.dumps(PAIRS) + " trailing",
        "trailing-comma.json": json.dumps(PAIRS)[:-1] + ",]",
        "two-lists.json": json.dumps(PAIRS) + json.dumps(PAIRS),
        "cr-only.jsonl": lines(PAIRS, "\r"),
        "one-column.csv": "question\nWhat?\nWhere?\n",
        "only-names.csv": "question,answer\n",
        "deep.json": "[" * 100_000 + "]" * 100_000,
        "deep-unclosed.json": '{"a":' * 50_000,
        "long-number.json": "[" + "9" * 100_000 + "]",
    }


def odd_pairs() -> dict[str, str | bytes]:
    """Files that are pairs, of a kind."""
    claude = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    found: dict[str, str | bytes] = {
        "deep-inside.jsonl": lines(PAIRS) + '{"question":"a","answer":' + "[" * 100_000 + "}\n",
        "long-number.jsonl": lines(PAIRS) + '{"question":"a","answer":"b","n":' + "9" * 5000 + "}\n",
        "infinite.json": '[{"question":"a","answer":"b","n":1e999,"m":-1e-999,"o":NaN,"p":Infinity}]',
        "spelled.json": '[{"n":1.10,"question":"\\u0061\\/","answer":"b","x":-0,"y":1E+2}]',
        "repeated-keys.jsonl": '{"question":"a","question":"b","answer":"c","answer":"d","x":1,"x":2}\n' + lines(PAIRS),
        "lone-surrogates.jsonl": '{"question":"\\ud800","answer":"\\udfff \\ud83d\\ude00"}\n' + lines(PAIRS),
        "raw-controls.jsonl": '{"question":"a\tb","answer":"c"}\n' + lines(PAIRS),
        "nul-inside.jsonl": '{"question":"a","answer":"b\0"}\n' + lines(PAIRS),
        "blank-keys.jsonl": '{"":"a"," ":"b"}\n',
        "wild-keys.json": json.dumps([{NEEDLES[0]: "a", NEEDLES[2] + MARKUP[1]: "b"}] * 2),
        "many-keys.json": json.dumps([{f"key {n}": f"text {n}" for n in range(3000)}]),
        "long-key.json": json.dumps([{"k" * 100_000: "a", "answer": "b"}]),
        "wrong-types.jsonl": lines([*PAIRS, {"question": 1, "answer": []}, [], 5, None, "x", {"answer": "b"}]),
        "crlf.jsonl": lines(PAIRS, "\r\n"),
        "mixed-ends.jsonl": lines(PAIRS, "\r\n") + "\n\n" + lines(PAIRS) + "\r\n \n" + json.dumps(PAIRS[0]),
        "separators.jsonl": lines([{"question": "a\u2028b\u2029c\x85d", "answer": "\x0b\x0c"}, *PAIRS], ascii=False),
        "huge-line.jsonl": lines([*PAIRS, {"question": "q", "answer": "あ" * 1_000_000}], ascii=False),
        "huge-word.json": json.dumps([{"question": "x" * 2_000_000, "answer": "b"}, *PAIRS]),
        "indented.json": json.dumps(JAPANESE, indent="\t", ensure_ascii=False).replace("\n", "\r\n"),
        "commas-first.json": '[ {"question":"a","answer":"b"}\n, {"question":"c","answer":"d"}\n ]\n\n',
        "bad-roles.jsonl": lines([{"messages": [{"role": r, "content": "x"} for r in ("", "system", NEEDLES[0])]}] * 2),
        "no-content.jsonl": lines([{"messages": claude}, {"messages": [{"role": "user", "content": None}]}]),
        "no-messages.jsonl": lines([{"messages": claude}, {"messages": []}, {"messages": {}}, {"messages": [1, "x"]}]),
        "odd-system.jsonl": lines([{"system": 5, "messages": claude}, {"system": "", "messages": claude}]),
        "pictures.jsonl": lines(
            [
                {"schemaVersion": "bedrock-conversation-2024", "messages": [{"role": "user", "content": blocks}]}
                for blocks in ([{"text": "a"}, {"image": {"format": "png"}}], [], [{"text": 5}], "text")
            ]
        ),
        "extras.jsonl": lines(
            [{"messages": [{**m, "id": 7} for m in claude], "meta": {"a": [1]}}, {"messages": claude}]
        ),
        "ragged.csv": 'question,answer,note\na\nb,c,d,e,f\n"g,h\ni,"j\n",k\n,,\n"l"m,n\n',
        "unclosed.csv": 'question,answer\n"a,b\nc,d\ne,f\n',
        "crlf.csv": '"question","answer"\r\n"a\r\nb","c ""d"""\r\ne,f\r\n',
        "cr.csv": "question,answer\ra,b\rc,d\r",
        "nameless.csv": "What is the first lamp of all?;It hangs at the gate.\nWhat is the second one?;At the hill.\n",
        "utf16.tsv": "question\tanswer\r\n提灯\t門\r\n".encode("utf-16"),
        "blank-names.csv": ",question,,answer\n1,a,,b\n",
        "nul.csv": b"question,answer\na\0b,c\nd,e\n",
        "wild.csv": "question,answer\n" + "".join(f'"{n}","{m}"\n' for n, m in zip(NEEDLES, MARKUP, strict=False)),
        "wide.csv": ",".join(f"c{n}" for n in range(2000)) + ",question,answer\n" + "x," * 2000 + "a,b\n",
    }
    for number, needle in enumerate((*NEEDLES, *MARKUP)):
        record = {"question": f"{needle} {number}", "answer": needle * 3, needle: needle}
        found[f"needle-{number}.json"] = json.dumps([record, *PAIRS], ensure_ascii=number % 2 == 0)
    return found


def broken(dice: random.Random, number: int) -> dict[str, bytes]:
    """Good files cut off or changed somewhere."""
    good = {
        "json": json.dumps(JAPANESE, indent=1, ensure_ascii=False).encode(),
        "jsonl": lines([*PAIRS, *PAIRS]).encode(),
        "csv": ('question,answer\n"a, b","c ""d"""\n' + "e,f\n" * 5).encode(),
    }
    found = {}
    for n in range(number):
        suffix, data = dice.choice(sorted(good.items()))
        if n % 3 == 0:
            data = data[: dice.randrange(len(data))]
        else:
            changed = bytearray(data)
            for _ in range(dice.choice((1, 3, 30))):
                changed[dice.randrange(len(changed))] = dice.choice((*b'"\\{}[],:\n\r\0 ', dice.randrange(256)))
            data = bytes(changed)
        found[f"broken-{n}.{suffix}"] = data
    return found


def names() -> list[bytes]:
    """File names that a list, a title or a message may stumble over."""
    return [
        b"\x1b[31mred.json", b"new\nline.json", b"[red] markup.json", b"-dash.json", b" blank .json", b"\xff\xfe.json",
        "提灯 👨‍👩‍👧‍👦.json".encode(), b"x" * 250 + b".json", b"\xc2\x9b31m.json",
        "\u202etxet.json".encode(), b"no-suffix",
    ]  # fmt: skip


def no_files(folder: Path) -> list[Path]:
    """What can be named but not read."""
    os.mkfifo(folder / "fifo.json")
    (folder / "folder.json").mkdir()
    (folder / "dangling.json").symlink_to(folder / "nothing")
    (folder / "loop.json").symlink_to(folder / "loop.json")
    (folder / "null.jsonl").symlink_to("/dev/null")
    (folder / "zero.json").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as one:
        here = os.getcwd()
        os.chdir(folder)  # the names of sockets are short
        one.bind("socket.json")
        os.chdir(here)
    found = ["fifo", "folder", "dangling", "loop", "zero", "socket", "missing"]
    return [folder / f"{name}.json" for name in found] + [
        folder / "null.jsonl",
        Path("/proc/self/mem"),
        folder / ("y" * 300),
    ]


def corpus(folder: Path, seed: int = 7) -> list[Path]:
    """All of them, written to a folder."""
    contents: dict[str, str | bytes] = {**no_texts(), **no_pairs(), **odd_pairs(), **broken(random.Random(seed), 60)}
    paths = []
    for name, content in contents.items():
        path = folder / name
        path.write_bytes(content.encode("utf-8", "surrogatepass") if isinstance(content, str) else content)
        paths.append(path)
    for raw in names():
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + raw))
        path.write_text(json.dumps(PAIRS))
        paths.append(path)
    with sqlite3.connect(folder / "real.db") as database:
        database.execute("CREATE TABLE pairs (q, a)")
    database.close()
    with (folder / "sparse.json").open("wb") as file:
        file.truncate(2_000_000_000)
    with (folder / "sparse-too.json").open("wb") as file:
        file.truncate(900_000_000)
    return [*paths, folder / "real.db", folder / "sparse.json", folder / "sparse-too.json", *no_files(folder)]
