"""Problems of the Dataset tab listed by kind, and mended where that is safe: here, or all of a kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui.domain.errors import AppError, Cause
from tui.domain.files.formats import FormatError, Record
from tui.domain.files.pairs import Damaged
from tui.domain.text import UNSAFE, count, safe_line
from tui.tabs.base import Actions

if TYPE_CHECKING:
    from tui.dialogs.problems import Wish
    from tui.domain.dataset.fixes import Mend, Mending
    from tui.tabs.dataset import DatasetTab
    from tui.tabs.dataset_base import EditedFile

_SHOWN = 4
_UNTOUCHED = {"blank line": "Those at the top and at the end of the file stay; x and p write it without them"}
"""What is said of rules whose fix leaves something for a reason of its own."""


class Fixing(Actions):
    """Lists problems and mends them."""

    tab: DatasetTab

    def problems(self) -> None:
        """List what is wrong, to go to one of it or to mend all of a kind."""
        from tui.dialogs.problems import ProblemsDialog
        from tui.domain.dataset.fixes import FIXES

        opened = self.tab.opened
        if opened is None or opened.problems is None:
            return
        if not opened.problems:
            self.tab.say(f"{opened.name}: nothing is wrong for {self.tab.model.name}", "good")
            return

        def wished(wish: Wish | None) -> None:
            if wish is not None and wish.fix:
                self._fix_all(opened, wish.fix)
            elif wish is not None and wish.index is not None:
                self.tab.go_to(wish.index)

        heading = f"{opened.name}: {opened.findings.summary}"
        here = self.tab.here[1] if self.tab.here else 0
        self.tab.app.push_screen(ProblemsDialog(heading, opened.findings, FIXES, index=here), wished)

    async def fix_here(self) -> None:
        """Mend the record under the cursor as far as that is safe."""
        from tui.domain.dataset import fixes

        if self.tab.here is None:
            return
        opened, index = self.tab.here
        rules = sorted({p.rule for p in opened.findings.of(index)} & fixes.FIXES.keys())
        if not rules:
            wrong = "Nothing is known to be wrong with it" if opened.problems is not None else "It is being checked"
            if opened.findings.of(index):
                wrong = "Nothing here can be fixed without deciding what is meant (e edits, d deletes)"
            self.tab.say(wrong)
            return
        if "duplicate" in rules:  # whether it is one is looked up in the whole file
            self._fix_all(opened, "duplicate", only=index)
            return
        mending = fixes.planned(opened.source.document.now, rules, [index])
        if not mending.mends:
            self.tab.say("Nothing here can be fixed without deciding what is meant (e edits, d deletes)")
            return
        await self.tab.do(
            lambda document: fixes.step(document, mending), lambda _: f"Fixed: {mending.rule} (u undoes it)"
        )

    def _fix_all(self, opened: EditedFile, rule: str, *, only: int | None = None) -> None:
        self.tab.run_worker(self.tab.attempt(self._mend(opened, rule, only)), group="fix")

    async def _mend(self, opened: EditedFile, rule: str, only: int | None) -> None:
        from tui.dialogs.confirm import ConfirmDialog
        from tui.domain.dataset import fixes
        from tui.services.dataset.datasets import yielding

        version = opened.source.document.now
        places = sorted({p.index for p in opened.findings if p.rule == rule and p.index is not None})
        indices = [only] if only is not None else places or range(len(version))

        def outdated() -> bool:
            return opened.source.document.now is not version

        mending = await self.services.pool.run(fixes.planned, version, [rule], indices, yielding(outdated))
        if outdated():
            self.tab.say("The file was edited meanwhile; nothing was fixed", "problem")
            return
        if not mending.mends:
            self.tab.say(
                _UNTOUCHED.get(rule, "None of it can be fixed without deciding what is meant (e edits, d deletes)")
            )
            return
        if only is None:
            heading = f"Fix “{rule}” in {count(len(mending.mends), 'pair')} of {opened.name}?"
            body = f"{fixes.FIXES[rule][:1].upper()}{fixes.FIXES[rule][1:]}.\n\n{_preview(mending)}"
            if await self.tab.ask(ConfirmDialog(heading, body, yes=f"Fix {len(mending.mends):,}")) is not True:
                self.tab.say("Nothing was fixed")
                return
        await self._make_fix(opened, mending)

    async def _make_fix(self, opened: EditedFile, mending: Mending) -> None:
        from tui.domain.dataset import fixes

        try:
            step = await self.services.documents.do_apart(opened.source, lambda d: fixes.step(d, mending))
        except FormatError as error:
            raise _cannot(error) from None
        now = next((f for f in self.tab.files if f.source is opened.source), None)
        if now is not None:
            self.tab.edited(now, step, f"Fixed: {mending.rule} in {count(len(step.splices), 'pair')} (u undoes it)")


def _cannot(error: FormatError) -> AppError:
    return AppError(Cause.FILE, f"Nothing was fixed: {error}")


def _preview(mending: Mending) -> str:
    """The first changes, before and after."""
    lines = [line for mend in mending.mends[:_SHOWN] for line in _lines(mend)]
    more = len(mending.mends) - _SHOWN
    return "\n".join([*lines, *([f"… and {more:,} more"] if more > 0 else [])])


def _lines(mend: Mend) -> list[str]:
    number = f"{mend.index + 1:>6,}"
    before, after = _texts(mend.before), _texts(mend.after)
    if mend.after is None:
        return [f"{number} − {_shown(before[0] or before[-1])}"]
    if isinstance(mend.after, str):
        return [f"{number} ± {_shown(mend.after)}"]
    one, other = next(((a, b) for a, b in zip(before, after, strict=True) if a != b), (before[0], after[0]))
    return [f"{number} − {_shown(one)}", f"       + {_shown(other)}"]


def _texts(record: Record | Damaged | str | None) -> list[str]:
    if isinstance(record, Record):
        return [*(turn.text for turn in record.turns), record.system or ""]
    return [record.raw if isinstance(record, Damaged) else record or ""]


def _shown(text: str) -> str:
    """What differs is often at the ends, and blank: the ends show it."""
    head, tail = len(text) - len(text.lstrip()), len(text) - len(text.rstrip())
    inside = safe_line(UNSAFE.sub(lambda m: f"‹{ord(m[0]):X}›", text.strip()), 64)
    return f"{'·' * min(head, 8)}{inside}{'·' * min(tail if tail < len(text) else 0, 8)}"
