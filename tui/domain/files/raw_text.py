"""Bytes of a file as text: encodings told from one another, and what is no text named."""

from __future__ import annotations

import codecs

from tui.domain.errors import AppError, Cause
from tui.domain.text import safe_line

_SAVE_AS_UTF8 = "Save it as UTF-8, then open it again"
_PACKED = "Unpack it first, then open it"
_BEGINNINGS = (
    (b"\x1f\x8b", "is compressed (gzip)", _PACKED),
    (b"BZh", "is compressed (bzip2)", _PACKED),
    (b"\xfd7zXZ\0", "is compressed (xz)", _PACKED),
    (b"\x28\xb5\x2f\xfd", "is compressed (zstd)", _PACKED),
    (b"7z\xbc\xaf\x27\x1c", "is an archive (7z)", _PACKED),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        "is an old Office file (xls, doc)",
        "Save it as CSV in UTF-8, then open that",
    ),
    (b"%PDF-", "is a PDF", "Open a file of pairs"),
    (b"\x89PNG\r\n", "is not a text file (a PNG picture)", "Open a file of pairs"),
    (b"\xff\xd8\xff", "is not a text file (a JPEG picture)", "Open a file of pairs"),
    (b"GIF8", "is not a text file (a GIF picture)", "Open a file of pairs"),
    (b"PAR1", "is a Parquet file", "Save it as JSONL or CSV, then open that"),
    (b"ARROW1\0\0", "is an Arrow file", "Save it as JSONL or CSV, then open that"),
    (b"Obj\x01", "is an Avro file", "Save it as JSONL or CSV, then open that"),
    (b"SQLite format 3\0", "is an SQLite database", "Save the table as JSONL or CSV, then open that"),
    (b"\x7fELF", "is a program", "Open a file of pairs"),
)
_ZIPPED = (
    (b"xl/", "is an Excel workbook (xlsx)", "Save it as CSV in UTF-8, then open that"),
    (b"word/", "is a Word document (docx)", "Save its pairs as CSV or JSONL, then open that"),
    (b"mimetypeapplication/vnd.oasis", "is an OpenDocument file (ods, odt)", "Save it as CSV in UTF-8, then open that"),
)
HEAD = 8192
"""Bytes that tell what a file is."""
_WIDE_MARKS = (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_MARKS = (b"\xff\xfe", b"\xfe\xff")
_FIRST = 1 << 20
_ISO_2022_JP = (b"\x1b$B", b"\x1b$@")
"""What begins Japanese letters in it; to everybody else it is ASCII."""
_PUNCTUATION = '",;\t\n'
"""Some of it is in every file of pairs."""
_CONTROLS = [chr(code) for code in range(1, 0x20) if chr(code) not in "\t\n\r"]


def refuse_binary(name: str, head: bytes, suffix: str = "") -> None:
    """Raises AppError when the first bytes of a file are not those of a text; names what they are."""
    for beginning, what, hint in _BEGINNINGS:
        if head.startswith(beginning):
            raise AppError(Cause.FILE, f"{name} {what}", hint=hint)
    if head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        found = next((z for z in _ZIPPED if z[0] in head), None)
        if found is None and suffix.casefold() in (".xlsx", ".xlsm"):
            found = _ZIPPED[0]
        what, hint = (found[1], found[2]) if found else ("is an archive (zip)", _PACKED)
        raise AppError(Cause.FILE, f"{name} {what}", hint=hint)
    if head[257:262] == b"ustar":
        raise AppError(Cause.FILE, f"{name} is an archive (tar)", hint=_PACKED)
    if head.startswith(_WIDE_MARKS) or _bare_utf32(head):  # before UTF-16, whose mark is the beginning of this one's
        raise AppError(Cause.FILE, f"{name} is written in UTF-32", hint=_SAVE_AS_UTF8)
    wide = head.startswith(_MARKS) or (not head.startswith(codecs.BOM_UTF8) and bare_utf16(head))
    if head.count(0) * 10 > len(head) and not wide:
        raise AppError(Cause.FILE, f"{name} is not a text file", hint="Open a file of pairs")


def _bare_utf32(head: bytes) -> bool:
    """Whether it is UTF-32 without a mark: of every four bytes the highest is zero, and nearly always the second."""
    length = len(head) // 4 * 4
    for codec, highest, second in (("utf-32-le", 3, 2), ("utf-32-be", 0, 1)):
        if length and head[highest:length:4].count(0) == length // 4 and head[second:length:4].count(0) * 5 > length:
            return _is(head[:length], codec) and "\0" not in head[:length].decode(codec, "ignore")
    return False


def bare_utf16(head: bytes) -> str:
    """The codec of UTF-16 without a byte order mark, told by the first bytes; nothing for anything else.

    What stands around the texts is ASCII: every second byte of it is zero, and hardly one of the others. Where there
    is little of it, as in Japanese prose, all has to be UTF-16, and must not be UTF-8.
    """
    even, odd = head[::2].count(0), head[1::2].count(0)
    for codec, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        much = zeros * 80 > len(head) and others * 8 < zeros
        some = zeros * 800 > len(head) and others * 2 < zeros
        if much or (some and not _is(head, "utf-8") and _is(head, codec)):
            text = head[: len(head) // 2 * 2].decode(codec, "ignore")
            controls = sum(map(text.count, _CONTROLS))
            marks, same = sum(map(text.count, _PUNCTUATION)), sum(map(head.count, _PUNCTUATION.encode()))
            # A table in UTF-8 with some zeros in its texts has these as bytes of their own.
            own = marks * 2 >= same or not _is(head, "utf-8")
            if "\0" not in text and controls * 9 < len(text) and marks > 1 and own:
                return codec
    return ""


def _is(head: bytes, codec: str) -> bool:
    """Whether the beginning of a file is in a codec; its last character may be cut."""
    try:
        codecs.getincrementaldecoder(codec)().decode(head)
    except UnicodeDecodeError:
        return False
    return True


def as_utf8(name: str, data: bytes) -> tuple[bytes, list[str]]:
    """The text as UTF-8 without a mark, and what has to be said of its encoding. Raises AppError."""
    refuse_binary(name, data[:HEAD])
    notes = []
    bare = "" if data[:2] in _MARKS or data.startswith(codecs.BOM_UTF8) else bare_utf16(data[:HEAD])
    if bare or data[:2] in _MARKS:
        data = _from_utf16(name, data, bare or "utf-16")
        notes.append("read as UTF-16 without a byte order mark" if bare else "read as UTF-16")
    if data[:3] == b"\xef\xbb\xbf":
        data = data[3:]
        notes.append("byte order mark skipped")
    if not is_utf8(data):
        from tui.domain.files.japanese import japanese

        found = None if notes else japanese(data)
        if found is None:
            raise _no_text(name, data)
        data = found.utf8
        notes.append(f"read as {found.title}")
    if any(mark in data[:_FIRST] for mark in _ISO_2022_JP):
        raise AppError(Cause.FILE, f"{name} is written in ISO-2022-JP", hint=_SAVE_AS_UTF8)
    return data, notes


def is_utf8(data: bytes) -> bool:
    """Whether all of it is."""
    try:
        if not data.isascii():  # known in a fraction of the time, and without a second copy
            data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _no_text(name: str, data: bytes) -> AppError:
    """What is wrong with a file that is no UTF-8, and nothing else that is certain."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return (_cut if error.reason == "unexpected end of data" else _not_utf8)(name, data, error.start)
    raise ValueError("it is UTF-8")


def _from_utf16(name: str, data: bytes, codec: str) -> bytes:
    try:
        return data.decode(codec).encode("utf-8")
    except UnicodeError as error:
        before = data[: error.start].decode(codec, "ignore") if isinstance(error, UnicodeDecodeError) else ""
        line, column = before.count("\n") + 1, len(before) - before.rfind("\n")
        what = f"{name} is not valid UTF-16 at line {line}, column {column}"
        raise AppError(Cause.FILE, what, safe_line(str(error)), _SAVE_AS_UTF8) from None


def _cut(name: str, data: bytes, at: int) -> AppError:
    """What is wrong with a file that ends with the first bytes of a character."""
    begin = data.rfind(b"\n", 0, at) + 1
    line, column = data.count(b"\n", 0, at) + 1, len(data[begin:at].decode("utf-8", "replace")) + 1
    what = f"{name} ends in the middle of a character, at line {line}, column {column}"
    return AppError(Cause.FILE, what, "the rest of it is missing", "Fetch it again, or take away that line")


def _not_utf8(name: str, data: bytes, at: int) -> AppError:
    if b"\0" in data[:HEAD]:
        return AppError(Cause.FILE, f"{name} is not a text file", hint="Open a file of pairs")
    begin = data.rfind(b"\n", 0, at) + 1
    line, column = data.count(b"\n", 0, at) + 1, len(data[begin:at].decode("utf-8", "replace")) + 1
    what = f"{name} is not valid UTF-8 at line {line}, column {column}"
    likely = _japanese_codec(data, at)
    if likely:
        # Excel writes it in Japan unless asked otherwise. What there is to do must not be cut off.
        title, codec = likely
        return AppError(
            Cause.FILE, what, hint=f"It looks like {title}: iconv -f {codec} -t UTF-8 OLD > NEW converts it"
        )
    hint = "Save it as UTF-8, then open it"
    return AppError(Cause.FILE, what, f"byte {at - begin + 1} of that line is {data[at]:#04x}", hint)


def _japanese_codec(data: bytes, at: int) -> tuple[str, str] | None:
    """Shift_JIS or EUC-JP, by the names people and iconv have for it, where the text around a place reads as Japanese
    in it."""
    begin = data.rfind(b"\n", 0, at) + 1
    end = data.find(b"\n", at)
    line = data[begin : end if 0 <= end - begin <= HEAD else begin + HEAD]
    for codec, title in (("cp932", "Shift_JIS"), ("euc_jp", "EUC-JP")):
        text = line.decode(codec, "replace")
        kana = sum("\u3040" <= ch <= "\u30ff" or "\u4e00" <= ch <= "\u9fff" for ch in text)
        if kana >= 2 and "\ufffd" not in text[:-1]:
            return title, codec.upper().replace("_", "-")
    return None
