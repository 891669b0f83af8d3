"""Loss: did it learn, where was it best, why did it end, and which run is better."""

from __future__ import annotations

from typing import ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType

from tui.domain.loss.losses import SMOOTHINGS
from tui.tabs.loss_export import LossExportTab
from tui.widgets.loss_view import LossView

_SETTLED = 0.2
"""Seconds after which the tab is painted, and heavy imports may begin."""


class LossTab(LossExportTab):
    """The chart of one run, or of several over each other."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("h,left", "epoch(-1)", "epoch back", id="loss.back"),
        Binding("l,right", "epoch(1)", "epoch on", id="loss.on"),
        Binding("enter", "choose", "choose runs", id="loss.choose"),
        Binding("t", "table", "table", id="loss.table"),
        Binding("s", "steps", "steps", id="loss.steps"),
        Binding("x", "export", "export", id="loss.export"),
        Binding("plus,equals_sign", "zoom(1)", "zoom in", key_display="+", id="loss.zoom_in"),
        Binding("minus", "zoom(-1)", "zoom out", key_display="-", show=False, id="loss.zoom_out"),
        Binding("0", "zoom(0)", "whole run", show=False, id="loss.zoom_reset"),
        Binding("L", "log", "log scale", id="loss.log"),
        Binding("e", "smooth", "smoothing", id="loss.smooth"),
        Binding("w", "which", "which curves", show=False, id="loss.which"),
        Binding("o", "open_files", "open CSV", id="loss.open"),
        Binding("p", "pin", "pin", id="loss.pin"),
        Binding("comma", "step(-1)", "step back", key_display=",", show=False, id="loss.step_back"),
        Binding("full_stop", "step(1)", "step on", key_display=".", show=False, id="loss.step_on"),
        Binding("n", "run(1)", "next run", show=False, id="loss.next_run"),
        Binding("N", "run(-1)", "run before", show=False, id="loss.previous_run"),
        Binding("H", "hide", "hide or show the run", show=False, id="loss.hide"),
        Binding("J", "move(1)", "run down in the order", show=False, id="loss.run_down"),
        Binding("K", "move(-1)", "run up in the order", show=False, id="loss.run_up"),
        Binding("v", "turn", "next validator or column", show=False, id="loss.turn"),
        Binding("A", "ascii", "ASCII chart", show=False, id="loss.ascii"),
        Binding("y", "copy", "copy the verdict", show=False, id="loss.copy"),
        Binding("Y", "copy_table", "copy the table", show=False, id="loss.copy_table"),
    ]

    can_focus = True

    def compose(self) -> ComposeResult:
        yield LossView(id="loss-view")

    def on_mount(self) -> None:
        self.focus_first()
        self._show_newest()
        self._draw()
        self.set_timer(_SETTLED, self._warm)

    @work(group="warm")
    async def _warm(self) -> None:
        await self.services.losses.warm()

    def on_resize(self) -> None:
        """Names and values are cut to the width."""
        self.call_after_refresh(self._draw)

    def focus_first(self) -> None:
        """The tab itself has the keys."""
        self.focus()

    # The view

    def action_epoch(self, step: int) -> None:
        """Move the cursor by an epoch."""
        self._view.move_epoch(self._runs, step)
        self._draw()

    def action_step(self, step: int) -> None:
        """Move the cursor by a single step."""
        self._view.move_step(self._runs, step)
        self._draw()

    def action_steps(self) -> None:
        """Show or hide the losses of single steps."""
        self._view.steps = not self._view.steps
        self._draw()
        if self._view.steps:
            self._tell_of_steps()

    def action_smooth(self) -> None:
        """The next smoothing of the steps, then none."""
        weights = [None, *SMOOTHINGS]
        self._view.smooth = weights[(weights.index(self._view.smooth) + 1) % len(weights)]
        self._draw()
        if self._view.smooth is not None:
            self._tell_of_steps()

    def _tell_of_steps(self) -> None:
        """Say where steps are, when a key for them changes nothing that is seen."""
        if self._view.which(len(self._runs.visible)) == "validation":
            self.say("Steps belong to the training curve: w shows it")

    def action_log(self) -> None:
        """Switch between linear and logarithmic scale."""
        self._view.log = not self._view.log
        self._draw()

    def action_ascii(self) -> None:
        """Draw with plain characters, for fonts that lack blocks and braille."""
        self._view.ascii = not self._view.ascii
        self._draw()

    def action_which(self) -> None:
        """Both curves, validation alone, training alone."""
        self._view.turn_which(len(self._runs.visible))
        self._draw()

    def action_zoom(self, by: int) -> None:
        """Closer to the cursor, further away, or all."""
        self._view.zoom_by(self._runs, by)
        self._draw()

    def action_table(self) -> None:
        """Switch between chart and table."""
        self._view.table = not self._view.table
        self._draw()

    def action_pin(self) -> None:
        """Keep the current run beside others, or let it go."""
        self._runs.toggle_pin()
        self._draw()

    def action_run(self, by: int) -> None:
        """Make another of the shown runs current."""
        self._runs.step(by)
        self._draw()

    def action_hide(self) -> None:
        """Hide the current run, or show it again."""
        self._runs.toggle_hidden()
        self._draw()

    def action_move(self, by: int) -> None:
        """Move the current run in the order; the first is what others are compared with."""
        self._runs.move(by)
        self._compare()
        self._draw()

    def action_turn(self) -> None:
        """The next validator, or the next column of a file without losses."""
        run = self._runs.current
        if run is not None and run.curves is not None:
            run.curves = run.curves.turned()
            self._draw()
