"""Notices that reach the person's own machine: escape sequences for the terminal, wrapped for tmux and screen.

Sequences: OSC 9 (iTerm2), OSC 777 (urxvt, also Ghostty, WezTerm, foot, Konsole), OSC 99 (kitty's desktop
notifications), the bell for all others. tmux passes a sequence on only inside `ESC P tmux; … ESC \\` with every ESC
doubled, and only where `allow-passthrough` is on; GNU screen inside `ESC P … ESC \\`.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from enum import StrEnum

from tui.domain.text import safe_line

_LONGEST = 200
_SCREEN_PIECE = 180
"""Characters; GNU screen cuts strings at 768 bytes."""


class Way(StrEnum):
    """How the terminal is told."""

    AUTO = "auto"
    OSC9 = "osc9"
    OSC777 = "osc777"
    OSC99 = "osc99"
    BELL = "bell"
    OFF = "off"


_BY_PROGRAM = {
    "iterm.app": Way.OSC9,
    "iterm2": Way.OSC9,
    "kitty": Way.OSC99,
    "ghostty": Way.OSC777,
    "wezterm": Way.OSC777,
    "konsole": Way.OSC777,
    "foot": Way.OSC777,
    "apple_terminal": Way.BELL,
    "vscode": Way.BELL,
    "alacritty": Way.BELL,
}


def chosen(way: Way, environment: Mapping[str, str]) -> Way:
    """The way itself, or for AUTO the one of the terminal that the environment names; else OSC 777 and the bell's.

    Over SSH few terminals are named; an unknown one ignores OSC 777, so that the bell goes with it.
    """
    if way is not Way.AUTO:
        return way
    if environment.get("KITTY_WINDOW_ID"):
        return Way.OSC99
    if environment.get("WT_SESSION"):  # Windows Terminal
        return Way.BELL
    for name in ("LC_TERMINAL", "TERM_PROGRAM", "TERM"):
        value = environment.get(name, "").lower().removeprefix("xterm-")
        if value in _BY_PROGRAM:
            return _BY_PROGRAM[value]
    return Way.OSC777


def notification(way: Way, title: str, text: str, environment: Mapping[str, str]) -> str:
    """What to write to the terminal; empty for OFF. Nothing in title or text can end the sequence.

    Inside tmux and screen the bell goes along, since both drop other sequences unless told otherwise, and so does it
    where the terminal is not known.
    """
    found = chosen(way, environment)
    title, text = safe_line(title, _LONGEST), safe_line(text, _LONGEST)
    if found is Way.OFF:
        return ""
    if found is Way.BELL:
        return "\a"
    sequence = _SEQUENCES[found](title, text)
    inside = bool(environment.get("TMUX") or environment.get("STY"))
    guessed = way is Way.AUTO and found is Way.OSC777
    return wrapped(sequence, environment) + ("\a" if inside or guessed else "")


def window_title(text: str) -> str:
    """OSC 2: the window's title, shown by tmux too where `set-titles` or its window list is set up for it."""
    return f"\x1b]2;{safe_line(text, _LONGEST)}\x1b\\"


def wrapped(sequence: str, environment: Mapping[str, str]) -> str:
    """The sequence as tmux or screen passes it on to the terminal outside."""
    if environment.get("TMUX"):
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\"
    if environment.get("STY"):
        # A string end inside would be taken for the end of the wrapping.
        plain = sequence.removesuffix("\x1b\\") + "\a" if sequence.endswith("\x1b\\") else sequence
        pieces = (plain[at : at + _SCREEN_PIECE] for at in range(0, len(plain), _SCREEN_PIECE))
        return "".join(f"\x1bP{piece}\x1b\\" for piece in pieces)
    return sequence


def _osc9(title: str, text: str) -> str:
    # Never beginning with a digit: OSC 9;4 is a progress bar.
    return f"\x1b]9;{title}: {text}\x1b\\"


def _osc777(title: str, text: str) -> str:
    return f"\x1b]777;notify;{title.replace(';', ',')};{text}\x1b\\"


def _osc99(title: str, text: str) -> str:
    def payload(part: str) -> str:
        return base64.b64encode(part.encode("utf-8", "replace")).decode()

    parts = (f"d=0:e=1:p=title;{payload(title)}", f"d=1:e=1:p=body;{payload(text)}")
    return "".join(f"\x1b]99;i=tanzaku:{part}\x1b\\" for part in parts)


_SEQUENCES = {Way.OSC9: _osc9, Way.OSC777: _osc777, Way.OSC99: _osc99}


def explanation(way: Way, environment: Mapping[str, str]) -> str:
    """What is sent and what may keep it from arriving, for `notify-test`."""
    found = chosen(way, environment)
    lines = [
        f"Notifications are sent as {found}" + (" (found by itself)." if way is Way.AUTO else " (setting `notify`).")
    ]
    if environment.get("TMUX") and found not in (Way.BELL, Way.OFF):
        lines.append("Inside tmux it arrives where `set -g allow-passthrough on` is set; the bell goes along.")
    elif environment.get("STY"):
        lines.append("Inside screen it is passed on to the terminal outside; the bell goes along.")
    if environment.get("SSH_TTY") or environment.get("SSH_CONNECTION"):
        lines.append("Over SSH the terminal's name is mostly lost: set `notify` if nothing arrives.")
    lines.append(f"Ways: {', '.join(w for w in Way)}; `tanzaku notify-test WAY` tries one.")
    return "\n".join(lines)
