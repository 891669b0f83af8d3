"""Pairs written from a document: asked for in the Dataset tab, followed on the status line, taken into a file."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import aclosing
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui.domain.base_models import base_id
from tui.domain.errors import AppError, Cause
from tui.domain.files.formats import FormatError, Record
from tui.domain.files.pairs import Damaged, Role
from tui.domain.serving.pricing import TokenPrices, money
from tui.domain.text import count, safe_line
from tui.tabs.base import Actions, working_folder

if TYPE_CHECKING:
    from textual.worker import Worker

    from tui.dialogs.base import Dialog
    from tui.domain.chat.chat import Target
    from tui.domain.dataset.drafts import OpenFiles, PairDraft
    from tui.domain.dataset.generation import Batch, Draft, Estimate, SourceDocument, Wish
    from tui.domain.files.document import Document, Step
    from tui.domain.folders import Recent
    from tui.services.dataset.generator import Progress
    from tui.tabs.dataset import DatasetTab
    from tui.tabs.dataset_base import EditedFile

_REMEMBERED = "generate.wish"
_NEW = "new"


class Generating(Actions):
    """Has pairs written, and takes those that were accepted."""

    tab: DatasetTab

    _writing: Worker[None] | None = None
    _stopping = False

    @property
    def under_way(self) -> bool:
        """Whether pairs are being written."""
        return self._writing is not None

    # What waits

    async def tell_waiting(self) -> None:
        """Say what written pairs wait for a review, and by which key."""
        try:
            waiting = await self.services.review_queue.waiting(self.tab.place)
        except AppError as error:
            self.tab.say(error.sentence(), "problem")
            return
        if waiting:
            number = sum(batch.waiting for batch in waiting)
            more = f" and {count(len(waiting) - 1, 'other document')}" if len(waiting) > 1 else ""
            source = f"{safe_line(waiting[0].document, 40)}{more}"
            self.tab.say(f"{count(number, 'written pair')} from {source} wait for you (ctrl+g)")

    async def generate(self) -> None:
        """Look at pairs that wait, or have new ones written."""
        from tui.dialogs.choice import Choice, ChoiceDialog

        if self._writing is not None:
            self.tab.say("Pairs are being written already (esc stops)", "problem")
            return
        if not self.tab.identity.known:
            self.tab.say("AWS has to be reached first", "problem")
            return
        try:
            waiting = await self.services.review_queue.waiting(self.tab.place)
        except AppError as error:
            self.tab.say(error.sentence(), "problem")
            return
        if waiting:
            choices = [Choice(_NEW, "another document …", "write new pairs")]
            choices[:0] = [_waiting_choice(batch) for batch in waiting]
            chosen = await self.tab.ask(ChoiceDialog("Written pairs", choices))
            if chosen is None:
                return
            if chosen != _NEW:
                self.tab.post_message(self.tab.ReviewRequested(int(chosen)))
                return
        await self._plan_writing()

    # Planning

    async def _plan_writing(self, problem: str = "") -> None:
        """Ask until a wish is confirmed or given up; a wish that cannot be had comes back filled in."""
        from tui.dialogs.generate import GenerateDialog
        from tui.domain.folders import typed_path

        wish = await self._last_wish()
        while True:
            asked = await self.tab.ask(
                GenerateDialog(wish, models=self._writers, browse=self._browser, problem=problem)
            )
            if asked is None:
                return
            wish = replace(asked, path=str(typed_path(asked.path)))
            self.tab.say(f"Reading {safe_line(Path(wish.path).name, 60)} …")
            try:
                document = await self._read_source(wish)
            except AppError as error:
                problem = error.sentence()
                self.tab.say("")
                continue
            if await self._cost_confirmed(wish, document):
                await self._keep_wish(wish)
                self._stopping = False
                self._writing = self.tab.run_worker(self._write_pairs(wish, document), group="generate")
                return
            problem = "Nothing was asked yet"

    def _browser(self, typed: str) -> Dialog[str]:
        """What the form opens to choose the document."""
        from tui.dialogs.open_file import OpenFileDialog

        memory = self.services.file_memory

        async def nothing() -> Sequence[Recent]:
            return ()

        note = "pdf docx md txt html csv, and doc xls xlsx"
        return OpenFileDialog("Which document?", value=typed, note=note, folder=memory.folder, recent=nothing)

    async def _read_source(self, wish: Wish) -> SourceDocument:
        from tui.services.dataset.source_documents import SourceDocuments

        return await SourceDocuments().read(Path(wish.path))

    async def _writers(self) -> Sequence[Target]:
        return await self.services.catalog.targets()

    async def _last_wish(self) -> Wish:
        from tui.domain.dataset.generation import Wish

        fresh = Wish(working_folder(), "", "")
        try:
            return fresh.remembered(json.loads(await self.services.recall(self.tab.place, _REMEMBERED, "{}")))
        except (AppError, ValueError, TypeError, AttributeError):
            return fresh  # a memory that cannot be read costs a few keys

    async def _keep_wish(self, wish: Wish) -> None:
        await self.tab.attempt(self.services.remember(self.tab.place, _REMEMBERED, json.dumps(asdict(wish))))

    async def _cost_confirmed(self, wish: Wish, document: SourceDocument) -> bool:
        from tui.dialogs.confirm import ConfirmDialog
        from tui.domain.dataset.generation import estimate

        self.tab.say("")
        prices = await self._prices_of(wish)
        body = _order(wish, document, estimate(wish.number, document.parts), prices)
        if self.services.sandbox:
            body += "\n\nIn the sandbox no model writes: a rule takes sentences from the document, free of charge."
        heading = f"Write {count(wish.number, 'pair')} from {safe_line(document.path.name, 60)}?"
        return await self.tab.ask(ConfirmDialog(heading, body, yes="Ask the model")) is True

    async def _prices_of(self, wish: Wish) -> TokenPrices:
        """Those of the base model behind an inference profile: price lists know models by their own names."""
        name = wish.model_name
        try:
            models = await self.services.catalog.foundation_models()
            name = next((m.name for m in models if m.model_id == base_id(wish.model_id)), name)
        except AppError:
            pass  # then the price may stay unknown, and is told as such
        return await self.services.prices.of(wish.model_id, self.tab.identity.region, name)

    # Writing

    async def _write_pairs(self, wish: Wish, document: SourceDocument) -> None:
        prices = await self._prices_of(wish)
        if self.services.sandbox:
            wish = replace(wish, model_name=f"{wish.model_name} (a rule of the sandbox)")
        last: Progress | None = None
        try:
            run = self.services.generator.run(
                self.tab.place,
                document,
                wish,
                self._known_questions(self.tab.shared_files, await self.services.review_queue.waiting(self.tab.place)),
                stop=lambda: self._stopping,
                waiting=self._tell_wait,
            )
            async with aclosing(run) as progresses:  # type: ignore[type-var]
                async for last in progresses:
                    self._tell_progress(last, prices)
        except AppError as error:  # the app's own memory: what it could not keep is not asked for
            self.tab.say(error.sentence(), "problem")
        finally:
            self._writing = None
        if last is not None and last.found:
            self.tab.post_message(self.tab.ReviewRequested(last.batch, politely=True))
        elif (
            last is not None
            and last.problem is not None
            and self.tab.app.screen is self.tab.screen
            and self.tab.is_on_screen
        ):
            # Nothing came: the form, filled in, says why.
            self.tab.run_worker(self._plan_writing(last.problem.sentence()), group="ask")

    def _tell_wait(self, seconds: float, why: AppError) -> None:
        self.tab.say(f"{why.title}: asked again in {seconds:.0f} s (esc stops)")

    @staticmethod
    def _known_questions(files: OpenFiles, waiting: Sequence[Batch]) -> Iterator[str]:
        """What need not be written again: the questions of open files, and of written pairs that wait. Reads every
        record."""
        for opened in files:
            for record in opened.pairs:
                if not isinstance(record, Damaged):
                    yield record.question
        for batch in waiting:
            yield from (draft.question for draft in batch.drafts)

    def _tell_progress(self, now: Progress, prices: TokenPrices) -> None:
        """`12 of 30 pairs · pages 1 to 40 · 14,210→3,120 tokens · ≈ $0.03`, and how it ended."""
        parts = [f"{now.found} of {count(now.wanted, 'pair')}"]
        if now.part and not now.ended:
            parts.append(now.part)
        if now.usage.input:
            cost = _about(prices.answered(now.usage.input, now.usage.output))
            parts.append(f"{now.usage.input:,}→{now.usage.output:,} tokens · {cost}")
        told = " · ".join(parts)
        if now.problem is not None:
            kept = "; what came is kept (ctrl+g)" if now.found else ""
            self.tab.say(f"{now.problem.sentence()} {told}{kept}", "problem")
        elif now.ended:
            self.tab.say(f"{now.ended}. {told}", "good" if now.found >= now.wanted else "")
        else:
            note = f" · {now.note}" if now.note else ""
            self.tab.say(f"Writing: {told}{note} (esc stops)")

    def stop(self) -> bool:
        """Stop behind the answer under way; asked once more, drop that too. False when nothing is written."""
        if self._writing is None:
            return False
        if self._stopping:
            self._writing.cancel()
            self.tab.say("Stopped; what came before is kept (ctrl+g)")
        else:
            self._stopping = True
            self.tab.say("It stops with the answer under way, which is paid for; esc once more drops it")
        return True

    # Taking in

    async def add(self, batch: Batch, drafts: Sequence[Draft], target: Path) -> str:
        """Add accepted pairs to the open file at `target`, as one action that `u` takes back, or write a new file of
        them; gives the place in words. Raises AppError, and then nothing was added."""
        opened = next((f for f in self.tab.files if f.file.path == target), None)
        pairs = [_pair(batch, draft) for draft in drafts]
        if opened is None:
            return await self._new_file(target, pairs)
        homeless: list[PairDraft] = []

        def make(document: Document) -> Step:
            homeless.clear()
            texts = []
            for pair in pairs:
                extra = {"provenance": pair.provenance.to_dict()}
                text, left_out = document.written(Record.of(pair.question, pair.answer), extra)
                texts.append(text)
                homeless.extend([pair] if left_out else [])
            return document.insert(len(document.now), texts, count(len(texts), "new pair"))

        try:
            step = await self.services.documents.do(opened.source, make)
        except FormatError as error:
            raise AppError(Cause.FILE, f"{opened.name} cannot hold these pairs", str(error)) from None
        said = f"{count(len(pairs), 'pair')} added to {opened.name}"
        self.tab.edited(opened, step, f"{said} (u takes them back, w saves)")
        for pair in homeless:
            await self.tab.sharing.remember_origin(opened, pair)
        return said

    async def _new_file(self, path: Path, pairs: Sequence[PairDraft]) -> str:
        records = [{"question": p.question, "answer": p.answer, "provenance": p.provenance.to_dict()} for p in pairs]
        text = json.dumps(records, ensure_ascii=False, indent=2) + "\n"
        await self.services.datasets.write_new(path, text)
        await self.tab.open_path(path, show=True)
        at = next((i for i, f in enumerate(self.tab.files) if f.file.path == path), None)
        if at is not None and self.tab.files[at].role is Role.TRAIN:
            self.tab.files[at] = replace(self.tab.files[at], role=Role.VALIDATION, problems=None)
            await self.tab.attempt(self.services.file_memory.opened(path, Role.VALIDATION))
            self.tab.show_file()
            self.tab.check(at)
        return f"{count(len(pairs), 'pair')} written to {safe_line(path.name, 60)}"

    def targets(self) -> list[EditedFile]:
        """Where accepted pairs may go: the open files, those for validation first."""
        return sorted(self.tab.files, key=lambda f: f.role is not Role.VALIDATION)


def _waiting_choice(batch: Batch) -> Any:
    from tui.dialogs.choice import Choice

    made = batch.made[:16].replace("T", " ")
    note = f"{count(batch.waiting, 'pair')} wait · {made} UTC · {safe_line(batch.model_name, 40)}"
    return Choice(str(batch.number), safe_line(batch.document, 60), note)


def _about(cost: float | None) -> str:
    return money(None) if cost is None else f"≈ {money(cost)}"


def _order(wish: Wish, document: SourceDocument, plan: Estimate, prices: TokenPrices) -> str:
    cost = prices.answered(plan.usage.input, plan.usage.output)
    source = f" ({prices.origin})" if cost is not None and prices.origin else ""
    unknown = "" if cost is not None else "; a price of your own can stand in config.toml"
    if cost is not None and base_id(wish.model_id) != wish.model_id:
        unknown = "; the profile's price may differ from the base model's"
    lines = [
        f"Model      {safe_line(wish.model_name, 60)}  {safe_line(wish.model_id, 120)}",
        f"Document   {', '.join([f'≈ {document.tokens:,} tokens', *document.notes])}",
        f"Asks       {plan.text}; at most {count(plan.most_calls, 'call')}",
        f"Costs      {_about(cost)}{source}{unknown}",
        f"Language   {safe_line(wish.language, 40) or 'as the document'}",
    ]
    if wish.style:
        lines.append(f"Style      {safe_line(wish.style, 200)}")
    return "\n".join([*lines, "", "The document is sent to the model. What comes is kept as it comes; esc stops."])


def _pair(batch: Batch, draft: Draft) -> PairDraft:
    from tui.domain.dataset.drafts import PairDraft, Provenance

    where = "" if draft.part in ("", "whole") else f", {draft.part}"
    source = f"{batch.document}{where}, sha256 {batch.sha256[:16]}{', edited' if draft.edited else ''}"
    origin = Provenance("generated", model=batch.model_name, model_id=batch.model_id, source=source, at=batch.made)
    return PairDraft(draft.question, draft.answer, origin)
