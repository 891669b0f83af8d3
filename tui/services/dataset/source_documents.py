"""Documents to write pairs from: read, held to Converse's limits, and cut into parts where they are too long."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree

from tui.domain.chat.structure import Attachment
from tui.domain.dataset.generation import Part, SourceDocument, cut, estimated_tokens
from tui.domain.errors import AppError, Cause
from tui.domain.files.raw_text import HEAD, bare_utf16
from tui.domain.text import human_size, safe_line
from tui.services.pool import DaemonPool

FORMATS = {
    ".pdf": "pdf",
    ".docx": "docx",
    ".doc": "doc",
    ".md": "md",
    ".markdown": "md",
    ".txt": "txt",
    ".text": "txt",
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".tsv": "csv",
    ".xlsx": "xlsx",
    ".xls": "xls",
}
_MOST_BYTES = 4_500_000
"""Of one document in a request to Converse."""
_MOST_READ = 200_000_000
"""Bytes of a file to write pairs from."""
_MOST_UNPACKED = 100_000_000
"""Bytes of a Word document's text once unpacked: a small file may hold gigabytes."""
_PATIENCE = 60.0
"""Seconds for reading one; a PDF may be made so that it takes for ever."""
_PIECE = 1 << 16
"""Bytes read between two looks whether that is too much."""
_PART_TOKENS = 30_000
"""Of one part, about: small enough for every model's context, and for the model to look at all of it."""
_PAGES = 40
"""Of a PDF in one part at most."""
_SAMPLED = 24
"""Pages, spread over a PDF, by which the length of the others is estimated."""
_ENDS = {
    "md": ("\n# ", "\n## ", "\n### ", "\n\n", "\n", "。", ". "),
    "txt": ("\n\n", "\n", "。", ". "),
    "html": ("<h1", "<h2", "<h3", "<section", "<p", "<tr", "<li", "\n", "<"),
}
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_SPACES = {f"{_WORD}tab": "\t", f"{_WORD}br": "\n", f"{_WORD}cr": "\n"}
_JAPANESE = ("cp932", "euc_jp")
_SHIFTS = (b"\x1b$B", b"\x1b$@")
_KANA = re.compile("[\u3041-\u3096]")


class SourceDocuments:
    """Reads on a thread of its own for each document: a hostile one may keep it busy for ever."""

    async def read(self, path: Path) -> SourceDocument:
        """The document in parts. Raises AppError (cause FILE), one sentence, for what cannot be used."""
        try:
            return await asyncio.wait_for(DaemonPool(1, "document").run(_read, path), _PATIENCE)
        except TimeoutError:
            raise _refused(path, f"could not be read within {_PATIENCE:.0f} seconds") from None


def _refused(path: Path, why: str, hint: str = "") -> AppError:
    return AppError(Cause.FILE, f"{safe_line(path.name, 60) or 'The document'} {why}", "", hint)


def _read(path: Path) -> SourceDocument:
    kind = FORMATS.get(path.suffix.lower())
    if kind is None:
        raise _refused(path, "is no document that models read", f"They read {', '.join(FORMATS)}")
    data = _bytes(path)
    notes: list[str] = []
    try:
        parts = list(_PARTS[kind](path, data, notes))
    except AppError:
        raise
    except (RecursionError, MemoryError, ValueError, OSError, KeyError, zipfile.BadZipFile) as error:
        raise _refused(path, "is broken", safe_line(str(error), 120)) from error
    if not parts:
        raise _refused(path, "holds no text")
    return SourceDocument(path, kind, hashlib.sha256(data).hexdigest(), len(data), tuple(parts), tuple(notes))


def _bytes(path: Path) -> bytes:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):  # opening a pipe would wait for a writer
            raise _refused(path, "is a folder" if stat.S_ISDIR(found.st_mode) else "is no file")
        if found.st_size > _MOST_READ:
            raise _refused(path, f"is too large: {human_size(found.st_size)} of at most {human_size(_MOST_READ)}")
        data = path.read_bytes()
    except FileNotFoundError:
        raise _refused(path, "is not there") from None
    except (OSError, ValueError) as error:
        raise _refused(
            path, f"cannot be read: {safe_line(getattr(error, 'strerror', '') or str(error), 100)}"
        ) from None
    if not data.strip():
        raise _refused(path, "is empty")
    return data


def _part(path: Path, label: str, kind: str, data: bytes, tokens: int) -> Part:
    return Part(label, Attachment(f"{path.stem} {label}", kind, data), tokens)


# Texts


