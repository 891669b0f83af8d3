"""One go has one window: it is left to the one that has it in hand, and taken from one that is gone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tui.domain.errors import AppError, Cause
from tui.services.process_identity import whoami
from tui.services.serving.one_go_orders import OneGoOrders, Order, Step
from tui.services.store import Store

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
PLACE = "123456789012/us-west-2"
ORDER = Order("t", PLACE, "arn:model", "提灯", 1, 50, "evaluation", judge="{}", ender="arn:role")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def orders(store: Store, minutes: float = 0) -> OneGoOrders:
    return OneGoOrders(store, lambda: NOW + timedelta(minutes=minutes))


def held_by(store: Store, who: dict[str, Any] | str) -> None:
    orders(store).claim(ORDER)
    store.write("UPDATE one_go_holders SET holder=?", (who if isinstance(who, str) else json.dumps(who),))


def test_an_order_comes_back_as_it_was_kept(store: Store) -> None:
    kept = replace(ORDER, step=Step.ASKING, arn="arn:pt", began=NOW)
    orders(store, 5).keep(kept)
    assert orders(store).left(PLACE) == kept
    assert orders(store).left("123456789012/us-east-1") is None
    assert [step for step in Step if not replace(kept, step=step).open] == [Step.DONE, Step.GIVEN_UP]
    for end in (Step.DONE, Step.GIVEN_UP):
        orders(store).keep(replace(kept, step=end))
        assert orders(store).left(PLACE) is None
    orders(store).keep(replace(kept, step=Step.JUDGING))
    left = orders(store).left(PLACE)
    assert left is not None
    assert left.deleted


DEAD = {**whoami(), "boot": "another"}
OTHER = {**whoami(), "pid": 1}
FAR = {**whoami(), "host": "elsewhere"}


@pytest.mark.parametrize(
    ("holder", "minutes", "elsewhere"),
    [
        (whoami(), 0, False),
        (DEAD, 0, False),
        (OTHER, 0, True),
        (OTHER, 60 * 24, True),
        (FAR, 9, True),
        (FAR, 10, False),
        ("no JSON", 0, False),
        ("[]", 0, False),
    ],
)
def test_who_has_it_in_hand(store: Store, holder: dict[str, Any] | str, minutes: float, elsewhere: bool) -> None:
    orders(store).keep(replace(ORDER, began=NOW))
    held_by(store, holder)
    window = orders(store, minutes)
    left = window.left(PLACE)
    assert left is not None
    assert left.elsewhere is elsewhere
    if elsewhere:
        with pytest.raises(AppError, match="提灯 is buying in another window") as caught:
            window.claim(ORDER)
        assert caught.value.cause is Cause.CONFLICT
        window.release(ORDER)  # what is not ours is not given back
        assert window._held_elsewhere("t")
    else:
        window.claim(ORDER)
        assert json.loads(window._holder("t")) == whoami()
        window.release(ORDER)
        assert window._holder("t") == ""


def test_of_two_windows_that_take_a_dead_ones_order_at_once_one_has_it(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    held_by(store, DEAD)
    seen = json.dumps(DEAD)
    one, other = orders(store), orders(store)
    one.claim(ORDER)
    monkeypatch.setattr("tui.services.serving.one_go_orders.whoami", lambda: OTHER)
    holders = iter([seen])  # the other one looked just before
    whole = OneGoOrders._holder
    monkeypatch.setattr(OneGoOrders, "_holder", lambda self, token: next(holders, None) or whole(self, token))
    monkeypatch.setattr(OneGoOrders, "_held_elsewhere", lambda self, token: False)
    with pytest.raises(AppError):
        other.claim(ORDER)
    assert json.loads(whole(one, "t")) == whoami()
