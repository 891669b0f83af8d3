"""Documents read for writing pairs: every format, cut where they are long, refused with a sentence."""

from __future__ import annotations

import csv
import io
import os
import random
import threading
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pypdf import PdfReader

from tests import papers
from tests.services.conftest import until
from tui.domain.dataset.generation import SourceDocument, cut
from tui.domain.errors import AppError, Cause
from tui.services.dataset import source_documents
from tui.services.dataset.source_documents import SourceDocuments

LIT = "of lanterns, and of how each of them is lit."
LONG = "".join(f"# Chapter {n}\n\n{'The lantern hangs at the gate. ' * 200}\n\n" for n in range(40))


async def read(root: Path, name: str, data: bytes) -> SourceDocument:
    path = root / name
    path.write_bytes(data)
    return await SourceDocuments().read(path)


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("a.md", papers.GUIDE.encode(), "md"),
        ("資料.txt", papers.GUIDE_JA.encode(), "txt"),
        ("a.TXT", papers.GUIDE_JA.encode("cp932"), "txt"),
        ("a.text", papers.GUIDE.encode("utf-16"), "txt"),
        ("a.htm", b"<h1>x</h1><p>text", "html"),
        ("a.tsv", b"a\tb\n1\t2\n", "csv"),
        ("a.pdf", papers.pdf([["A lantern is a light."]]), "pdf"),
        ("a.docx", papers.docx([("Heading1", "Tea"), ("Normal", "Matcha is a tea.")]), "docx"),
        ("a.xlsx", papers.xlsx([["a", "b"]]), "xlsx"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_short_document_is_one_part(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    found = await read(tmp_path, name, data)
    (part,) = found.parts
    assert (found.format, part.attachment.format, part.label) == (kind, kind, "whole")
    assert part.tokens > 0
    assert len(found.sha256) == 64


async def test_text_in_another_encoding_is_sent_in_utf_8(tmp_path: Path) -> None:
    for encoding in ("cp932", "euc_jp", "iso2022_jp", "utf-16", "utf-16-le", "utf-16-be", "utf-8-sig"):
        (part,) = (await read(tmp_path, "a.txt", papers.GUIDE_JA.encode(encoding))).parts
        assert part.attachment.data.decode() == papers.GUIDE_JA


@pytest.mark.parametrize("text", ["été noté rédigé là-bas", "größte Straße", "über café"])
async def test_a_western_encoding_is_not_taken_for_japanese(tmp_path: Path, text: str) -> None:
    with pytest.raises(AppError, match="is no text in UTF-8"):
        await read(tmp_path, "a.txt", text.encode("latin-1"))


async def test_words_of_a_word_document_stay_apart(tmp_path: Path) -> None:
    rows = "".join(
        f"<w:tc><w:p><w:t>Gate {n}</w:t><w:tab/><w:t>No {n}</w:t><w:br/><w:t>{'east ' * 9}</w:t></w:p></w:tc>"
        for n in range(3000)
    )
    plain = papers.docx([("Normal", "Tea")])
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(plain)) as old, zipfile.ZipFile(held, "w") as new:
        for name in old.namelist():
            body = old.read(name)
            if name == "word/document.xml":
                body = body.replace(b"<w:p>", f"<w:tbl><w:tr>{rows}</w:tr></w:tbl><w:p>".encode(), 1)
            new.writestr(name, body)
    found = await read(tmp_path, "a.docx", held.getvalue())
    assert b"Gate 0\tNo 0\neast east" in found.parts[0].attachment.data
    assert b"\n\nGate 1\t" in found.parts[0].attachment.data


async def test_a_long_text_is_cut_before_headings(tmp_path: Path) -> None:
    found = await read(tmp_path, "a.md", LONG.encode())
    assert len(found.parts) > 1
    assert "".join(p.attachment.data.decode() for p in found.parts) == LONG
    assert all(p.attachment.data.lstrip().startswith(b"# Chapter") for p in found.parts)
    assert found.parts[0].label == f"part 1 of {len(found.parts)}"
    assert found.notes == (f"cut into {len(found.parts)} parts",)


async def test_a_long_table_keeps_its_header_and_its_rows(tmp_path: Path) -> None:
    rows = [["name", "note"], *([f"lantern {n}", f"two\nlines, {n} " * 5] for n in range(3000))]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    found = await read(tmp_path, "a.csv", out.getvalue().encode())
    assert len(found.parts) > 1
    parts = [list(csv.reader(io.StringIO(p.attachment.data.decode(), newline=""))) for p in found.parts]
    assert all(part[0] == rows[0] for part in parts)
    assert [row for part in parts for row in part[1:]] == rows[1:]


async def test_a_long_pdf_is_cut_at_pages(tmp_path: Path) -> None:
    found = await read(
        tmp_path,
        "a.pdf",
        papers.pdf([[f"Page {n} tells {LIT}"] for n in range(90)]),
    )
    assert [p.label for p in found.parts] == ["pages 1 to 30", "pages 31 to 60", "pages 61 to 90"]
    second = PdfReader(io.BytesIO(found.parts[1].attachment.data))
    assert len(second.pages) == 30
    assert "Page 30 tells" in second.pages[0].extract_text()
    assert found.notes == ("90 pages, cut into 3 parts",)


async def test_pages_too_large_for_one_request_go_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source_documents, "_MOST_BYTES", 900)
    found = await read(tmp_path, "a.pdf", papers.pdf([["One lantern."], ["Two lanterns. " + "x" * 900], [""]]))
    assert [(p.label, p.attachment.format) for p in found.parts] == [
        ("page 1", "pdf"),
        ("page 2", "txt"),
        ("page 3", "pdf"),
    ]
    assert "page 2 is too large: only its text is sent" in found.notes