def _text(path: Path, data: bytes) -> str:
    """The text of a file in UTF-8, UTF-16, or a Japanese encoding; only what certainly is one: it will be paid for."""
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if bare := bare_utf16(data[:HEAD]):
        return data.decode(bare, "replace")
    texts = {name: text for name in ("iso2022_jp", "utf-8-sig", *_JAPANESE) if (text := _decoded(data, name))}
    if "iso2022_jp" in texts and any(mark in data for mark in _SHIFTS):
        return texts["iso2022_jp"]
    if "utf-8-sig" in texts:
        return texts["utf-8-sig"]
    # Bytes of one are letters in the other, and of Western encodings in both; only Japanese has this many kana.
    likely = max(_JAPANESE, key=lambda name: _kana(texts.get(name, "")))
    if _kana(texts.get(likely, "")):
        return texts[likely]
    raise _refused(path, "is no text in UTF-8, UTF-16, Shift JIS or EUC-JP", "Convert it first")


def _decoded(data: bytes, encoding: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return ""
    return "" if "\0" in text else text


def _kana(text: str) -> int:
    return len(_KANA.findall(text))


def _texts(kind: str) -> Callable[[Path, bytes, list[str]], Iterator[Part]]:
    def parts(path: Path, data: bytes, notes: list[str]) -> Iterator[Part]:
        return _of_text(path, kind, _text(path, data), notes)

    return parts


def _of_text(path: Path, kind: str, text: str, notes: list[str]) -> Iterator[Part]:
    most = _PART_TOKENS * len(text) // estimated_tokens(text) if text else 1
    pieces = cut(text, max(1000, most), _ENDS[kind])
    yield from _numbered(path, kind, pieces, notes)


def _numbered(path: Path, kind: str, pieces: list[str], notes: list[str]) -> Iterator[Part]:
    if len(pieces) > 1:
        notes.append(f"cut into {len(pieces)} parts")
    for number, piece in enumerate(pieces, 1):
        label = f"part {number} of {len(pieces)}" if len(pieces) > 1 else "whole"
        yield _part(path, label, kind, piece.encode("utf-8", "replace"), estimated_tokens(piece))


def _of_csv(path: Path, data: bytes, notes: list[str]) -> Iterator[Part]:
    """Each part has the header, and whole rows."""
    text = _text(path, data)
    if estimated_tokens(text) <= _PART_TOKENS and len(data) <= _MOST_BYTES:
        yield from _numbered(path, "csv", [text], notes)
        return
    first = text[:4000].partition("\n")[0]
    rows = csv.reader(io.StringIO(text, newline=""), delimiter="\t" if first.count("\t") > first.count(",") else ",")
    most = max(1000, _PART_TOKENS * len(text) // estimated_tokens(text))
    try:
        yield from _numbered(path, "csv", list(_tables(rows, most)), notes)
    except csv.Error as error:
        raise _refused(path, "is broken", safe_line(str(error), 120)) from None


def _tables(rows: Iterable[list[str]], most: int) -> Iterator[str]:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    header: list[str] | None = None
    for row in rows:
        if header is None:
            header = row
        elif table.tell() > most:
            yield table.getvalue()
            table.seek(0)
            table.truncate()
            writer.writerow(header)
        writer.writerow(row)
    yield table.getvalue()


# Office files


def _of_docx(path: Path, data: bytes, notes: list[str]) -> Iterator[Part]:
    text = _docx_text(path, data)
    if not text.strip():
        raise _refused(path, "holds no text")
    tokens = estimated_tokens(text)
    if len(data) <= _MOST_BYTES and tokens <= _PART_TOKENS * 2:
        yield _part(path, "whole", "docx", data, tokens)
        return
    notes.append("only its text is sent")
    yield from _of_text(path, "md", text, notes)


def _docx_text(path: Path, data: bytes) -> str:
    found = _Paragraphs()
    parser = ElementTree.XMLParser(target=found)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("word/document.xml") as document:
            if archive.getinfo("word/document.xml").file_size > _MOST_UNPACKED:
                raise _refused(path, "is too large when it is unpacked")
            while piece := document.read(_PIECE):
                parser.feed(piece)
            parser.close()
    except AppError:
        raise
    except Exception as error:  # zlib, bz2, lzma and expat each have errors of their own for what is damaged
        raise _refused(path, "is no Word document that can be read", safe_line(str(error), 120)) from None
    return "\n\n".join(found.lines)


class _Paragraphs:
    """The text of a Word document, of which the parser tells piece by piece: as a tree, a small file of millions of
    elements would fill the memory. The text of a box stands before that of the paragraph which it is tied to."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._open: list[list[str]] = []
        self._is_text = False

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        """An element begins."""
        self._is_text = tag == f"{_WORD}t"
        if tag == f"{_WORD}p":
            self._open.append([""])
        elif not self._open:
            return
        elif tag == f"{_WORD}pStyle" and attributes.get(f"{_WORD}val", "").lower().startswith("heading"):
            self._open[-1][0] = "## "
        elif tag in _SPACES:
            self._open[-1].append(_SPACES[tag])

    def data(self, text: str) -> None:
        """What stands in it."""
        if self._is_text and self._open:
            self._open[-1].append(text)

    def end(self, tag: str) -> None:
        """It ends."""
        self._is_text = False
        if tag == f"{_WORD}p" and self._open:
            mark, *written = self._open.pop()
            text = "".join(written)
            self.lines.append(f"{mark}{text}" if text else "")

    def doctype(self, *_: str | None) -> None:
        """Word writes none; whoever does may declare entities that unfold without end."""
        raise ValueError("it has a document type of its own")

    def close(self) -> None:
        """All is told."""


def _as_it_is(kind: str) -> Callable[[Path, bytes, list[str]], Iterator[Part]]:
    """Formats that this app cannot cut; how much text is in them is guessed from their size."""

    def parts(path: Path, data: bytes, notes: list[str]) -> Iterator[Part]:
        if len(data) > _MOST_BYTES:
            limit = human_size(_MOST_BYTES)
            raise _refused(path, f"is too large: {human_size(len(data))} of at most {limit}", "Save it as docx or csv")
        notes.append("its length in tokens is a guess")
        yield _part(path, "whole", kind, data, len(data) // 6 + 1)

    return parts


# PDF


def _of_pdf(path: Path, data: bytes, notes: list[str]) -> Iterator[Part]:
    import logging

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted:
            raise _refused(path, "is protected by a password", "Save it without one")
        pages = len(reader.pages)
        if not pages:
            raise _refused(path, "has no pages")
        yield from _pdf_parts(path, data, reader, pages, notes)
    except AppError:
        raise
    except (PyPdfError, Exception) as error:  # a damaged file may break the library anywhere
        raise _refused(path, "is a broken PDF", safe_line(str(error), 120)) from error


def _pdf_parts(path: Path, data: bytes, reader: object, pages: int, notes: list[str]) -> Iterator[Part]:
    each = _tokens_per_page(reader, pages)
    if each < 10:
        notes.append("hardly any text was found in it: it may be scanned, and models read its text only")
    fitting = max(1, min(_PAGES, int(_PART_TOKENS / max(1.0, each))))
    if pages <= fitting and len(data) <= _MOST_BYTES:
        yield _part(path, "whole", "pdf", data, round(each * pages) + 1)
        return
    number = -(-pages // fitting)
    size = -(-pages // number)
    notes.append(f"{pages} pages, cut into {number} parts")
    for first in range(0, pages, size):
        yield from _page_range(path, reader, first, min(first + size, pages), each, notes)


def _page_range(path: Path, reader: object, first: int, end: int, each: float, notes: list[str]) -> Iterator[Part]:
    from pypdf import PdfReader, PdfWriter

    assert isinstance(reader, PdfReader)
    label = f"page {first + 1}" if end - first == 1 else f"pages {first + 1} to {end}"
    writer = PdfWriter()
    for page in reader.pages[first:end]:
        writer.add_page(page)
    out = io.BytesIO()
    writer.write(out)
    if out.tell() <= _MOST_BYTES:
        yield _part(path, label, "pdf", out.getvalue(), round(each * (end - first)) + 1)
    elif end - first > 1:
        middle = (first + end) // 2
        yield from _page_range(path, reader, first, middle, each, notes)
        yield from _page_range(path, reader, middle, end, each, notes)
    else:
        text = (reader.pages[first].extract_text() or "").strip()
        notes.append(f"{label} is too large: {'only its text is sent' if text else 'left out'}")
        if text:
            yield _part(path, label, "txt", text.encode("utf-8", "replace"), estimated_tokens(text))


def _tokens_per_page(reader: object, pages: int) -> float:
    """Estimated from some pages: reading them all would take seconds."""
    from pypdf import PdfReader

    assert isinstance(reader, PdfReader)
    looked = sorted({round(n * (pages - 1) / max(1, _SAMPLED - 1)) for n in range(min(_SAMPLED, pages))})
    texts = [reader.pages[n].extract_text() or "" for n in looked]
    return sum(estimated_tokens(text) - 1 for text in texts) / len(looked)


_PARTS: dict[str, Callable[[Path, bytes, list[str]], Iterator[Part]]] = {
    "pdf": _of_pdf,
    "docx": _of_docx,
    "doc": _as_it_is("doc"),
    "xlsx": _as_it_is("xlsx"),
    "xls": _as_it_is("xls"),
    "csv": _of_csv,
    "md": _texts("md"),
    "txt": _texts("txt"),
    "html": _texts("html"),
}
