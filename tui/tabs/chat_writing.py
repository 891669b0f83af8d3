"""The question that is being written in the Chat tab: kept while it is typed, there again at the next start."""

from __future__ import annotations

from textual import on
from textual.timer import Timer
from textual.widgets import TextArea

from tui.dialogs.keeping import SOON
from tui.domain.errors import AppError
from tui.tabs.chat_asking import AskingTab

_KEY, _TEXT = "question in chat", "question"


class WritingTab(AskingTab, part=True):
    """A question that was not sent outlives the app."""

    _keeping: Timer | None = None
    _refused = False

    async def bring_question_back(self) -> None:
        """What was typed in an earlier session and never sent, unless something is typed by now."""
        try:
            await self.services.unfinished.load()
        except AppError:
            return  # whatever else is read says why
        left = self.services.unfinished.left(_KEY)
        if left is not None and not self.prompt.text and (text := left.texts.get(_TEXT, "")):
            self.prompt.text = text
            self.prompt.move_cursor(self.prompt.document.end)
            self.say("The question that was not sent the last time is in the prompt")

    @on(TextArea.Changed, "#prompt")
    def _question_typed(self) -> None:
        if self._keeping is None:
            self._keeping = self.set_timer(SOON, self._keep_soon)

    def _keep_soon(self) -> None:
        self.run_worker(self._keep_question(), group="keeping")

    async def _keep_question(self) -> None:
        self._note_question()
        try:
            await self.services.unfinished.settle()
        except AppError as error:
            if not self._refused:  # said once: it is tried again with the next words
                self._refused = True
                self.say(f"The question is kept in this window only: {error.sentence()}", "problem")

    def _note_question(self) -> None:
        self._keeping = None
        text = self.prompt.text
        self.services.unfinished.put(_KEY, "the question in Chat", {_TEXT: text} if text.strip() else {})

    async def keep_typed(self) -> None:
        """The last words too."""
        if self._keeping is not None:
            self._note_question()
