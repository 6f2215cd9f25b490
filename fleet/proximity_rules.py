"""When two vehicles of one tenant count as being together: an installation's rules, and those that a tenant has of its own."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Final

#: Nearer than what positions are worth, and further than two drivers can have to do with each other.
LEAST_NEAR_M: Final = 15.0
MOST_NEAR_M: Final = 500.0
#: Two instants at which places are compared; and a day.
LEAST_NEAR_S: Final = 30.0
MOST_NEAR_S: Final = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProximityRules:
    """None: as the installation has it; of the installation itself: not watched, after a minute, everywhere."""

    #: Two vehicles are together that are no further apart than this. 0: nobody is watched.
    near_m: float | None = None
    #: For so long at least.
    near_s: float | None = None
    #: What happens inside of fences with this tag (depots) does not count. Empty: everything counts.
    except_tag: str | None = None

    def under(self, own: ProximityRules) -> ProximityRules:
        """These rules with what `own` says in their place."""
        return replace(self, **own.said())

    def said(self) -> dict[str, Any]:
        """What is not left to the level above, by field."""
        return {one.name: value for one in fields(self) if (value := getattr(self, one.name)) is not None}


#: Leaves everything to the level above.
NO_PROXIMITY_RULES: Final = ProximityRules()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProximityScope:
    """The rules that a tenant has of its own."""

    tenant: str
    rules: ProximityRules
