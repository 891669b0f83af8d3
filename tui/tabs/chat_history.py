"""What was answered before: found by words, asked again, and the last session's conversation brought back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import work
from textual.binding import Binding, BindingType

from tui.domain.chat.conversation import KeptAnswer, restored
from tui.domain.errors import AppError
from tui.domain.text import count
from tui.tabs.chat_judging import JudgingTab


class HistoryTab(JudgingTab, part=True):
    """Answers outlive sessions and endpoints."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "answers",
            "history",
            tooltip="All answers so far, to be searched and asked again",
            key_display="/",
            id="chat.history",
        ),
        Binding("L", "last", "Bring back the last conversation", show=False, id="chat.last"),
    ]

    _left: Sequence[KeptAnswer] = ()
    _offered_for = ""

    def action_answers(self) -> None:
        """Search every answer that was kept; enter asks its question again."""
        from tui.dialogs.answers import AnswersDialog

        # Also what was asked again or edited away would tell who stands on which side.
        hidden = self.conversation.key if self.masked else ""
        place = self.place

        async def search(words: str) -> list[KeptAnswer]:
            return await self.services.history.search(place, words, without=hidden)

        def chosen(kept: KeptAnswer | None) -> None:
            if kept is None:
                return
            if self.prompt.text.strip():
                self.say("The prompt holds another question; send or clear it first", "problem")
                return
            self.prompt.text = kept.question
            self.prompt.move_cursor(self.prompt.document.end)
            self.prompt.focus()

        self.app.push_screen(AnswersDialog(search), chosen)

    @work(group="last")
    async def offer_last(self) -> None:
        """Say that a conversation is left from an earlier session."""
        place = self.place
        if not self.identity.account or self._offered_for == place:
            return
        self._offered_for = place
        try:
            self._left = await self.services.history.last_conversation(place)
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        if self._left and not self.conversation.exchanges:
            turns = len({one.turn for one in self._left})
            when = f"{self._left[-1].at.astimezone():%Y-%m-%d %H:%M}"
            for pane in self.panes:
                pane.view.add_block("note", f"esc, L brings back {count(turns, 'question')} of {when}; / searches all")

    def action_last(self) -> None:
        """Show the conversation of the last session, and go on with it where the same models answer."""
        if self.still_coming() or self.names_hidden():
            return
        if not self._left:
            self.say("No earlier conversation is left")
            return
        if self.conversation.exchanges:
            self.say("A conversation is going on here; n begins a new one, then L brings back the last", "problem")
            return
        self.conversation = restored(self._left)
        self.conversation.meet([pane.target for pane in self.panes])
        for pane in self.panes:
            pane.show(self.conversation.exchanges)
        self._show_reference()
        self._dress_all()
        systems = {one.system for one in self._left}
        if systems != {self.system_prompt}:
            self.say("It was asked with another system prompt; / shows which")
