"""Settings of the property tests: no deadline, since another program may have the processor."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("tanzaku", deadline=None, max_examples=60)
settings.load_profile("tanzaku")
