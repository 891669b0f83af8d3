"""What was answered before: found by words, asked again, and the last session's conversation brought back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tui.domain.chat.conversation import KeptAnswer, restored
from tui.domain.errors import AppError
from tui.domain.text import count
from tui.tabs.base import Actions

if TYPE_CHECKING:
    from tui.tabs.chat import ChatTab


class History(Actions):
    """Answers outlive sessions and endpoints."""

    tab: ChatTab

    _left: Sequence[KeptAnswer] = ()
    _offered_for = ""

    def search(self) -> None:
        """Search every answer that was kept; enter asks its question again."""
        from tui.dialogs.answers import AnswersDialog

        # Also what was asked again or edited away would tell who stands on which side.
        hidden = self.tab.conversation.key if self.tab.masked else ""
        place = self.tab.place

        async def found(words: str) -> list[KeptAnswer]:
            return await self.services.history.search(place, words, without=hidden)

        def chosen(kept: KeptAnswer | None) -> None:
            if kept is None:
                return
            if self.tab.prompt.text.strip():
                self.tab.say("The prompt holds another question; send or clear it first", "problem")
                return
            self.tab.prompt.text = kept.question
            self.tab.prompt.move_cursor(self.tab.prompt.document.end)
            self.tab.prompt.focus()

        self.tab.app.push_screen(AnswersDialog(found), chosen)

    async def offer_last(self) -> None:
        """Say that a conversation is left from an earlier session."""
        place = self.tab.place
        if not self.tab.identity.account or self._offered_for == place:
            return
        self._offered_for = place
        try:
            self._left = await self.services.history.last_conversation(place)
        except AppError as error:
            self.tab.say(error.sentence(), "problem")
            return
        if self._left and not self.tab.conversation.exchanges:
            turns = len({one.turn for one in self._left})
            when = f"{self._left[-1].at.astimezone():%Y-%m-%d %H:%M}"
            for pane in self.tab.panes:
                pane.view.add_block("note", f"esc, L brings back {count(turns, 'question')} of {when}; / searches all")

    def bring_back(self) -> None:
        """Show the conversation of the last session, and go on with it where the same models answer."""
        if self.tab.still_coming() or self.tab.names_hidden():
            return
        if not self._left:
            self.tab.say("No earlier conversation is left")
            return
        if self.tab.conversation.exchanges:
            self.tab.say("A conversation is going on here; n begins a new one, then L brings back the last", "problem")
            return
        self.tab.conversation = restored(self._left)
        self.tab.conversation.meet([pane.target for pane in self.tab.panes])
        for pane in self.tab.panes:
            pane.show(self.tab.conversation.exchanges)
        self.tab.showing.show_reference()
        self.tab.showing.dress_all()
        systems = {one.system for one in self._left}
        if systems != {self.tab.system_prompt}:
            self.tab.say("It was asked with another system prompt; / shows which")
