"""An answer of the Chat tab mended, and put into the training file with its origin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.domain.base_models import CATALOGUE, BaseModel, find
from tui.domain.chat.chat import Message
from tui.domain.chat.conversation import Exchange, Reply
from tui.domain.dataset.drafts import PairDraft, Provenance
from tui.domain.files.formats import Record
from tui.domain.training.runs import Run
from tui.tabs.base import Actions

if TYPE_CHECKING:
    from tui.tabs.chat import ChatTab


class Correcting(Actions):
    """Asks for the pair as it should be; the main screen takes it to the file."""

    tab: ChatTab

    def correct(self) -> None:
        """Mend this side's answer, and put it into the training file."""
        exchange, pane = self.tab.conversation.last, self.tab.here
        reply = exchange.replies.get(pane.side) if exchange is not None else None
        if exchange is None or reply is None:
            self.tab.say("There is no answer on this side to correct", "problem")
        elif not self.tab.names_hidden():  # the pair tells whose answer it was
            self._correct(exchange, reply)

    def _correct(self, exchange: Exchange, reply: Reply, written: Record | None = None, complaint: str = "") -> None:
        """Ask for the pair as it should be; when it is refused, ask again with all that was written."""
        from tui.dialogs.pair import PairDialog

        run = next((r for r in self.tab.board.runs if any(e.arn == reply.target.model_id for e in r.endpoints)), None)
        answered = Record.of(exchange.probe.question, reply.text)
        heading = f"Correct the answer of {reply.target.name} for the training file"
        dialog = PairDialog(
            heading,
            written or answered,
            self._base_of(run),
            with_system=False,
            before=answered,
            problem=complaint,
            kept_as="correction",
        )
        probe = exchange.probe
        before = tuple(self._before(exchange, reply))

        def accepted(after: Record | None) -> None:
            if after is None:
                return
            origin = Provenance(
                "correction",
                reply.target.name,
                reply.target.model_id,
                run.job.arn if run is not None and run.job is not None else "",
                probe.origin,
                f"{self.services.now():%Y-%m-%dT%H:%M:%SZ}",
            )
            draft = PairDraft(after.question, after.answer, origin, probe.system, before)

            def settled(refusal: str) -> None:
                if refusal and self.tab.is_mounted:
                    self._correct(exchange, reply, after, refusal)

            self.tab.post_message(self.tab.PairDrafted(draft, settled))

        self.tab.app.push_screen(dialog, accepted)

    def _before(self, exchange: Exchange, reply: Reply) -> list[Message]:
        number = self.tab.conversation.exchanges.index(exchange) if exchange in self.tab.conversation.exchanges else 0
        side = next((s for s, r in exchange.replies.items() if r is reply), "a")
        return [*self.tab.conversation.history(side, reply.target, before=number), *exchange.probe.before]

    def _base_of(self, run: Run | None) -> BaseModel:
        """Whose limits count for a pair."""
        return (run.base_model if run else None) or find(self.services.settings.base_model) or CATALOGUE[0]
