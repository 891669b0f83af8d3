"""Random metrics files of every shape against pandas' own means, and what is told of rows that cannot be used."""

from __future__ import annotations

import io
import math
import os
import random
import threading
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest

from tui.domain.errors import AppError
from tui.domain.loss.losses import SMOOTHINGS, Curves
from tui.services.loss.losses import local_runs
from tui.services.loss.metrics_curves import curves


def read(*texts: str | bytes) -> Curves:
    return curves("x", [(f"{n}.csv", t.encode() if isinstance(t, str) else t) for n, t in enumerate(texts)])


def made(draw: random.Random) -> tuple[str, pd.DataFrame]:
    """A file as odd as they come, and the clean rows that it holds."""
    first_epoch, first_step = draw.randint(0, 1), draw.randint(0, 1)
    epochs, steps = draw.randint(1, 12), draw.randint(1, 9)
    rows = [
        (first_step + e * steps + s, first_epoch + e, round(draw.uniform(0, 5), draw.randint(2, 16)))
        for e in range(epochs)
        for s in range(steps)
    ]
    clean = pd.DataFrame(rows, columns=["step", "epoch", "loss"])
    lines = [(str(step), str(epoch), repr(loss)) for step, epoch, loss in rows]
    if draw.random() < 0.4:
        lines += draw.choices(lines, k=draw.randint(1, 4))
    for _ in range(draw.randint(0, 3)):
        odd = list(draw.choice(lines))
        odd[draw.randrange(3)] = draw.choice(("nan", "inf", "-inf", "", "oops"))
        lines.append((odd[0], odd[1], odd[2]))
    if draw.random() < 0.4:
        draw.shuffle(lines)
    columns = ["step_number", "epoch_number", "training_loss"]
    if draw.random() < 0.3:
        columns.append("perplexity")
    order = draw.sample(range(len(columns)), len(columns)) if draw.random() < 0.3 else range(len(columns))
    blank = draw.choice(("", " ", ""))
    end = draw.choice(("\n", "\n", "\r\n"))
    written = [",".join(blank + columns[i] for i in order)]
    for line in lines:
        cells = [*line, "2.0"]
        written.append(",".join(blank + cells[i] for i in order))
        if draw.random() < 0.02:
            written.append("")
    return draw.choice(("", "\ufeff")) + end.join(written) + draw.choice(("", end)), clean


@pytest.mark.parametrize("seed", range(200))
def test_means_are_pandas_own(seed: int) -> None:
    text, clean = made(random.Random(seed))
    found = read(text)
    shift = 1 - int(clean["epoch"].min())
    expected = clean.groupby("epoch")["loss"].agg(["mean", "count", "min", "max", "std"])
    assert [p.epoch - shift for p in found.training] == list(expected.index)
    for point, row in zip(found.training, expected.itertuples(), strict=True):
        assert point.mean == pytest.approx(row.mean, rel=1e-13)
        assert (point.rows, point.low, point.high) == (row.count, row.min, row.max)
        if point.rows > 1:
            assert point.deviation == pytest.approx(row.std, rel=1e-9, abs=1e-12)
    assert found.step_rows == len(clean)


def test_smoothing_is_the_debiased_average() -> None:
    values = [3.0, 1.0, 2.0, 0.5, 0.25]
    rows = "".join(f"{n},1,{v}\n" for n, v in enumerate(values))
    found = read(f"step_number,epoch_number,training_loss\n{rows}")
    for beta in SMOOTHINGS:
        mean, expected = 0.0, []
        for number, value in enumerate(values, 1):
            mean = beta * mean + (1 - beta) * value
            expected.append(mean / (1 - beta**number))
        assert [p.loss for p in found.smooth(beta)] == pytest.approx(expected)
    assert [p.loss for p in found.smooth(None)] == values


