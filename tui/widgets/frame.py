"""The lines around every tab: header with the money meter, tabs, status and keys. One line each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from time import monotonic
from typing import Any, ClassVar

from rich.cells import cell_len
from textual.binding import Binding
from textual.content import Content
from textual.dom import DOMNode
from textual.events import Click, Key
from textual.message import Message
from textual.reactive import reactive
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from tui.domain.clock import Now, span
from tui.domain.errors import Cause
from tui.domain.identity import Identity
from tui.domain.notices import STAYS, Notice, Notices
from tui.domain.serving.meter import Bill, is_idle, meter_text
from tui.domain.text import count, safe_line
from tui.domain.training.runs import Board, Part
from tui.domain.values import dataclass
from tui.widgets.cells import fit, wrap_line


class HeaderLine(Widget):
    """Who is calling and where; at the right end what bills by the hour."""

    DEFAULT_CSS = "HeaderLine { height: 1; background: $panel; }"

    identity: reactive[Identity] = reactive(Identity())
    board: reactive[Board] = reactive(Board(), repaint=False)
    bills: reactive[tuple[Bill, ...]] = reactive((), repaint=False)

    def __init__(self, *, now: Now) -> None:
        super().__init__()
        self._now = now
        self._named = self._metered = ""

    def on_mount(self) -> None:
        self.set_interval(30, self._tick)

    def watch_board(self) -> None:
        """Most boards say nothing new about money."""
        if self._meter() != self._metered:
            self.refresh()

    watch_bills = watch_board

    def _tick(self) -> None:
        """Time alone changes what is billed and how long credentials last; seldom what is said of it."""
        if (self._left().plain, self._meter()) != (self._named, self._metered):
            self.refresh()

    def render(self) -> Content:
        left, meter = self._left(), self._meter()
        self._named, self._metered = left.plain, meter
        width = self.size.width
        room = width - cell_len(meter) - 2
        text = left.truncate(max(0, room), ellipsis=True, pad=True)
        colour = "$text-error bold" if is_idle(self.bills, self._now()) else "$text-warning bold"
        return Content.assemble(text, " ", (meter, colour), " ") if meter else text

    def _left(self) -> Content:
        at = self.identity
        parts: list[Any] = [
            (" 短冊 tanzaku  ", "bold"),
            ("SANDBOX", "$text-success bold") if at.sandbox else ("LIVE", "$text-error bold"),
        ]
        missing = at.problem is not None and at.problem.cause is Cause.NO_REGION
        words = [at.region or ("no Region" if missing else ""), at.account]
        parts += [f" {word}" for word in words if word]
        # What must not be overlooked stands before what may be cut off.
        if at.read_only:
            parts += [" ", ("READ-ONLY", "$text-warning bold")]
        if at.problem is not None and not missing:
            parts += [" ", (f"▲ {at.problem.cause}", "$text-warning")]
        if at.profile:
            parts.append(f" profile {at.profile}")
        if at.endpoint:
            parts += [" ", (f"▲ endpoint {at.endpoint}", "$text-warning")]
        details = ["" if at.sandbox else at.credentials]
        if at.expires is not None:
            left = at.expires - self._now()
            # Past its end a credential without trouble is about to be renewed by itself.
            ended = "expired" if at.problem is not None else ""
            details.append(f"{span(left)} left" if left.total_seconds() > 0 else ended)
        parts += [f" {word}" for word in details if word]
        return Content.assemble(*(Content(p) if isinstance(p, str) else p for p in parts))

    def _meter(self) -> str:
        board, now = self.board, self._now()
        unsure = Part.THROUGHPUTS in board.missed
        idle = " idle" if is_idle(self.bills, now) else ""
        return meter_text(self.bills, now, unsure=unsure, unseen=board.may_bill_unseen) + idle


class TitleLine(HeaderLine):
    """What fills the window instead of a tab; at the right end, as everywhere, what bills by the hour."""

    DEFAULT_CSS = "TitleLine { background: $background; }"

    title: reactive[Content] = reactive(Content(""), repaint=False)

    def watch_title(self, before: Content, now: Content) -> None:
        """Most titles say nothing new."""
        if not now.is_same(before):
            self.refresh()

    def _left(self) -> Content:
        return self.title


@dataclass(frozen=True, slots=True)
class TabName:
    """A tab's id and what its label says."""

    id: str
    label: str


class TabStrip(Widget):
    """Names of the tabs with their numbers; the active one stands out by more than colour."""

    DEFAULT_CSS = "TabStrip { height: 1; }"

    active: reactive[str] = reactive("")

    class Chosen(Message):
        """A click on a tab."""

        def __init__(self, tab_id: str) -> None:
            super().__init__()
            self.tab_id = tab_id

    def __init__(self, tabs: Sequence[TabName]) -> None:
        super().__init__()
        self._tabs = tuple(tabs)

    def _labels(self) -> list[str]:
        return [f" {number} {tab.label} " for number, tab in enumerate(self._tabs, 1)]

    def render(self) -> Content:
        parts = [
            (f"[{label.strip()}]", "bold $text-accent") if tab.id == self.active else (label, "$foreground-muted")
            for tab, label in zip(self._tabs, self._labels(), strict=True)
        ]
        return Content.assemble(*parts)

    def on_click(self, event: Click) -> None:
        place = event.x
        for tab, label in zip(self._tabs, self._labels(), strict=True):
            if place < cell_len(label):
                self.post_message(self.Chosen(tab.id))
                return
            place -= cell_len(label)


_PROBLEM, _GOOD = _MARKS = ("▲ ", "✓ ")
_HANG = "   "
"""What a second line of a notice begins with."""


