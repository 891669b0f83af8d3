"""Textual's Linux driver, writing whole frames and leaving quickly. Imported only where Textual uses that one.

Private names of Textual in use here, each behind a test in tests/journeys: `App._exit`, `LinuxDriver.exit_event`,
`_disable_mouse_support`, `_sigcont_application`, `_must_signal_resume`, `_auto_restart`, `_key_thread`.
"""

from __future__ import annotations

import signal
import termios

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual.drivers.linux_driver import LinuxDriver


class QuickDriver(LinuxDriver):
    """Leaves the thread that reads keys to itself when the app ends: waiting for it takes two tenths of a second.

    A suspended app waits, as ever, since its terminal belongs to someone else meanwhile. And a frame goes to the
    thread that writes as one piece: handed its first bytes before the rest is drawn, that thread takes the
    interpreter from the drawing, a fifth of what a cursor key takes.
    """

    _frame = ""
    """What of a frame has come."""

    def write(self, data: str) -> None:
        if self._frame or data == SYNC_START:
            self._frame += data
            if data != SYNC_END:
                return
            data, self._frame = self._frame, ""
        super().write(data)

    def start_application_mode(self) -> None:
        super().start_application_mode()  # type: ignore[no-untyped-call]
        self.write("\x1b[22;2t")  # xterm's stack of titles: ours goes when we go

    def stop_application_mode(self) -> None:
        if self._frame:
            self.write(SYNC_END)
        self.write("\x1b[23;2t")
        super().stop_application_mode()

    def _sigcont_application(self, *_: object) -> None:
        """Go on. What was stopped without being asked to suspend itself still has its threads: beside a second
        one that reads, keys would overtake one another."""
        if self._auto_restart and not self._must_signal_resume:
            if self._key_thread is None:
                return  # it has not begun, and will
            self.suspend_application_mode()
            self._must_signal_resume = True  # and so that all is painted again
        super()._sigcont_application()

    def disable_input(self) -> None:
        if not self._app._exit:
            super().disable_input()
            return
        if self.exit_event.is_set():
            return
        signal.signal(signal.SIGWINCH, signal.SIG_DFL)
        self._disable_mouse_support()
        self.exit_event.set()
        try:
            termios.tcflush(self.fileno, termios.TCIFLUSH)
        except termios.error:
            return  # the terminal is gone
