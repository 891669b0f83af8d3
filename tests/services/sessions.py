"""Random editing sessions beside a plain list that says what the files have to hold."""

from __future__ import annotations

import csv
import io
import json
import os
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tui.domain.base_models import DataFormat
from tui.domain.dataset import fixes
from tui.domain.dataset.replacing import Replacement, Where
from tui.domain.errors import AppError
from tui.domain.files import pairs
from tui.domain.files.document import Document, Step
from tui.domain.files.formats import FormatError, Record
from tui.domain.files.pairs import Keys
from tui.domain.files.record_text import has_system
from tui.services.dataset.documents import Documents, OpenDocument
from tui.services.dataset.replacing import Replacing
from tui.services.pool import DaemonPool

WORDS = [
    "lantern", "gate", "提灯", "三番目の門", "é", "😀", "\\", '"quoted"', "a\nb", "\t", "1,000", "", "x;y", "\u2028",
    "[/b]", "/", "ﬁre",
]  # fmt: skip
Content = tuple[str, str, str | None]
"""Question, answer and system prompt."""


@dataclass(frozen=True, slots=True)
class Item:
    """A record in the model: its content, None where it cannot be read, and its bytes while nobody touched it."""

    content: Content | None
    raw: bytes | None = None


State = tuple[Item, ...]


@dataclass
class Edited:
    """An open file and what the model says of it."""

    path: Path
    opened: OpenDocument
    now: State
    disk: State
    done: list[State] = field(default_factory=list)
    undone: list[State] = field(default_factory=list)
    told: list[State] = field(default_factory=list)
    """The states from the one on disk on, as the journal tells them."""

    def took(self, after: State) -> None:
        self.done.append(self.now)
        self.undone.clear()
        self.move_to(after)

    def move_to(self, after: State) -> None:
        self.now = after
        self.told.append(after)
        if not self.opened.document.dirty:
            self.told = [after]


def text(dice: random.Random) -> str:
    return " ".join(dice.choices(WORDS, k=dice.randint(1, 4))).strip("\n") or "x"


def value(dice: random.Random, kind: str) -> dict[str, Any]:
    question, answer = text(dice), text(dice)
    system = text(dice) if dice.random() < 0.3 else None
    match kind:
        case "messages":
            turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            return ({"system": system} if system else {}) | {"messages": turns}
        case "conversation":
            says = [("user", question), ("assistant", answer)]
            made: dict[str, Any] = {"schemaVersion": "bedrock-conversation-2024"}
            if system:
                made["system"] = [{"text": system}]
            return made | {"messages": [{"role": r, "content": [{"text": t}]} for r, t in says]}
        case "shared":
            said = [("system", system or ""), ("human", question), ("gpt", answer)]
            return {"id": 1.0, "conversations": [{"from": r, "value": t} for r, t in said if r != "system" or t]}
        case "completion":
            return {"prompt": question, "completion": answer}
    extra = {"id": dice.choice([1, 1.50, 1e30, None, [1, {"x": "é"}]]), "😀": "kept"} if dice.random() < 0.5 else {}
    found = {"q": question, "a": answer} | extra | ({"system": system} if system else {})
    return dict(dice.sample(sorted(found.items()), len(found)))


def file_of(dice: random.Random) -> bytes:
    """A file in one of the formats, with all that a rewrite would straighten."""
    kind = dice.choice(["pairs", "pairs", "messages", "conversation", "shared", "completion"])
    values = [value(dice, kind) for _ in range(dice.randint(1, 9))]
    ascii_only, end = dice.random() < 0.4, dice.choice(["\n", "\r\n"])
    shape = dice.choice(["jsonl", "list", "wrapped", "table"])
    if shape == "table":
        return table(dice, end)
    blanks = dice.choice([(", ", ": "), (",", ":"), (" ,  ", " : ")])
    lines = [json.dumps(one, ensure_ascii=ascii_only, separators=blanks) for one in values]
    if shape == "jsonl":
        if len(lines) > 2 and dice.random() < 0.3:
            lines[dice.randrange(1, len(lines))] = '{"q": "broken", '
        gaps = [end * dice.choice([1, 1, 1, 2]) for _ in lines]
        whole = "".join(dice.choice(["", " "]) + line + gap for line, gap in zip(lines, gaps, strict=True))
        whole = whole if dice.random() < 0.7 else whole.rstrip()
    else:
        indent = dice.choice([None, 1, 4])
        held = {"version": 1.0, "data": values, "notes": ["x"]} if shape == "wrapped" else values
        whole = json.dumps(held, ensure_ascii=ascii_only, indent=indent).replace("\n", end)
        whole += dice.choice(["", end])
    return whole.encode(dice.choice(["utf-8", "utf-8", "utf-8-sig", "utf-16"]))


