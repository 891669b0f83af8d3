"""Views that draw their own lines look as Textual would have drawn them."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.content import Content
from textual.geometry import Region
from textual.scroll_view import ScrollView

from tui.widgets.bare import BareView
from tui.widgets.text_pane import TextPane

STYLES = [
    "",
    "border-top: solid red; padding: 0 1;",
    "border-left: solid red 40%; padding: 1 2; background: blue 30%;",
    "border: round red; padding: 1 0 0 3;",
    "border-right: thick green;",
    "outline: solid red;",
    "text-opacity: 50%;",
    "opacity: 50%;",
    "tint: red 20%;",
    "hatch: cross red;",
]
TEXT = "\n".join(["The lantern hangs.", "提灯は門に掛かっています。", "", "It burns oil, and has done so for years."])


@pytest.mark.parametrize("style", STYLES)
async def test_a_view_looks_as_textual_draws_it(style: str) -> None:
    class Views(App[None]):
        CSS = f"TextPane {{ height: 8; width: 30; {style} }} TextPane:focus {{ background: green; }}"

        def compose(self) -> ComposeResult:
            yield TextPane()
            yield TextPane(id="other")

    app = Views()
    async with app.run_test() as pilot:
        pane = app.query_one(TextPane)
        pane.put(Content(TEXT))
        for _ in range(2):
            await pilot.pause()
            width = pane.region.width
            for crop in (Region(0, 0, width, 8), Region(2, 1, width - 5, 3)):
                ours = [list(strip) for strip in BareView.render_lines(pane, crop)]
                assert ours == [list(strip) for strip in ScrollView.render_lines(pane, crop)]
            app.query_one("#other").focus()
        pane.styles.background = "purple"
        pane.styles.padding = (0, 3)
        await pilot.pause()
        ours = [list(strip) for strip in BareView.render_lines(pane, crop)]
        assert ours == [list(strip) for strip in ScrollView.render_lines(pane, crop)]
