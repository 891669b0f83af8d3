"""Documents as the sandbox's rules read them: blocks of text under headings."""

from __future__ import annotations

import csv
import io
import re
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from xml.etree import ElementTree

from tui.sandbox.errors import validation

_MOST_UNPACKED = 64 * 1024 * 1024
_MOST_PAGES = 100
_ENDS = tuple(".!?。\uff01\uff1f:;、,…")
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_HEADING = re.compile(r"#{1,6}\s+(.+?)\s*#*$")
_LIST_MARK = re.compile(r"^\s*(?:[-*+•・]|\d{1,3}[.)])\s+")
_MARKS = re.compile(r"(?<!\w)(?:\*\*|__|\*|_|`)|(?:\*\*|__|\*|_|`)(?!\w)|!?\[([^\]]*)\]\([^)]*\)")
_CJK = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff00-\uff60]")


@dataclass(frozen=True, slots=True)
class Block:
    """One paragraph, or one row of a table as its `cells`, and the heading it stands under."""

    heading: str
    text: str
    cells: tuple[tuple[str, str], ...] = ()


def blocks(kind: str, data: bytes) -> list[Block]:
    """The blocks of a document; `kind` is Converse's format. Raises what Bedrock answers when it cannot be read."""
    reader = _READERS.get(kind)
    if reader is None:
        raise validation(f"The sandbox's model does not read {kind} documents.")
    return [block for block in reader(data) if block.text.strip() or block.cells]


def joined(lines: Iterable[str]) -> str:
    """Lines of one paragraph as one: Japanese without blanks between them."""
    text = ""
    for line in (line.strip() for line in lines):
        if text and line and not (_CJK.match(text[-1]) and _CJK.match(line[0])):
            text += " "
        text += line
    return text


def _decoded(data: bytes) -> str:
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8-sig", "replace")


def _of_text(data: bytes) -> Iterator[Block]:
    yield from _of_lines(_decoded(data).splitlines())


def _of_lines(lines: Iterable[str]) -> Iterator[Block]:
    heading, gathered, fenced = "", list[str](), False
    for line in [*lines, ""]:
        plain = line.strip()
        if plain.startswith("```"):
            fenced = not fenced
            continue
        if fenced or (set(plain) <= set("=-_*~ ") and len(plain) > 2):
            continue
        marked = _HEADING.match(plain)
        if plain and not marked and not _LIST_MARK.match(line):
            gathered.append(plain)
            continue
        if gathered:
            if _is_heading(gathered):
                heading = _cleaned(gathered[0])
            else:
                yield Block(heading, _cleaned(joined(gathered)))
            gathered = []
        if marked:
            heading = _cleaned(marked[1])
        elif plain:
            gathered = [_LIST_MARK.sub("", line)]


def _is_heading(lines: list[str]) -> bool:
    return len(lines) == 1 and len(lines[0]) <= 60 and not lines[0].endswith(_ENDS) and not lines[0][0].islower()


def _cleaned(text: str) -> str:
    return _MARKS.sub(lambda found: found[1] or "", text).strip()


class _Page(HTMLParser):
    """Headings and paragraphs of a page, in order."""

    _HIDDEN = {"script", "style", "head", "template", "noscript"}
    _FLOWING = {"a", "abbr", "b", "bdi", "cite", "code", "em", "i", "kbd", "mark", "q", "s", "small", "span", "strong"}

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[Block] = []
        self._heading = ""
        self._text: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self._hidden += tag in self._HIDDEN
        if tag not in self._FLOWING:
            self.flush()

    def handle_endtag(self, tag: str) -> None:
        self._hidden = max(0, self._hidden - (tag in self._HIDDEN))
        if re.fullmatch("h[1-6]", tag):
            self._heading, self._text = " ".join("".join(self._text).split()), []
        elif tag not in self._FLOWING:
            self.flush()

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self._text.append(data)

    def flush(self) -> None:
        text = " ".join("".join(self._text).split())
        self._text = []
        if text:
            self.found.append(Block(self._heading, text))


def _of_html(data: bytes) -> Iterator[Block]:
    page = _Page()
    page.feed(_decoded(data))
    page.close()
    page.flush()
    yield from page.found