class StatusLine(Widget):
    """One line: what is under way, or what went wrong and what to do; else blank."""

    DEFAULT_CSS = """
    StatusLine { height: 1; color: $text-muted; }
    StatusLine.-long { height: 2; }
    StatusLine.-problem { color: $text-warning; }
    StatusLine.-good { color: $text-success; }
    """

    STAYS: ClassVar[float] = STAYS
    """Seconds for which a problem stays unless a key is pressed."""

    text: reactive[str] = reactive("")

    def __init__(self) -> None:
        super().__init__()
        self._notices = Notices()
        self._turn: Timer | None = None

    def say(self, text: str, kind: str = "", *, cures: str = "") -> None:
        """Show outside or own text when its turn comes; kind is problem, good or nothing.

        `cures` is what was said of a problem that is over now.
        """
        touched: float = getattr(self.app, "touched", 0.0)
        self._notices.say(Notice(text, kind), monotonic(), touched, stays=self.STAYS, cures=cures)
        self._show()

    def tells(self, text: str) -> bool:
        """Whether this stands here, or waits for its turn."""
        return self._notices.tells(text)

    def _show(self) -> None:
        text, kind = self._notices.shown.text, self._notices.shown.kind
        self.set_class(kind == "problem", "-problem")
        self.set_class(kind == "good", "-good")
        mark = {"problem": _PROBLEM, "good": _GOOD}.get(kind, "")
        self.text = f" {mark}{safe_line(text, 600)}" if text else ""
        self._make_room()
        if self._turn is not None:
            self._turn.stop()
        wait = self._notices.wait(monotonic(), stays=self.STAYS)
        self._turn = None if wait is None else self.set_timer(wait, self._take_turn)

    def _take_turn(self) -> None:
        self._notices.turn(monotonic())
        self._show()

    def turn_page(self) -> None:
        """Good news belong to where they were told; problems stay until they are gone."""
        if not self.has_class("-problem"):
            self.say("")

    def on_resize(self) -> None:
        """Another width may want another height."""
        self._make_room()

    def _make_room(self) -> None:
        """A second line for what does not fit into one: a hint that is cut off helps nobody."""
        roomy = self.app.size.height >= 20
        self.set_class(roomy and cell_len(self.text) > self.size.width > 0, "-long")

    def render(self) -> Content:
        text, width = self.text.strip(), self.size.width
        if not self.has_class("-long"):
            return Content(f" {fit(text, width - 1)}")
        mark, body = (text[:2], text[2:]) if text.startswith(_MARKS) else ("", text)
        first, *more = wrap_line(body, max(1, width - len(_HANG)))
        return Content(f" {mark}{first.rstrip()}\n{_HANG}{fit(''.join(more), width - len(_HANG))}")


class KeyLine(Widget):
    """The keys that do something now, as far as they fit; a click on one does it too."""

    DEFAULT_CSS = "KeyLine { height: 1; background: $panel; color: $text-muted; }"

    keys: reactive[tuple[tuple[str, str], ...]] = reactive(())

    def __init__(self) -> None:
        super().__init__()
        self._does: dict[tuple[str, str], tuple[str, DOMNode]] = {}
        self._shown: list[tuple[str, str]] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._update)

    def _update(self, screen: Screen[Any]) -> None:
        if screen is not self.screen:
            return
        seen: dict[str, tuple[str, str]] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.description and binding.action not in seen:
                seen[binding.action] = pair = key_text(self.app, binding), binding.description
                self._does[pair] = binding.action, active.node
        keys = tuple(seen.values())
        on_enter: str = getattr(screen, "on_enter", "")
        said = any(key == "enter" for key, _ in keys)
        self.keys = (("enter", on_enter), *keys) if on_enter and not said else keys

    def render(self) -> Content:
        parts: list[Any] = []
        left = self.size.width - sum(self._room(pair) for pair in self.keys if pair[0] == "?")
        self._shown = []
        for pair in self.keys:
            if pair[0] != "?":
                left -= self._room(pair)
                if left < 0:
                    continue
            self._shown.append(pair)
            parts += [" ", (pair[0], "bold $text-accent"), f" {pair[1]} "]
        return Content.assemble(*parts)

    async def on_click(self, event: Click) -> None:
        """Do what the key would do; enter is pressed, since a field or list does it."""
        place = event.x
        for pair in self._shown:
            place -= self._room(pair)
            if place < 0:
                if pair in self._does:
                    await self.app.run_action(*self._does[pair])
                else:
                    self.app.post_message(Key("enter", "\r"))
                return

    @staticmethod
    def _room(pair: tuple[str, str]) -> int:
        return cell_len(pair[0]) + cell_len(pair[1]) + 3


def key_text(app: Any, binding: Binding) -> str:
    """A key as a person would name it."""
    return binding.key_display or {
        "question_mark": "?",
        "slash": "/",
        "escape": "esc",
        "right_square_bracket": "]",
        "enter": "enter",
        "pagedown": "PgDn",
        "pageup": "PgUp",
    }.get(binding.key, str(app.get_key_display(binding)).replace("^", "ctrl+"))


def key_of(screen: Screen[Any], name: str) -> str:
    """The key that a binding of the screen goes by now; it may have been remapped."""
    found = (active.binding for active in screen.active_bindings.values() if active.binding.id == name)
    return next((key_text(screen.app, binding) for binding in found), "")


def told(binding: Binding) -> str:
    """What a binding does, in more words than the line of keys has room for."""
    text = binding.tooltip or binding.description
    return text[:1].upper() + text[1:]


def age_text(seen: datetime | None, now: datetime) -> str:
    """How old what is shown is; nothing when it is fresh."""
    if seen is None or (now - seen).total_seconds() < 120:
        return ""
    return f"last seen {span(now - seen)} ago"


def unit_text(units: int) -> str:
    """`1 model unit`."""
    return count(units, "model unit")
