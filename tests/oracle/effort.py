"""How hard properties are tried: a fixed, short run by default, a long one with new examples each time where it is asked for.

`OUTRIDER_TEST_EFFORT=20` tries twenty times as many examples, at random.
"""

from __future__ import annotations

import os
from typing import Final

from hypothesis import HealthCheck, settings

EFFORT: Final = int(os.environ.get("OUTRIDER_TEST_EFFORT", "1"))


def effort(examples: int, *, steps: int = 50) -> settings:
    """Settings for so many examples (of so many steps each, where it is a state machine), times the effort that is asked for."""
    return settings(
        max_examples=examples * EFFORT,
        stateful_step_count=steps,
        deadline=None,
        derandomize=EFFORT == 1,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )
