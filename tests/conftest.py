"""What holds for every test."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

from tests import quiet

quiet.install()
# No deadline, and nothing slow by the clock: another program may have the processor.
settings.register_profile("tanzaku", deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("tanzaku")
