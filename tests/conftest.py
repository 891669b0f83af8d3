"""What holds for every test."""

from __future__ import annotations

from tests import quiet

quiet.install()
