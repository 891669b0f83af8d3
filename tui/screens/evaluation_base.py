"""What every part of the evaluation screen shares: what is shown, where it comes from, and how it is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.domain.errors import AppError, Cause
from tui.domain.evaluation.canary import Canaries
from tui.domain.evaluation.compare import Change, ComparedRuns
from tui.domain.evaluation.headline import Headline
from tui.domain.evaluation.judging import Judge
from tui.domain.evaluation.results import Results, Row
from tui.domain.evaluation.run import Progress
from tui.domain.evaluation.setup import Sides
from tui.domain.evaluation.spec import Group
from tui.domain.evaluation.view import Order, Plain
from tui.domain.files.formats import Record
from tui.domain.files.pairs import Role
from tui.services.evaluation.evaluations import Control
from tui.services.session import Services
from tui.tabs.base import Tab
from tui.widgets.asking import Asking
from tui.widgets.frame import StatusLine
from tui.widgets.sparing import SparingScreen
from tui.widgets.virtual_table import VirtualTable

if TYPE_CHECKING:
    from tui.screens.main import MainScreen


class EvaluationBase(SparingScreen[None], Asking):
    """State and small services; `home` is the screen below, whose facts are read and whose routes are used."""

    def __init__(self, services: Services, home: MainScreen) -> None:
        super().__init__()
        self.services = services
        self.home = home
        self.sides = Sides()
        self.results: Results | None = None
        self.judge: Judge | None = None
        self.head: Headline | None = None
        self.canary_head: Headline | None = None
        self.broken = Canaries(0, 0, 0, ())
        self.leaked: frozenset[int] = frozenset()
        self.rows: list[Row] = []
        self.plain = Plain()
        self.compared: ComparedRuns | None = None
        self.progress: Progress | None = None
        self.control: Control | None = None
        self.running = ""
        self.order = Order.REGRESSIONS
        self.group = Group.OWN
        self.words = ""
        self.marking = False
        self._written: dict[str, str] = {}

    @property
    def place(self) -> str:
        """Account and Region, or the sandbox's; evaluations belong to it. Raises AppError while it is not known."""
        at = self.home.identity
        if not at.account:
            raise at.problem or AppError(Cause.UNREACHABLE, "AWS is not ready yet", hint="Wait a moment")
        return self.services.place(at)

    @property
    def training(self) -> list[Record]:
        """The open training pairs; not for the event loop with large files."""
        opened = [f.pairs for f in self.home.files if f.role is Role.TRAIN]
        return [record for pairs in opened for record in pairs if isinstance(record, Record)]

    @property
    def head_shown(self) -> Headline | ComparedRuns | None:
        """What stands above the list: of two evaluations compared, of the canary questions, or of one's own."""
        if self.compared is not None:
            return self.compared
        return self.canary_head if self.group is Group.CANARY else self.head

    @property
    def row_shown(self) -> Row | None:
        """The question under the cursor, as the later of two evaluations sees it where two are compared."""
        raise NotImplementedError

    @property
    def change_shown(self) -> Change | None:
        """The question under the cursor where two evaluations are compared."""
        raise NotImplementedError

    @property
    def table(self) -> VirtualTable:
        """The questions."""
        return self.query_one("#questions", VirtualTable)

    @property
    def top(self) -> float:
        """The best score there is."""
        return self.judge.top if self.judge else 10.0

    def say(self, text: str, kind: str = "") -> None:
        """Put something on the status line, on that of the screen below while this one is away."""
        if self.is_current or isinstance(self.app.screen, ModalScreen):
            self.query_one(StatusLine).say(text, kind)
        else:
            self.home.post_message(Tab.Said(text, kind))

    def write(self, selector: str, text: str) -> Static:
        """Put text of as many lines as it needs into a Static; only other text lays the screen out anew."""
        found = self.query_one(selector, Static)
        if self._written.get(selector) != text:
            self._written[selector] = text
            found.update(Content(text))
        return found

    async def load(self, evaluation: str, *, judge: Judge | None = None) -> None:
        """Show an evaluation as it is stored now, by `judge` or whoever judged last. Raises AppError."""
        raise NotImplementedError

    def draw(self) -> None:
        """Show everything anew."""
        raise NotImplementedError

    def draw_doubts(self) -> None:
        """Show as many warnings as have room."""
        raise NotImplementedError

    def action_bedrock(self) -> None:
        """Let Bedrock evaluate both sides by itself."""
        raise NotImplementedError

    def busy(self) -> bool:
        """Whether an evaluation is under way, and says so."""
        if self.control is not None:
            self.say("An evaluation is under way; p pauses it", "problem")
        return self.control is not None

    def needs_results(self) -> Results | None:
        """What is shown; says so when nothing is."""
        if self.results is None:
            self.say("No evaluation is open: a makes one, o opens an earlier one", "problem")
        return self.results