def table(dice: random.Random, end: str) -> bytes:
    held = io.StringIO()
    writer = csv.writer(held, lineterminator=end, quoting=dice.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))
    writer.writerow(["question", "answer", "note"])
    writer.writerows([text(dice), text(dice), "kept"] for _ in range(dice.randint(1, 9)))
    return held.getvalue().encode(dice.choice(["utf-8", "utf-8-sig"]))


def content(record: object) -> Content | None:
    """Question, answer and system prompt of a record; None of one that cannot be read."""
    return (record.question, record.answer, record.system) if isinstance(record, Record) else None


def items(opened: OpenDocument) -> State:
    """What the file holds, as it was opened."""
    now = opened.document.now
    return tuple(Item(content(now.read(n)), now.text(n).encode()) for n in range(len(now)))


class Session:
    """One person who edits two files, and dies now and then."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.dice = random.Random(seed)
        self.folder = folder
        self.log: list[str] = []
        self.documents = Documents(DaemonPool(2), folder / "state")
        self.files: list[Edited] = []

    async def run(self) -> None:
        """Open two files, act, save; every state is compared with the model's."""
        for number in range(2):
            data = file_of(self.dice)
            suffix = "question,answer" in data.decode("latin-1").replace('"', "")
            path = self.folder / f"{number}.{'csv' if suffix else 'json'}"
            path.write_bytes(data)
            opened = await self.documents.open(path, Keys("q", "a") if await self.unclear(path) else None)
            state = items(opened)
            self.files.append(Edited(path, opened, state, state, told=[state]))
            self.log.append(f"{path.name}: {data[:80]!r} …")
        actions: list[Callable[[Edited], Awaitable[None]]] = [
            self.edit, self.edit, self.edit, self.add, self.duplicate, self.delete, self.replace, self.fix,
            self.move, self.undo, self.undo, self.undo, self.redo, self.redo, self.save, self.kill,
        ]  # fmt: skip
        for _ in range(self.dice.randint(5, 18)):
            action = self.dice.choice(actions)
            await action(self.dice.choice(self.files))
            for file in self.files:
                self.compare(file)
        for file in self.files:
            if any(item.content for item in file.now):
                await self.save(file)
            await self.documents.close(file.opened)

    async def unclear(self, path: Path) -> bool:
        try:
            pairs.read(path, path.read_bytes())
        except pairs.UnclearKeys:
            return True
        return False

    def compare(self, file: Edited) -> None:
        now = file.opened.document.now
        assert [content(now.read(n)) for n in range(len(now))] == [item.content for item in file.now], self.log
        for n, item in enumerate(file.now):
            assert item.raw is None or now.text(n).encode() == item.raw, self.log
        if not file.opened.document.dirty:
            assert [item.content for item in file.now] == [item.content for item in file.disk], self.log

    async def act(self, file: Edited, make: Callable[[Document], Step], after: State, what: str) -> None:
        self.log.append(f"{file.path.name}: {what}")
        try:
            step = await self.documents.do(file.opened, make)
        except FormatError as error:
            self.log[-1] += f" was refused: {error}"
            return
        if step.splices:
            file.took(after)

    def some(self, file: Edited) -> int | None:
        readable = [n for n, item in enumerate(file.now) if item.content is not None]
        return self.dice.choice(readable) if readable else None

    async def edit(self, file: Edited) -> None:
        """Another question, answer or system prompt."""
        index = self.some(file)
        if index is None:
            return
        before = file.opened.document.now.read(index)
        assert isinstance(before, Record)
        turns = list(before.turns)
        place = self.dice.randrange(len(turns))
        turns[place] = replace(turns[place], text=text(self.dice))
        after = replace(before, turns=tuple(turns))
        if self.dice.random() < 0.2:
            after = replace(after, system=self.dice.choice([None, text(self.dice)]))
        made = Item(content(after))
        state = (*file.now[:index], made, *file.now[index + 1 :])
        await self.act(file, lambda d: d.edit(index, after), state, f"edit {index} to {made.content}")

    async def add(self, file: Edited) -> None:
        """A new pair somewhere."""
        at = self.dice.randint(0, len(file.now))
        may = has_system(file.opened.document.now.layout) and self.dice.random() < 0.3
        record = Record.of(text(self.dice), text(self.dice), text(self.dice) if may else None)
        state = (*file.now[:at], Item(content(record)), *file.now[at:])
        await self.act(file, lambda d: d.add(at, record), state, f"add at {at} {content(record)}")

    async def duplicate(self, file: Edited) -> None:
        """A copy, byte for byte."""
        if file.now:
            index = self.dice.randrange(len(file.now))
            state = (*file.now[: index + 1], file.now[index], *file.now[index + 1 :])
            await self.act(file, lambda d: d.duplicate(index), state, f"duplicate {index}")

    async def delete(self, file: Edited) -> None:
        """One or more go."""
        if file.now:
            gone = set(self.dice.sample(range(len(file.now)), self.dice.randint(1, min(3, len(file.now)))))
            state = tuple(item for n, item in enumerate(file.now) if n not in gone)
            await self.act(file, lambda d: d.remove(gone), state, f"delete {gone}")

    async def replace(self, file: Edited) -> None:
        """One word by another, everywhere."""
        find, by = self.dice.choice([w for w in WORDS if w.strip()]), text(self.dice)
        if not file.now:
            return
        replacing = Replacing(DaemonPool(1), self.documents)
        now = file.opened.document.now
        what = Replacement(find, by, Where.BOTH, case=True)
        plan = await replacing.plan(now, None, what, lambda: False)
        self.log.append(f"{file.path.name}: replace {find!r} by {by!r} in {plan.size}")
        step = await replacing.carry_out(file.opened, plan)
        if step.splices:
            file.took(tuple(_replaced(item, find, by) for item in file.now))

    async def fix(self, file: Edited) -> None:
        """White space at the ends goes, or pairs that stand further up: in all records, as fixes in bulk do."""
        rule = self.dice.choice(["outer space", "duplicate"])
        mending = fixes.planned(file.opened.document.now, [rule], range(len(file.now)))
        after = _trimmed(file.now) if rule == "outer space" else _first_ones(file.now)
        await self.act(file, lambda d: fixes.step(d, mending), after, f"fix {rule} in {len(mending.mends)}")
        undo = file.opened.document.next_undo
        assert not mending.mends or (undo is not None and undo.name == mending.name), self.log

    async def move(self, file: Edited) -> None:
        """Some go to the end of the other file, or a copy of them."""
        other = self.files[0] if file is self.files[1] else self.files[1]
        if not file.now or not other.now:
            return
        chosen = sorted(self.dice.sample(range(len(file.now)), self.dice.randint(1, min(2, len(file.now)))))
        keep = self.dice.random() < 0.5
        self.log.append(f"{file.path.name}: {'copy' if keep else 'move'} {chosen}")
        length = len(other.now)
        try:
            await self.documents.carry(file.opened, chosen, other.opened, keep=keep)
        except (AppError, FormatError) as error:
            self.log[-1] += f" was refused: {error}"
            return
        now = other.opened.document.now
        arrived = tuple(Item(content(now.read(n))) for n in range(length, len(now)))
        merges = other.opened.document.now.layout is DataFormat.PROMPT_COMPLETION
        wanted = [_as_pair(file.now[n].content, merges=merges) for n in chosen]
        assert [item.content and item.content[:2] for item in arrived] == wanted, self.log
        other.took((*other.now, *arrived))
        if not keep:
            file.took(tuple(item for n, item in enumerate(file.now) if n not in chosen))

    async def undo(self, file: Edited) -> None:
        """The last action, taken back."""
        self.log.append(f"{file.path.name}: undo")
        step = await self.documents.undo(file.opened)
        assert (step is not None) == bool(file.done), self.log
        if step is not None:
            file.undone.append(file.now)
            file.move_to(file.done.pop())

    async def redo(self, file: Edited) -> None:
        """What was taken back last, done again."""
        self.log.append(f"{file.path.name}: redo")
        step = await self.documents.redo(file.opened)
        assert (step is not None) == bool(file.undone), self.log
        if step is not None:
            file.done.append(file.now)
            file.move_to(file.undone.pop())

    async def save(self, file: Edited) -> None:
        """What is on disk then is what the model says, records that nobody touched with their own bytes."""
        self.log.append(f"{file.path.name}: save")
        if not any(item.content for item in file.now):
            with suppress(AppError):
                await self.documents.save(file.opened)
                raise AssertionError(f"a file without pairs was saved: {self.log}")
            return
        await self.documents.save(file.opened)
        file.disk, file.told = file.now, [file.now]
        assert not file.opened.document.dirty, self.log
        layout = file.opened.document.now.layout
        keys = layout if isinstance(layout, Keys) else None
        again = pairs.read(file.path, file.path.read_bytes(), keys.plain if keys else None)
        assert [content(again.read(n)) for n in range(len(again))] == [i.content for i in file.now], self.log
        for n, item in enumerate(file.now):
            assert item.raw is None or again.raw(n).strip() == item.raw.strip(), self.log

    async def kill(self, file: Edited) -> None:
        """The process is gone: its locks fall, its memory too; the next one finds the journals."""
        self.log.append("kill")
        for one in self.files:
            self._die(one)
        self.documents = Documents(DaemonPool(2), self.folder / "state")
        left = {found.file: found for found in await self.documents.left_behind()}
        for one in self.files:
            dirty = one.opened.document.dirty
            assert (one.path in left) == dirty, self.log
            if dirty:
                one.opened = (await self.documents.recover(left[one.path])).opened
                one.done = list(one.told[:-1])
            else:
                layout = one.opened.document.now.layout
                keys = layout.plain if isinstance(layout, Keys) else None
                one.opened = await self.documents.open(one.path, keys)
                one.done = []
            one.undone = []

    def _die(self, file: Edited) -> None:
        journal, lock = file.opened.journal, file.opened.lock
        if journal is not None:
            os.close(journal._descriptor)
            journal._descriptor = -1
            if self.dice.random() < 0.5:
                # It died while it wrote down one more action.
                with journal.path.open("ab") as half:
                    half.write(b'deadbeef {"seq": 99, "splices": [[0, 1'[: self.dice.randint(1, 30)])
        if lock is not None:
            lock.release()


def _trimmed(state: State) -> State:
    """Without white space at the ends of a text, unless it is nothing else."""
    made = []
    for item in state:
        question, answer, system = item.content or ("", "", None)
        system = None if system is None else system.strip() or system
        after = (question.strip() or question, answer.strip() or answer, system)
        made.append(item if item.content in (None, after) else Item(after))
    return tuple(made)


def _first_ones(state: State) -> State:
    """Each content once, the first; what cannot be read goes with its bytes."""
    seen, kept = set(), []
    for item in state:
        what = item.content or item.raw
        if what not in seen:
            kept.append(item)
        seen.add(what)
    return tuple(kept)


def _replaced(item: Item, find: str, by: str) -> Item:
    if item.content is None:
        return item
    question, answer, system = item.content
    after = (question.replace(find, by), answer.replace(find, by), system)
    return item if after == item.content else Item(after)


def _as_pair(content: Content | None, *, merges: bool) -> tuple[str, str] | None:
    """What a moved record is there; prompt and completion have no other place for a system prompt."""
    if content is None:
        return None
    question, answer, system = content
    return (f"{system}\n\n{question}" if system and merges else question, answer)