def test_many_steps_keep_their_extremes_and_the_means_of_all() -> None:
    draw = random.Random(1)
    values = [draw.uniform(0, 1) for _ in range(20_000)]
    values[12_345] = 9.0
    values[777] = -9.0
    rows = "".join(f"{n},{n // 5000},{v!r}\n" for n, v in enumerate(values))
    found = read(f"step_number,epoch_number,training_loss\n{rows}")
    assert found.step_rows == 20_000
    assert len(found.steps) <= 4001
    assert {(p.step, p.loss) for p in found.steps} >= {(12_345, 9.0), (777, -9.0)}
    assert found.steps[-1].step == 19_999
    expected = pd.read_csv(io.StringIO(rows), names=["s", "e", "v"]).groupby("e")["v"].mean()
    assert [p.mean for p in found.training] == pytest.approx(list(expected), rel=1e-13)


@pytest.mark.parametrize(
    ("training", "validation", "epochs"),
    [
        ((0, 1, 2), (1, 2, 3), ([1, 2, 3], [1, 2, 3])),
        ((1, 2, 3), (0, 1, 2), ([1, 2, 3], [1, 2, 3])),
        ((0, 1, 2), (0, 1, 2), ([1, 2, 3], [1, 2, 3])),
        ((1, 2, 3), (0, 1, 2, 3), ([1, 2, 3], [0, 1, 2, 3])),
        ((0, 1, 2), (1, 2), ([1, 2, 3], [2, 3])),
    ],
)
def test_epochs_are_joined_however_each_file_counts(
    training: tuple[int, ...], validation: tuple[int, ...], epochs: tuple[list[int], list[int]]
) -> None:
    one = "".join(f"{e},{e},1\n" for e in training)
    two = "".join(f"{e},{e},1\n" for e in validation)
    found = read(f"step_number,epoch_number,training_loss\n{one}", f"step_number,epoch_number,validation_loss\n{two}")
    assert ([p.epoch for p in found.training], [p.epoch for p in found.validation]) == epochs


@pytest.mark.parametrize("first", [0, 1])
def test_steps_without_epochs_get_those_of_validation(first: int) -> None:
    training = "".join(f"{first + s},{s}\n" for s in range(6))
    found = read(f"step_number,training_loss\n{training}", "step_number,epoch_number,validation_loss\n3,1,2\n6,2,1\n")
    assert [(p.epoch, p.mean) for p in found.training] == [(1, 1.0), (2, 4.0)]


def test_what_is_left_out_is_told_with_its_line() -> None:
    found = read("\n\nstep_number,epoch_number,training_loss\n0,1,3.0\n\n1,1,0,5\n2,1,oops\n3,1,1.0\n")
    assert [p.mean for p in found.training] == [2.0]
    assert found.notes == (
        "0.csv: 1 row with more cells than the header left out, the first on line 6",
        "0.csv: 1 row without numbers left out, the first on line 7",
    )
    repeated = read("step_number,epoch_number,training_loss\n0,1,3.0\n0,1,3.0\n1,1,1.0\n")
    assert repeated.notes == ("0.csv: 1 repeated row counted once",)


ROWS = "".join(f"{n},{n // 3 + 1},{2 - n / 10}\n" for n in range(9))
HEADER = "step_number,epoch_number,training_loss\n"


@pytest.mark.parametrize(
    "text",
    [
        (HEADER + ROWS).encode("utf-16"),
        b"\xfe\xff" + (HEADER + ROWS).encode("utf-16-be"),
        (HEADER + ROWS).encode("utf-16-le"),
        (HEADER + ROWS).encode("utf-32"),
        f" Step Number , Epoch Number ,Training Loss\n{ROWS}",
        f"stepNumber,epochNumber,trainingLoss\n{ROWS}",
        f"# step-number,epoch-number,train/loss\n{ROWS}",
        f"'step','epoch','loss'\n{ROWS}",
        "global_step|epoch|loss\n" + ROWS.replace(",", "|"),
        (HEADER + ROWS).replace(",", ";").replace(".", ","),
        HEADER + ROWS.replace("0,1,2.0", '"1,000",1,2.0').replace("1,1,1.9", '"1,001",1,1.9'),
        HEADER + ROWS.translate(str.maketrans("0123456789.", "０１２３４５６７８９．")),
        HEADER + ROWS.replace(",", ",\u00a0"),
        "step,epoch,loss\n" + "".join(f"{n},{(n + 1) / 3:.4f},{2 - n / 10}\n" for n in range(9)),
        "step,epoch,loss\n" + "".join(f"{n},{n / 3:.7f},{2 - n / 10}\n" for n in range(9)),
        f"Metrics of a run, with words\n\n{HEADER}{ROWS}",
    ],
)
def test_a_file_is_read_however_it_was_written(text: str | bytes) -> None:
    found = read(text)
    assert [(p.epoch, p.rows) for p in found.training] == [(1, 3), (2, 3), (3, 3)]
    assert [p.mean for p in found.training] == pytest.approx([1.9, 1.6, 1.3])


