"""From an evaluation back to the training pairs: those nearest to a question, and new ones."""

from __future__ import annotations

from textual import on, work

from tui.dialogs.pair import PairDialog
from tui.dialogs.reading import ReadingDialog
from tui.domain.base_models import CATALOGUE, find
from tui.domain.dataset.drafts import PairDraft, Provenance
from tui.domain.dataset.leaks import nearest
from tui.domain.evaluation.results import Results
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Role
from tui.domain.text import count, safe, safe_line
from tui.screens.evaluation_base import EvaluationBase
from tui.tabs.base import Tab
from tui.widgets.virtual_table import VirtualTable

_NEAREST = 5


class PairsPart(EvaluationBase):
    """What mends a regression: the pairs that taught it, and pairs that would teach better."""

    @on(VirtualTable.RowOpened, "#questions")
    def _opened(self, message: VirtualTable.RowOpened) -> None:
        message.stop()
        self._show_nearest()

    @work(group="nearest", exclusive=True)
    async def _show_nearest(self) -> None:
        row = self.row_shown
        if row is None:
            return
        found = await self.services.pool.run(self._nearest, row.question.text)
        if not found:
            training = any(f.role is Role.TRAIN for f in self.home.files)
            opened = "no training pair is like it" if training else "no training file is open (1 Dataset)"
            self.say(f"Nothing near: {opened}", "problem")
            return
        heading = f"Training pairs nearest to: {safe_line(row.question.text, 60)}"
        parts: list[tuple[str, str] | str] = []
        for how, record in found:
            parts += [
                (f"{how}\n", "$foreground-muted"),
                ("Q  ", "bold $text-accent"),
                f"{safe(record.question, 4000)}\n",
            ]
            parts += [("A  ", "bold $text-accent"), f"{safe(record.answer, 4000)}\n\n"]
        await self.ask(ReadingDialog(heading, parts, note=f"{count(len(found), 'pair')}; n drafts a new one"))

    def _nearest(self, question: str) -> list[tuple[str, Record]]:
        training = self.training
        return [(near.alike.text, training[near.index]) for near in nearest(question, training, _NEAREST)]

    @work(group="draft", exclusive=True)
    async def action_draft(self) -> None:
        """Write a new training pair on the question under the cursor."""
        row, results = self.row_shown, self.results
        if row is not None and results is not None:
            await self._draft(results, Record.of(row.question.text, row.question.reference))

    async def _draft(self, results: Results, record: Record, written: Record | None = None, problem: str = "") -> None:
        """Ask for the pair; where it is refused, ask again with all that was written."""
        model = find(self.home.base_model_key) or CATALOGUE[0]
        heading = "New training pair: word the question anew, the judged one itself is refused"
        dialog = PairDialog(
            heading,
            written or record,
            model,
            with_system=False,
            before=record,
            problem=problem,
            kept_as="drafted pair",
        )
        written = await self.ask(dialog)
        if written is None:
            return
        provenance = Provenance(
            kind="evaluation",
            model=results.spec.tuned.name,
            model_id=results.spec.tuned.model_id,
            job=results.spec.job_arn,
            source=results.spec.name,
            at=self.services.now().isoformat(),
        )

        def settled(refusal: str) -> None:
            if not refusal:
                self.say("The pair is in the training file (1 Dataset, u takes it back)", "good")
            elif self.is_attached:
                self.run_worker(self._draft(results, record, written, refusal), group="draft")
            else:
                self.home.say(refusal, "problem")

        draft = PairDraft(written.question, written.answer, provenance)
        self.home.post_message(Tab.PairDrafted(draft, settled))