def _of_csv(data: bytes) -> Iterator[Block]:
    text = _decoded(data)
    try:
        yield from _of_rows(list(csv.reader(io.StringIO(text), delimiter="\t" if "\t" in text[:2000] else ",")))
    except csv.Error as error:
        raise validation("The CSV document could not be read.") from error


def _of_rows(rows: list[list[str]]) -> Iterator[Block]:
    header = [name.strip() for name in rows[0]] if rows else []
    for row in rows[1:]:
        cells = tuple((name, cell.strip()) for name, cell in zip(header, row, strict=False) if cell.strip())
        if len(cells) > 1:
            yield Block(cells[0][1], "", cells)


def _of_pdf(data: bytes) -> Iterator[Block]:
    import logging

    from pypdf import PdfReader
    from pypdf.errors import PyPdfError

    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        pages = PdfReader(io.BytesIO(data)).pages
        number = len(pages)
        lines = [line for page in pages[:_MOST_PAGES] for line in (page.extract_text() or "").splitlines()]
    except PyPdfError as error:
        protected = "decrypt" in str(error)
        reason = "is password protected" if protected else "was not valid"
        raise validation(f"The PDF specified {reason}.") from error
    except Exception as error:  # a damaged file may break the library anywhere
        raise validation("The PDF specified was not valid.") from error
    if number > _MOST_PAGES:
        raise validation(f"A maximum of {_MOST_PAGES} PDF pages may be provided.")
    yield from _of_lines(_spaced(lines))


def _spaced(lines: list[str]) -> Iterator[str]:
    """A page's lines with a blank one where a paragraph seems to end: after a line that is short and ends a sentence,
    and around one that looks like a heading."""
    widest = max((len(line) for line in lines), default=0)
    for line in lines:
        short = len(line.strip()) < widest * 0.6
        heading = short and _is_heading([line.strip() or "."])
        if heading:
            yield ""
        yield line
        if heading or (short and line.strip().endswith(_ENDS)):
            yield ""


def _unpacked(data: bytes, *names: str) -> list[ElementTree.Element | None]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            known = {info.filename: info.file_size for info in archive.infolist()}
            if sum(known.get(name, 0) for name in names) > _MOST_UNPACKED:
                raise validation("The document is too large when it is unpacked.")
            return [ElementTree.fromstring(archive.read(name)) if name in known else None for name in names]
    except (zipfile.BadZipFile, zlib.error, EOFError, ElementTree.ParseError, RuntimeError, OSError) as error:
        raise validation("The document specified was not valid.") from error


def _of_docx(data: bytes) -> Iterator[Block]:
    (document,) = _unpacked(data, "word/document.xml")
    if document is None:
        raise validation("The document specified was not valid.")
    heading = ""
    for paragraph in document.iter(f"{_WORD}p"):
        text = "".join(node.text or "" for node in paragraph.iter(f"{_WORD}t")).strip()
        style = paragraph.find(f"{_WORD}pPr/{_WORD}pStyle")
        named = "" if style is None else style.get(f"{_WORD}val", "")
        if text and (named.lower().startswith(("heading", "title")) or named.isdigit()):
            heading = text
        elif text:
            yield Block(heading, text)


def _of_xlsx(data: bytes) -> Iterator[Block]:
    strings, sheet = _unpacked(data, "xl/sharedStrings.xml", "xl/worksheets/sheet1.xml")
    if sheet is None:
        raise validation("The document specified was not valid.")
    shared = (
        []
        if strings is None
        else ["".join(t.text or "" for t in item.iter(f"{_SHEET}t")) for item in strings.iter(f"{_SHEET}si")]
    )
    yield from _of_rows([[_cell(c, shared) for c in row.iter(f"{_SHEET}c")] for row in sheet.iter(f"{_SHEET}row")])


def _cell(cell: ElementTree.Element, shared: list[str]) -> str:
    value = cell.find(f"{_SHEET}v")
    text = (value.text or "") if value is not None else "".join(t.text or "" for t in cell.iter(f"{_SHEET}t"))
    if cell.get("t") == "s" and text.isdecimal():
        return shared[int(text)] if len(text) < 9 and int(text) < len(shared) else ""
    return text


_READERS: dict[str, Callable[[bytes], Iterator[Block]]] = {
    "txt": _of_text,
    "md": _of_text,
    "html": _of_html,
    "csv": _of_csv,
    "pdf": _of_pdf,
    "docx": _of_docx,
    "xlsx": _of_xlsx,
}
