"""Keys of lists and panes are acted on where the focus is, under whatever name they go."""

from __future__ import annotations

from textual.containers import Vertical
from textual.content import Content
from textual.events import Key
from textual.widget import Widget

from tests.widgets.hosts import hosted
from tests.widgets.test_virtual_table import Rows, keys, table_with
from tui.widgets.text_pane import TextPane


class Above(Vertical):
    """Hears the keys that climb."""

    def __init__(self, *children: Widget) -> None:
        super().__init__(*children)
        self.heard: list[str] = []

    def on_key(self, event: Key) -> None:
        self.heard.append(event.key)


async def test_an_own_key_goes_no_further_and_another_climbs() -> None:
    table = table_with(Rows(keys(20)))
    above = Above(table)
    async with hosted(above) as pilot:
        table.focus()
        await pilot.press("j", "x", "G")
        assert table.cursor == 19
        assert above.heard == ["x"]


async def test_remapped_keys() -> None:
    table = table_with(Rows(keys(20)))
    async with hosted(table) as pilot:
        await pilot.press("j")
        pilot.app.set_keymap({"table.down": "t", "table.last": "j"})
        await pilot.press("t")
        assert table.cursor == 2
        await pilot.press("j")
        assert table.cursor == 19
        pilot.app.set_keymap({})
        await pilot.press("k", "t")
        assert table.cursor == 18


async def test_a_pane_scrolls() -> None:
    pane = TextPane()
    async with hosted(pane, size=(40, 10)) as pilot:
        pane.put(Content("\n".join(map(str, range(50)))))
        await pilot.press("j", "j", "G", "k")
        assert pane.scroll_offset.y == 39
