"""What was bought, as the books tell it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sandbox.conftest import Scene
from tui.sandbox.ledger import lines, read, show
from tui.sandbox.records import Purchase


def test_a_purchase_stands_in_the_books_with_its_time_and_price(scene: Scene) -> None:
    scene.bucket()
    arn = scene.throughput(scene.model())
    held, total = lines(scene.sandbox.books(), scene.clock.now().timestamp())
    assert "held still" in held
    scene.pass_time(1800)
    scene.bedrock.delete_provisioned_model_throughput(provisionedModelId=arn)
    done, total = lines(scene.sandbox.books(), scene.clock.now().timestamp() + 9999)
    (line,) = scene.sandbox.books()
    minutes = ((line.ended or 0) - line.started) / 60
    assert f"{minutes:.1f} min" in done
    assert f"${24 * minutes / 60:,.2f}" in done
    assert total.startswith(f"together ${24 * minutes / 60:,.2f}")


def test_books_of_a_saved_world(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert read(tmp_path) == []
    assert show(tmp_path) == 0
    assert "Nothing was ever bought" in capsys.readouterr().out
    for damage in ("{", "[]", '{"jobs": 3}'):
        (tmp_path / "bedrock.json").write_text(damage)
        assert show(tmp_path) == 1


def test_commitments_have_their_own_price() -> None:
    item = Purchase("a", "gate", "m", 2, "OneMonth", 0.0, 3600.0)
    assert lines([item], 0)[0].endswith("$40.00")
