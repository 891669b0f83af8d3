"""What holds for every test."""

from __future__ import annotations

import gc
import os
import socket
import sys

import pytest
from hypothesis import HealthCheck, settings

# Else every worker and every child process would compile everything anew.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# The processors are taken by the other workers: what numpy divides among threads would wait for all of them.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from tests import quiet  # noqa: E402

quiet.install()
# Apps come and go by the hundred, and the collector would look through all that stays with every screen of them.
gc.set_threshold(20_000, 20, 20)
# No deadline, and nothing slow by the clock: another program may have the processor.
settings.register_profile("tanzaku", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tanzaku")


def pytest_sessionstart(session: pytest.Session) -> None:
    """A worker tells pytest-rerunfailures of each test in two small packets; the second would wait for the kernel to
    acknowledge the first, 40 milliseconds a test."""
    to_master = getattr(getattr(session.config, "failures_db", None), "sock", None)
    if to_master is not None:
        to_master.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
