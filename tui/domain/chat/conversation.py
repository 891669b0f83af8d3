"""A conversation with two sides: the questions they share, and what each answered."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime

from tui.domain.chat.chat import Message, Parameters, Target
from tui.domain.chat.votes import Verdict
from tui.domain.dataset.drafts import Probe
from tui.domain.values import dataclass

SIDES = ("a", "b")


@dataclass(frozen=True, slots=True)
class Reply:
    """What one side made of a question. `number` is that of the stored answer; None until it is stored.

    A reply that is not whole was cut, refused or stopped; its text stands, but is not sent back to the model.
    """

    target: Target
    text: str
    whole: bool
    ended: str
    number: int | None = None

    @property
    def speaks(self) -> bool:
        """Whether it can be part of the conversation that is sent: whole, and not without a word."""
        return self.whole and bool(self.text.strip())


@dataclass(slots=True)
class Exchange:
    """A question and the replies to it by side."""

    probe: Probe
    replies: dict[str, Reply] = field(default_factory=dict)
    verdict: Verdict | None = None

    @property
    def both_whole(self) -> bool:
        """Whether both sides have answered in full."""
        return all(side in self.replies and self.replies[side].whole for side in SIDES)


class Conversation:
    """Questions in order. `key` names it in the store."""

    def __init__(self, key: str = "") -> None:
        self.key = key or uuid.uuid4().hex
        self.exchanges: list[Exchange] = []

    @property
    def last(self) -> Exchange | None:
        """The newest exchange."""
        return self.exchanges[-1] if self.exchanges else None

    def ask(self, probe: Probe) -> Exchange:
        """Begin an exchange."""
        self.exchanges.append(Exchange(probe))
        return self.exchanges[-1]

    def meet(self, targets: Sequence[Target | None]) -> None:
        """Who answers now on each side is known better than from the store; replies of models that have changed sides
        since, as in a blind round, change them too."""
        known = {target.model_id: target for target in targets if target is not None}
        for exchange in self.exchanges:
            given = exchange.replies
            swapped = {SIDES[1 - SIDES.index(side)]: reply for side, reply in given.items()}
            exchange.replies = max((given, swapped), key=lambda replies: _at_home(replies, targets))
            for side, reply in exchange.replies.items():
                target = known.get(reply.target.model_id, reply.target)
                exchange.replies[side] = replace(reply, target=target)

    def cut(self, at: int) -> None:
        """The exchanges from `at` on are no longer part of it."""
        del self.exchanges[at:]

    def history(self, side: str, target: Target, *, before: int | None = None) -> list[Message]:
        """What `target` is sent before the question at `before`: what it was asked on this side and answered itself."""
        messages: list[Message] = []
        for exchange in self.exchanges[:before]:
            reply = exchange.replies.get(side)
            if reply is not None and reply.speaks and reply.target.model_id == target.model_id:
                messages += exchange.probe.before
                messages += [Message("user", exchange.probe.question), Message("assistant", reply.text)]
        return messages


def _at_home(replies: Mapping[str, Reply], targets: Sequence[Target | None]) -> int:
    """How many replies are of who answers on their side now."""
    here = dict(zip(SIDES, targets, strict=True))
    return sum(
        (at := here[side]) is not None and at.model_id == reply.target.model_id for side, reply in replies.items()
    )


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """An answer in the store, with the place it had in its conversation (turns from 0; no conversation: unknown)."""

    number: int
    target: str
    model_id: str
    question: str
    system: str
    parameters: str
    answer: str
    footer: str
    whole: bool
    at: datetime
    conversation: str = ""
    turn: int = 0
    side: str = ""
    blind: bool = False
    reference: str = ""
    origin: str = ""


def restored(kept: Collection[KeptAnswer]) -> Conversation:
    """The conversation that kept answers of one conversation tell; of several answers to a turn the newest counts."""
    key = next((one.conversation for one in kept), "")
    conversation = Conversation(key)
    turns: dict[int, Exchange] = {}
    for one in sorted(kept, key=lambda k: (k.turn, k.number)):
        exchange = turns.get(one.turn)
        if exchange is None or exchange.probe.question != one.question:
            exchange = turns[one.turn] = Exchange(Probe(one.question, one.reference, origin=one.origin))
        target = Target(one.target, one.model_id, "", tuned=False)
        exchange.replies[one.side] = Reply(target, one.answer, one.whole, one.footer, one.number)
    conversation.exchanges = [turns[turn] for turn in sorted(turns)]
    return conversation


@dataclass(frozen=True, slots=True)
class Preset:
    """A system prompt and parameters under a name."""

    name: str
    system: str
    parameters: Parameters
