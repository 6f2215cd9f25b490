"""How late a stop will be, as a probability and as a state with hysteresis. Pure arithmetic on quantiles."""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Final

import numpy as np
import numpy.typing as npt

from fleet.fix import Float64s, Int64s
from fleet.route import Delay
from geofence.stops.settings import RouteSettings

#: The 90 % quantile of the standard normal distribution.
_Z90: Final = 1.2815515655446004
#: No forecast is surer than this, microseconds.
_LEAST_DEVIATION_US: Final = 1e6
#: The states as numbers, in order of gravity, for columns.
DELAYS: Final = (Delay.ON_TIME, Delay.AT_RISK, Delay.DELAYED)
ON_TIME, AT_RISK, DELAYED = range(3)

Codes = npt.NDArray[np.int8]


def late_probability(p10: int, p50: int, p90: int, deadline: int) -> float:
    """P(arrival > deadline), from three quantiles, as two half normal distributions that meet at the median."""
    half = (p90 - p50) if deadline >= p50 else (p50 - p10)
    deviation = max(half / _Z90, _LEAST_DEVIATION_US)
    return 0.5 * math.erfc((deadline - p50) / deviation / math.sqrt(2.0))


def slack_z(p10: Int64s, p50: Int64s, p90: Int64s, deadline: Int64s) -> Float64s:
    """How many deviations of the forecast lie before the deadline; `late_probability` is the normal tail beyond it."""
    half = np.where(deadline >= p50, p90 - p50, p50 - p10)
    return np.asarray((deadline - p50) / np.maximum(half / _Z90, _LEAST_DEVIATION_US))


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskLimits:
    """The thresholds of probability as deviations: a stop is at or above a threshold when its slack is at or below these."""

    at_risk_z: float
    delayed_z: float
    recovered_z: float

    @classmethod
    def of(cls, settings: RouteSettings) -> RiskLimits:
        quantile = NormalDist().inv_cdf
        return cls(
            at_risk_z=quantile(1.0 - settings.at_risk_probability),
            delayed_z=quantile(1.0 - settings.delayed_probability),
            recovered_z=quantile(1.0 - settings.recovered_probability),
        )

    def next_delays(self, delays: Codes, slack: Float64s) -> Codes:
        """The states after one more forecast. Each gets worse at its own threshold, and better only at a lower one:

        on time -> at risk -> delayed as the probability reaches each threshold; back to on time below the threshold of
        recovery; from delayed to at risk below the threshold of risk.
        """
        is_at_risk = slack <= self.at_risk_z
        stays = np.where(delays == DELAYED, AT_RISK + is_at_risk, np.maximum(delays, is_at_risk))
        worse_or_same = np.where(slack <= self.delayed_z, DELAYED, stays)
        return np.where(slack > self.recovered_z, ON_TIME, worse_or_same).astype(np.int8)