async def test_a_pdf_without_text_is_told(tmp_path: Path) -> None:
    found = await read(tmp_path, "a.pdf", papers.pdf([[""]]))
    assert "may be scanned" in found.notes[0]


async def test_a_large_word_document_is_sent_as_text(tmp_path: Path) -> None:
    data = papers.docx([("Heading1", "Tea"), *(("Normal", f"Matcha {n} is a tea. " * 40) for n in range(500))])
    found = await read(tmp_path, "a.docx", data)
    assert {p.attachment.format for p in found.parts} == {"md"}
    assert found.parts[0].attachment.data.startswith(b"## Tea")
    assert "only its text is sent" in found.notes


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.exe", b"x", "is no document that models read"),
        ("a", b"x", "is no document"),
        ("a.txt", b" \n", "is empty"),
        ("a.txt", b"\x00\x01\x02\xff", "is no text"),
        ("a.md", b"\x81\x00", "is no text"),
        ("a.pdf", b"%PDF-1.4 and nothing", "is a broken PDF"),
        ("a.pdf", papers.locked_pdf(), "is protected by a password"),
        ("a.pdf", papers.pdf([]), "has no pages"),
        ("a.docx", b"PK nothing", "is no Word document"),
        ("a.docx", papers.xlsx([["a"]]), "is no Word document"),
        ("a.docx", papers.docx([]), "holds no text"),
        ("a.xls", b"x" * 4_500_001, "is too large: 4.5 MB"),
        ("\x1b[31ma.exe", b"x", "is no document"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_cannot_be_used_is_refused_in_a_sentence(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    with pytest.raises(AppError) as failed:
        await read(tmp_path, name, data)
    assert failed.value.cause is Cause.FILE
    assert said in failed.value.title
    assert "\x1b" not in failed.value.sentence()


async def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder.txt").mkdir()
    os.mkfifo(tmp_path / "pipe.txt")
    for name, said in (
        ("folder.txt", "folder"),
        ("pipe.txt", "no file"),
        ("gone.txt", "not there"),
        ("a\0.txt", "read"),
    ):
        with pytest.raises(AppError, match=said):
            await SourceDocuments().read(tmp_path / name)


async def test_a_document_that_takes_for_ever_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    monkeypatch.setattr(source_documents, "_PATIENCE", 0.05)
    monkeypatch.setattr(source_documents, "_read", lambda path: threading.Event().wait(5))
    with pytest.raises(AppError, match="could not be read within"):
        await SourceDocuments().read(tmp_path / "a.txt")


@given(st.text("ab。.\n# ", max_size=300), st.integers(3, 50))
@example("aaa   a", 3)
def test_cutting_loses_nothing_but_blanks(text: str, most: int) -> None:
    pieces = cut(text, most, ("\n# ", "\n\n", "。"))
    assert all(0 < len(piece) <= most for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


async def test_a_word_document_that_swells_is_refused(tmp_path: Path) -> None:
    levels = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY a0 "lantern">{levels}]><d>&a11;</d>'
    with pytest.raises(AppError, match="is no Word document") as caught:
        await read(tmp_path, "a.docx", papers.zipped({"word/document.xml": bomb}))
    assert "document type of its own" in caught.value.detail + caught.value.hint


async def test_a_word_document_of_very_many_elements_fills_no_memory(tmp_path: Path) -> None:
    space = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
    many = "<w:p/>" * 50_000
    text = f'<w:document xmlns:w="{space}"><w:body>{many}</w:body></w:document>'
    small = papers.zipped({"word/document.xml": text})
    tracemalloc.start()
    try:
        with pytest.raises(AppError, match="holds no text"):
            await read(tmp_path, "a.docx", small)
        assert tracemalloc.get_traced_memory()[1] < 3_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
async def test_a_damaged_word_document_is_refused_or_read(tmp_path: Path, method: int) -> None:
    """Each way of packing has errors of its own."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr("word/document.xml", papers.GUIDE)
    whole = out.getvalue()
    for seed in range(60):
        dice, damaged = random.Random(seed), bytearray(whole)
        for _ in range(dice.choice((1, 3, 20))):
            damaged[dice.randrange(60, len(damaged))] = dice.randrange(256)
        with pytest.raises(AppError) as caught:  # the guide is no XML
            await read(tmp_path, "a.docx", bytes(damaged[: dice.choice((len(whole), dice.randrange(len(whole))))]))
        assert caught.value.cause is Cause.FILE
        assert all(ch.isprintable() for ch in caught.value.sentence())


async def test_no_thread_is_left_of_a_document_that_was_read(tmp_path: Path) -> None:
    before = threading.enumerate()  # one that is kept busy by a hostile document may be left of another test
    await read(tmp_path, "a.md", papers.GUIDE.encode())
    until(lambda: not any(t.name.startswith("document-") for t in threading.enumerate() if t not in before))