def test_lines_are_told_as_they_are_numbered_in_the_file() -> None:
    rows = ROWS.splitlines()
    rows[2] = "2,1,oops"
    rows[4] = '"4,2,1.6'
    rows[6] = "6,3,1,4"
    found = read("a title\n\n" + HEADER + "\n".join(rows))
    assert [p.rows for p in found.training] == [2, 2, 2]
    assert found.notes == (
        "0.csv: 2 lines above the header left out",
        "0.csv: 1 row with more cells than the header left out, the first on line 10",
        "0.csv: 2 rows without numbers left out, the first on line 6",
    )
    both = read("step,epoch,train/loss,val/loss\n0,1,2,\n1,1,1,oops\n2,1,1.5,1.2\n")
    assert [p.mean for p in both.validation] == [1.2]
    assert both.notes == ("0.csv: 1 row without numbers left out, the first on line 3",)


@pytest.mark.parametrize("seed", range(20))
def test_odd_rows_among_many_change_nothing_else(seed: int) -> None:
    """What mends single rows leaves all others as pandas reads them."""
    draw = random.Random(seed)
    rows = [f"{n},{n // 40 + 1},{draw.uniform(0, 5)!r}" for n in range(400)]
    clean = read(HEADER + "\n".join(rows))
    odd = ("oops", "1,2,3,4", '"', "", " , ,", "5,5", "x,1,2", "\x00", "9,9,９x", "7,１e400,1", "'1','2','zwei'")
    for _ in range(draw.randint(1, 12)):
        rows.insert(draw.randrange(len(rows)), draw.choice(odd))
    found = read(HEADER + "\n".join(rows) + draw.choice(("", "\n")))
    assert found.training == clean.training
    assert found.steps == clean.steps


def test_epochs_that_have_only_broken_losses_are_lost() -> None:
    found = read("step_number,epoch_number,training_loss\n0,1,3.0\n1,1,inf\n2,2,nan\n3,2,inf\n4,3,\n")
    assert found.lost_epochs == (2,)
    assert [p.epoch for p in found.training] == [1]


def test_several_validators_are_curves_to_turn_to() -> None:
    files = [("t.csv", b"step_number,epoch_number,training_loss\n0,1,3\n1,2,2\n")]
    for name, loss in (("news", 2.5), ("code", 1.5)):
        body = f"step_number,epoch_number,validation_loss\n1,1,{loss}\n2,2,{loss - 1}\n".encode()
        files.append((f"out/validation_artifacts/{name}/validation_metrics.csv", body))
    found = curves("x", files)
    assert (found.validator, found.validation[0].mean) == ("1 news", 2.5)
    turned = found.turned()
    assert (turned.validator, turned.validation[0].mean) == ("2 code", 1.5)
    assert turned.turned().validation == found.validation


def test_other_metrics_are_shown_by_their_names() -> None:
    found = read("step_number,epoch_number,reward,kl,phase\n0,1,0.1,3,a\n1,1,0.3,5,a\n2,2,0.9,7,b\n")
    assert (found.metric, [p.mean for p in found.training]) == ("reward", [pytest.approx(0.2), 0.9])
    assert found.best is None
    turned = found.turned()
    assert (turned.metric, [p.mean for p in turned.training]) == ("kl", [4.0, 7.0])


