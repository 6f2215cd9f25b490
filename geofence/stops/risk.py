"""How late a stop will be, as a probability and as a state with hysteresis. Pure arithmetic on quantiles."""

from __future__ import annotations

import math
from typing import Final

from fleet.route import Delay
from geofence.stops.settings import RouteSettings

#: The 90 % quantile of the standard normal distribution.
_Z90: Final = 1.2815515655446004


def late_probability(p10: int, p50: int, p90: int, deadline: int) -> float:
    """P(arrival > deadline), from three quantiles, as two half normal distributions that meet at the median."""
    half = (p90 - p50) if deadline >= p50 else (p50 - p10)
    deviation = max(half / _Z90, 1e6)
    return 0.5 * math.erfc((deadline - p50) / deviation / math.sqrt(2.0))


def next_delay(delay: Delay, probability: float, settings: RouteSettings) -> Delay:
    """The state after one more forecast. It gets worse at its own threshold, and better only at a lower one:

    on time -> at risk -> delayed as the probability reaches each threshold; back to on time below the threshold of
    recovery; from delayed to at risk half-way between.
    """
    if probability >= settings.delayed_probability:
        return Delay.DELAYED
    if probability < settings.recovered_probability:
        return Delay.ON_TIME
    if delay is Delay.DELAYED:
        return Delay.DELAYED if probability >= settings.at_risk_probability else Delay.AT_RISK
    if delay is Delay.AT_RISK or probability >= settings.at_risk_probability:
        return Delay.AT_RISK
    return Delay.ON_TIME
