"""Another name or another model for a provisioned throughput."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Static

from tui.dialogs.base import Dialog
from tui.domain.names import model_name_problem
from tui.domain.training.runs import Endpoint
from tui.domain.values import dataclass
from tui.widgets.fields import ChoiceField, Field, TextField


@dataclass(frozen=True, slots=True)
class EndpointWish:
    """The name and the model it shall have."""

    name: str
    model_arn: str


class EndpointDialog(Dialog[EndpointWish]):
    """Gives name and model; units and commitment cannot be changed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "accept", "change it", priority=True, key_display="ctrl+s", id="endpoint.change")
    ]

    def __init__(
        self, endpoint: Endpoint, models: Sequence[tuple[str, str]], wish: EndpointWish, problem: str = ""
    ) -> None:
        """`models` are custom models of the same base model, as name and ARN."""
        super().__init__()
        self.heading = f"Change {endpoint.name}"
        self._models = list(models)
        if endpoint.model_arn not in {arn for _, arn in self._models}:
            self._models.insert(0, ("as it is", endpoint.model_arn))
        self._wish = wish
        self._problem = problem

    def fields(self) -> ComposeResult:
        yield TextField("name", self._wish.name, id="name")
        yield ChoiceField("answers with", self._models, self._wish.model_arn, id="model")
        note = (
            "\nIt goes on billing as before. While it moves to another model it answers with the present one. "
            "Units and commitment cannot be changed."
        )
        yield Static(Content(note), markup=False, classes="help-text")

    def on_mount(self) -> None:
        self.complain(self._problem)
        self.query_one("#name", TextField).focus()

    @on(Field.Changed)
    def _changed(self) -> None:
        field = self.query_one("#name", TextField)
        field.error = model_name_problem(field.value.strip())

    def action_accept(self) -> None:
        """Change it, when the name is right."""
        field = self.query_one("#name", TextField)
        if field.error:
            self.complain(field.error)
            return
        model = self.query_one("#model", ChoiceField).value or self._wish.model_arn
        self.dismiss(EndpointWish(field.value.strip(), model))
