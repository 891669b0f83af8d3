"""What the status line says when: problems stay to be read, news wait their turn."""

from __future__ import annotations

from tui.domain.values import dataclass

PROBLEM = "problem"
STAYS = 5.0
"""Seconds for which a problem stays, unless a key is pressed before: whoever presses one was there to read it."""
_TURN = 2.0
"""Seconds for which anything else stays when something waits behind it."""
_MOST = 8
"""So many wait; of more the oldest go, problems last."""


@dataclass(frozen=True, slots=True)
class Notice:
    """`kind` is problem, good, or nothing for what is under way; without text it clears the line."""

    text: str = ""
    kind: str = ""


class Notices:
    """One line for many voices. Times are seconds of any clock that only goes forward."""

    def __init__(self) -> None:
        self.shown = Notice()
        self._since = 0.0
        self._waiting: list[Notice] = []

    def say(self, notice: Notice, now: float, touched: float, *, stays: float = STAYS, cures: str = "") -> None:
        """Show it now, or behind a problem that nobody has had the time to read.

        `touched` is when a key was last pressed. `cures` is the text of a problem that is over with it, which nobody
        needs to read any more.
        """
        # Of what is under way only the newest counts.
        self._waiting = [one for one in self._waiting if one.text != cures and (one.kind or notice.kind == PROBLEM)]
        fresh = self.shown.kind == PROBLEM and now < self._since + stays and touched <= self._since
        if not fresh or notice == self.shown or self.shown.text == cures:
            self._show(notice, now, touched)
        elif notice.text and notice not in self._waiting:
            self._waiting.append(notice)
            if len(self._waiting) > _MOST:
                self._waiting.remove(next((one for one in self._waiting if one.kind != PROBLEM), self._waiting[0]))

    def tells(self, text: str) -> bool:
        """Whether this stands there, or is about to."""
        return any(one.text == text for one in (self.shown, *self._waiting))

    def wait(self, now: float, *, stays: float = STAYS) -> float | None:
        """Seconds until it is the next one's turn; None while nothing waits."""
        if not self._waiting:
            return None
        return max(0.0, self._since + (stays if self.shown.kind == PROBLEM else _TURN) - now)

    def turn(self, now: float) -> None:
        """Show what waits first."""
        if self._waiting:
            self._show(self._waiting.pop(0), now, now)

    def _show(self, notice: Notice, now: float, touched: float) -> None:
        # What is told again and again, with no key between, holds the others up once.
        if notice != self.shown or touched > self._since:
            self.shown, self._since = notice, now
