"""Widgets and screens written in several classes, each for one matter."""

from __future__ import annotations

from typing import Any


class InParts:
    """For the base of such classes; `class Editing(Base, part=True)` is a part that is never made by itself.

    Textual gathers bindings, reactives and names from all base classes for each class anew, and for a part nobody asks
    for them: a dozen parts are a hundredth of the start.
    """

    def __init_subclass__(cls, *, part: bool = False, **options: Any) -> None:
        if not part:
            super().__init_subclass__(**options)
