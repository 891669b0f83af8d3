"""Who answers on each side of the Chat tab: endpoints of runs, base models, inference profiles, or a typed id."""

from __future__ import annotations

from textual import work

from tui.dialogs.choice import Choice, ChoiceDialog
from tui.dialogs.text import LineDialog
from tui.domain.base_models import BaseModel, find
from tui.domain.chat.chat import Target
from tui.domain.errors import AppError
from tui.domain.text import safe_line
from tui.domain.training.runs import Run
from tui.tabs.chat_base import ChatBase, id_problem
from tui.widgets.answer_pane import AnswerPane

_TYPED = "type an id"


class SidesTab(ChatBase, part=True):
    """Both sides are aimed by the run that was asked for, by themselves, or by hand."""

    _run_key = ""
    _looked_for_base = _chosen_b = False

    def recall_system(self) -> None:
        """Look which system prompt belongs to who answers now."""

    def show_run(self, key: str) -> None:
        """Ask a run's endpoint and its base model."""
        run = self.board.run(key)
        if run is None or self.still_coming() or self.names_hidden():
            return
        self._run_key = key
        self._aim_at(run)

    def names_hidden(self) -> bool:
        """Whether a vote is due before anything may change that tells who answers, and says so."""
        if self.masked:
            self.say("The names are hidden: v votes, B ends blind mode", "problem")
        return self.masked

    def aim(self, pane: AnswerPane, target: Target) -> None:
        """Ask somebody on a side from now on."""
        pane.aim(target)
        self._learn_price(target)

    @work(group="prices")
    async def _learn_price(self, target: Target) -> None:
        found = await self.services.prices.of_target(target, self.identity.region)
        # By then the sides may have changed places, and Bedrock may have said more of the same model.
        for pane in self.panes:
            if pane.target is not None and pane.target.model_id == target.model_id:
                pane.prices = found
                pane.title()

    def _aim_at(self, run: Run, *, base_too: bool = True) -> None:
        endpoint = run.ready_endpoint
        if endpoint is not None:
            self.aim(self.pane("a"), run.target(endpoint))
            self.show_side("a")
        elif run.endpoints:
            self.say(f"{run.name}: the endpoint is {run.endpoints[0].status}; it is asked when it is ready")
        else:
            self.say(f"{run.name} is not served. In 2 Jobs, b serves it", "problem")
        base = run.base_model
        if base is not None and base_too:
            self._aim_at_base_of(base)
        self.recall_system()

    @work(group="base")
    async def _aim_at_base_of(self, base: BaseModel) -> None:
        """The base model itself, with what Bedrock says of it now."""
        pane = self.pane("b")
        self.aim(pane, Target(base.name, base.runtime_id, "base model", priced_as=base.runtime_id))
        aimed = pane.target
        try:
            offered = await self.services.catalog.targets()
        except AppError:
            return  # whoever asks it is told why it does not answer
        listed = next((t for t in offered if t.model_id == base.runtime_id), None)
        if listed is not None and pane.target is aimed:
            pane.target = listed
            pane.title()

    def watch_board(self) -> None:
        """Endpoints come and go."""
        if not self.is_mounted:
            return
        self.choose_by_itself()
        ready = {e.arn for e in self.board.endpoints if e.ready}
        for pane in self.panes:
            gone = pane.target is not None and pane.target.tuned and pane.target.model_id not in ready
            if gone != pane.gone:
                pane.gone = gone
                pane.title()

    def choose_by_itself(self) -> None:
        """The run that was asked for, else the newest that answers, as long as nobody was chosen."""
        if self.pane("a").target is not None or self.busy or self.masked:
            return
        asked = self.board.run(self._run_key)
        run = asked if asked and asked.ready_endpoint else next((r for r in self.board.runs if r.ready_endpoint), None)
        if run is not None:
            self._aim_at(run, base_too=self.pane("b").target is None or not self._chosen_b)
        elif self.pane("b").target is None and self.identity.known and not self._looked_for_base:
            self._looked_for_base = True
            self._aim_at_base()

    @work(group="base", exclusive=True)
    async def _aim_at_base(self) -> None:
        """Without a served run, the base model of the settings can be asked, if Bedrock offers it now."""
        wanted = find(self.services.settings.base_model)
        try:
            offered = await self.services.catalog.targets()
        except AppError as error:
            self.say(error.sentence(), "problem")
            return
        target = next((t for t in offered if wanted is not None and t.model_id == wanted.runtime_id), None)
        if target is not None and all(p.target is None for p in self.panes):
            self.aim(self.pane("b"), target)
            self.show_side("b")

    @work(group="target")
    async def action_target(self, side: str) -> None:
        """Choose who answers on one side."""
        if self.still_coming() or self.names_hidden():
            return
        offered = {e.arn: run.target(e) for run in self.board.runs for e in run.endpoints if e.ready}
        try:
            for target in await self.services.catalog.targets():
                offered[target.model_id] = target
        except AppError as error:
            self.say(error.sentence(), "problem")
        choices = [Choice(t.model_id, t.name, _about(t)) for t in offered.values()]
        choices.append(Choice(_TYPED, "another model …", "type its id or ARN"))
        pane = self.pane(side)
        chosen = await self.ask(
            ChoiceDialog(
                f"Who answers on side {side.upper()}?", choices, chosen=pane.target.model_id if pane.target else ""
            )
        )
        if chosen == _TYPED:
            chosen = await self.ask(LineDialog("Model id or ARN", problem=id_problem))
        if chosen and not self.still_coming():
            self._chosen_b = self._chosen_b or side == "b"
            self.aim(pane, offered.get(chosen) or _typed(chosen.strip()))
            self.show_side(side)
            if side == "a":
                self.recall_system()


def _typed(identifier: str) -> Target:
    return Target(safe_line(identifier, 60), identifier, "endpoint", priced_as=identifier)


def _about(target: Target) -> str:
    paid = "paid by the hour, asked or not" if target.hourly else ""
    return " · ".join(filter(None, (target.kind, target.lifecycle, paid, "" if target.tuned else target.model_id)))
