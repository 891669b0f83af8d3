"""Programs to measure against: `python -m tests.benchmarks.apps NAME …`."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def blank() -> None:
    """Textual with four empty tabs."""
    from textual.app import App, ComposeResult
    from textual.widgets import TabbedContent, TabPane

    class Blank(App[None]):
        BINDINGS = [("q", "quit", "Quit")]

        def compose(self) -> ComposeResult:
            with TabbedContent():
                for name in ("Dataset", "Jobs", "Loss", "Chat"):
                    yield TabPane(name)

    Blank().run()


def pairs(path: str) -> None:
    """The list of pairs alone."""
    from textual.app import App, ComposeResult

    from tui.domain.files.pairs import Role
    from tui.services.dataset.datasets import Datasets
    from tui.services.pool import DaemonPool
    from tui.widgets.pair_rows import PAIR_COLUMNS, OpenFile, PairRows
    from tui.widgets.virtual_table import VirtualTable

    file = asyncio.run(Datasets(DaemonPool()).open(Path(path), None))

    class Pairs(App[None]):
        def compose(self) -> ComposeResult:
            yield VirtualTable(PAIR_COLUMNS, id="pairs", empty="")

        def on_mount(self) -> None:
            table = self.query_one(VirtualTable)
            table.focus()
            table.show(PairRows(OpenFile(file, Role.TRAIN, ())))

    Pairs().run()


def stream(url: str, key: str, secret: str, model: str, tokens: str, question: str) -> None:
    """Two answers at once by bare boto3; prints processor seconds, seconds and the number of deltas."""
    import boto3
    from botocore.config import Config

    client = boto3.client(
        "bedrock-runtime",
        endpoint_url=url,
        region_name="us-west-2",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(proxies={}),
    )
    counted: list[int] = []

    def ask() -> None:
        request: dict[str, Any] = {
            "messages": [{"role": "user", "content": [{"text": question}]}],
            "inferenceConfig": {"maxTokens": int(tokens)},
        }
        answer = client.converse_stream(modelId=model, **request)
        counted.append(sum("contentBlockDelta" in event for event in answer["stream"]))

    cpu, began = time.process_time(), time.perf_counter()
    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(time.process_time() - cpu, time.perf_counter() - began, sum(counted))


def means(*paths: str) -> None:
    """Import pandas, read the files and take the means by epoch; prints the seconds."""
    began = time.perf_counter()
    import pandas as pd

    for path in paths:
        frame = pd.read_csv(path)
        frame.groupby(frame.columns[1])[frame.columns[2]].agg(["mean", "min", "max", "size"])
    print(time.perf_counter() - began)


if __name__ == "__main__":
    programs: dict[str, Callable[..., None]] = {"blank": blank, "pairs": pairs, "stream": stream, "means": means}
    programs[sys.argv[1]](*sys.argv[2:])
