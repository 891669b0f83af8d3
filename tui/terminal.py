"""Textual's driver made steady against what a terminal may send.

Private names of Textual in use here, each behind a test in tests/journeys: `linux_driver.getincrementaldecoder`,
`linux_driver.XTermParser`, `XTermParser._sequence_to_key_events`, `_writer_thread._queue`.
"""

from __future__ import annotations

import codecs
import os
import re
import signal
import sys
import time
from collections.abc import Iterable, Iterator

from textual._xterm_parser import BRACKETED_PASTE_END, BRACKETED_PASTE_START, XTermParser
from textual.driver import Driver
from textual.events import Key
from textual.message import Message

_BY_WORDS = "bdf\x7f\x08"
"""What goes, or deletes, by words together with alt."""
_BEGINNINGS = "[O"
"""Behind an escape these begin the sequence of a key."""
_ANSWERS = re.compile(
    r"\x1b\[[?>=][\d;]*[cnu]|\x1b\[[03]n|\x1b\[(?!48;)\d+(?:;\d+)+t"  # what it is, how it is, how large
    r"|\x1b\](?:\d{1,4};|[lL])[^\x07\x1b]*(?:\x07|\x1b\\)"  # colours, clipboard, title
    r"|\x1b(?:P[\d>!]|_G)[^\x1b]*\x1b\\"  # its name, its settings, its pictures
)
"""What a terminal answers when it is asked about itself."""
_HALF_AN_ANSWER = re.compile(
    r"\x1b(?:\](?:\d{1,4};|[lL])[^\x07\x1b]*|(?:P[\d>!]|_G)[^\x1b]*|\[[?>=][\d;]*)\x1b?\Z|\x1b\[20{1,2}\Z"
)
_HALF_AN_END = re.compile(r"\x1b(?:\[(?:2(?:0(?:1)?)?)?)?\Z")
"""Of what ends a paste."""
_LONGEST_SEQUENCE = 64
_ANSWERS_LAST = 1.0
"""Seconds in which the other half of an answer comes."""


def steadied(found: type[Driver]) -> type[Driver]:
    """`found` with a decoder of ours and, where it is the Linux driver, without its wait at the end."""
    module = vars(sys.modules[found.__module__])
    if "getincrementaldecoder" in module:
        module["getincrementaldecoder"] = _terminal_decoder
    if "XTermParser" in module:
        module["XTermParser"] = KeyParser
    if found.__name__ != "LinuxDriver":
        return found
    from tui.quick_driver import QuickDriver

    return QuickDriver


def behind(driver: Driver | None) -> int:
    """How many frames the terminal has yet to take."""
    writer = getattr(driver, "_writer_thread", None)
    return 0 if writer is None else int(writer._queue.qsize())


class KeyParser(XTermParser):
    """Takes escape and a key behind it for what they are: two keys that came together, as over a slow line.

    Textual takes them for one key pressed with alt, and of most of those forgets the escape: of `escape`, `enter` only
    the enter would be left, and confirm what was given up. Alt itself is needed for nothing here but moving by words.

    And what the terminal answers to somebody else is no typing: an editor that was left over a slow line has asked
    about colours, and the digits and letters that come back would switch tabs and delete.
    """

    _half = ""
    """The beginning of an answer whose rest has not come."""
    _half_since = 0.0
    _pasting = False
    _recent = ""
    """What was read last: Textual tells an escape that it could not place as this sign."""

    def feed(self, data: str) -> Iterable[Message]:
        """What was typed; nothing at the end of the terminal."""
        if data:
            data, self._half = self._half + data, ""
            data = "".join(self._apart(data)) if self._pasting or "\x1b" in self._recent[-2:] + data else data
            if not data:
                return
        self._recent = self._recent[-_LONGEST_SEQUENCE:] + data
        for event in super().feed(data):
            lost = isinstance(event, Key) and event.key == "circumflex_accent" and "^" not in self._recent
            yield Key("escape", "\x1b") if lost else event

    def _apart(self, data: str) -> Iterator[str]:
        """What was typed without the answers in between, and what was pasted without escapes: with one among it, what
        stands behind it would be taken for keys, and act."""
        for length in (1, 2):  # where the beginning came before, and was let through since it may be keys
            rest = BRACKETED_PASTE_START[length:]
            begun = self._recent.endswith(BRACKETED_PASTE_START[:length]) and data.startswith(rest)
            if begun and not self._pasting:
                yield rest
                data, self._pasting = data[len(rest) :], True
        while data:
            if self._pasting:
                end = data.find(BRACKETED_PASTE_END)
                if end < 0:
                    yield self._kept_back(data, _HALF_AN_END).replace("\x1b", "")
                    return
                yield data[:end].replace("\x1b", "") + BRACKETED_PASTE_END
                data, self._pasting = data[end + len(BRACKETED_PASTE_END) :], False
            else:
                typed, start, data = data.partition(BRACKETED_PASTE_START)
                typed = _ANSWERS.sub("", typed)
                yield typed + start if start else self._kept_back(typed, _HALF_AN_ANSWER)
                self._pasting = bool(start)

    def _kept_back(self, data: str, half: re.Pattern[str]) -> str:
        """All but what has begun at its end and waits for its rest."""
        found = half.search(data)
        if found is None:
            return data
        self._half, self._half_since = found[0], time.monotonic()
        return data[: found.start()]

    def tick(self) -> Iterable[Message]:
        """What no longer waits for more. Half an answer is dropped, but for one that fingers may have made."""
        if self._half and time.monotonic() > self._half_since + _ANSWERS_LAST:
            half, self._half = self._half, ""
            if half.startswith("\x1b["):
                yield from super().feed(half)
        yield from super().tick()

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[Key]:
        """The keys that a sequence stands for."""
        key = sequence if alt else sequence[1:] if sequence[:1] == "\x1b" else ""
        if len(key) == 1 and key not in _BY_WORDS and (alt or key not in _BEGINNINGS):
            yield Key("escape", "\x1b")
            yield from super()._sequence_to_key_events(key)
        else:
            yield from super()._sequence_to_key_events(sequence, alt)


class TerminalInput:
    """Decodes what comes from the terminal: a byte that is not UTF-8 becomes U+FFFD, and the end of the terminal is
    taken for a hang-up. Without the one the driver's thread would die, without the other it would spin for ever."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._ended = False

    def decode(self, data: bytes, final: bool = False) -> str:
        """Characters that are whole by now."""
        if not data and not final:
            if not self._ended:
                self._ended = True
                os.kill(os.getpid(), signal.SIGHUP)
            # The driver asks again and again until the hang-up is dealt with, and has nothing to wait on.
            time.sleep(0.05)
        return self._decoder.decode(data, final)


def _terminal_decoder(_: str) -> type[TerminalInput]:
    return TerminalInput