def test_both_losses_may_stand_in_one_file() -> None:
    found = read("step,epoch,train_loss,eval_loss\n1,1,3,\n2,1,1,2.5\n3,2,1,\n4,2,1,1.5\n")
    assert ([p.mean for p in found.training], [p.mean for p in found.validation]) == ([2.0, 1.0], [2.5, 1.5])
    assert found.notes == ()


def test_perplexity_is_the_files_own_where_it_has_one() -> None:
    found = read("step_number,epoch_number,validation_loss,perplexity\n3,1,2.0,7.4\n6,2,1.0,2.7\n")
    assert [p.perplexity for p in found.validation] == [7.4, 2.7]
    plain = read("step_number,epoch_number,validation_loss\n3,1,0.0\n").validation[0]
    assert (plain.perplexity, plain.derived_perplexity) == (None, 1.0)


@pytest.mark.parametrize("text", ["question,answer\na,b\n", "step_number\n1\n", "epoch_number,step_number\n1,2\n"])
def test_files_of_something_else_are_refused(text: str) -> None:
    with pytest.raises(AppError, match="No loss"):
        read(text)


def test_large_files_are_read_alike(tmp_path: Path) -> None:
    rows = "".join(f"{n},{n // 100_000 + 1},{(n % 7) / 8}\n" for n in range(400_000))
    found = read(f"step_number,epoch_number,training_loss\n{rows}")
    assert [p.rows for p in found.training] == [100_000] * 4
    assert found.notes == ()


_CELLS = ("1", "0", "2", "1.5", "nan", "inf", "-inf", "", "1e400", "-1", "x", "1" * 400, "1_0", "٣", "=1+1", "9" * 19)
_HEADINGS = (
    "step_number,epoch_number,training_loss",
    "step_number,epoch_number,training_loss,perplexity",
    "step_number,epoch_number,validation_loss",
    "epoch,step,loss",
)


@pytest.mark.parametrize("first", range(0, 200, 50))
def test_cells_that_hold_anything_are_read_or_refused(first: int) -> None:
    for seed in range(first, first + 50):
        dice = random.Random(seed)
        rows = [dice.choice(_HEADINGS)]
        for number in range(dice.choice((0, 1, 5, 40))):
            odd = ",".join(dice.choice(_CELLS) for _ in range(dice.choice((3, 3, 4, 1))))
            rows.append(odd if dice.random() < 0.3 else f"{number},{number // 3},{dice.random()}")
        text = dice.choice(("\n", "\r\n", "\n\n", "\r")).join(rows)
        with suppress(AppError):
            found = read(text)
            points = (*found.training, *found.validation)
            assert all(math.isfinite(p.mean) and p.epoch < 10**7 for p in points), text


@pytest.mark.parametrize("row", ["1,9999999999999999999,1,5", f"1,1,x,{'1' * 400}"])
def test_a_table_of_which_no_row_counts_stays_empty(row: str) -> None:
    heading = "step_number,epoch_number,training_loss,perplexity\n"
    assert read(heading + row).training == ()
    whole = read(f"{heading}1,1,0.5,{'1' * 400}\n2,1,0.7,2\n")
    assert whole.training[0].mean == pytest.approx(0.6)


def test_devices_and_files_of_gigabytes_are_not_read(tmp_path: Path) -> None:
    with pytest.raises(AppError, match="no file"):
        local_runs([Path("/dev/zero")])
    large = tmp_path / "large.csv"
    with large.open("wb") as file:
        file.truncate(3_000_000_000)  # takes no room on disk
    with pytest.raises(AppError, match="too large"):
        local_runs([large])


def test_a_pipe_from_another_program_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "metrics.csv"
    os.mkfifo(pipe)
    text = "step_number,epoch_number,training_loss\n0,1,2.0\n1,2,1.0\n"
    writer = threading.Thread(target=pipe.write_text, args=(text,), daemon=True)
    writer.start()
    assert [p.mean for p in local_runs([pipe])[0].training] == [2.0, 1.0]
