"""The limits of the engine of stops, with the reason for each default. A plan's own values win over them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RouteSettings:
    # which fixes count
    #: Worse fixes neither prove nor disprove anything at a circle of 100 m.
    max_accuracy_m: float = 50.0
    #: Between fixes further apart in time nothing is interpolated: too much can have happened.
    max_segment_s: float = 240.0
    #: No road vehicle is faster; two fixes that say so are no segment, and two stops no progress.
    max_speed_mps: float = 45.0

    # when a stand is an arrival (a stop whose plan names no dwell)
    confirm_fixes: int = 2
    stand_speed_mps: float = 2.0
    #: Fixes of a standing vehicle scatter; a move within this distance is none.
    stand_radius_m: float = 30.0
    #: So fast a vehicle does not stand, whatever its noise.
    fast_mps: float = 3.0
    #: A standing vehicle's fix this far away is multipath, unless that goes on for so long.
    astray_m: float = 60.0
    astray_s: float = 100.0
    #: Where a vehicle stood for so long, it had something to do.
    long_stand_s: float = 20.0
    #: So long a stand in the inner half of the circle is an arrival ...
    stand_near_s: float = 30.0
    #: ... and so long a one in the outer half, where a red light is the likelier reason.
    stand_far_s: float = 90.0
    #: What a stand was for is said once it is so certain; a stop is not given up while it is likelier than this that it was served.
    certain: float = 0.97
    unlikely: float = 0.05
    #: A stand of `stand_far_s` at the stop that is next is an arrival when it is so likely; else what follows decides.
    certain_when_due: float = 0.8
    #: A service known to be short is not awaited longer than this part of it.
    stand_service_share: float = 0.5
    #: Inside for so long at any speed is an arrival.
    linger_s: float = 180.0

    # passing through (min_dwell_s 0)
    #: Standing inside for so long, the arrival is said without waiting for the way out.
    pass_stand_s: float = 60.0
    #: A later approach that is nearer by so much moves the instant that was said.
    revise_nearer_m: float = 10.0
    revise_s: float = 15.0

    # where the pin is wrong
    #: A stand so near the pin of the next stop, but outside its circle ...
    suggest_m: float = 250.0
    #: ... and so long, is offered as the place of a stop that was not reached: longer than a red light, as long as a short service.
    suggest_s: float = 120.0

    # leaving
    outer_ratio: float = 1.5
    leave_s: float = 60.0

    # when a route is under way
    #: A route may begin so long before its `starts_at` ...
    lead_s: float = 900.0
    #: ... and, at its first stop, once the one before is done, so long.
    lead_at_first_stop_s: float = 1800.0
    #: So many stops served by a later route, none by this one meanwhile, and the later one has taken over.
    takeover_stops: int = 3
    #: Of two routes that lead the same way, the one that fits its plan worse by this is not under way. Punctual is commonly what
    #: comes one minute early to five minutes late (Transit Capacity and Quality of Service Manual, 3rd edition, chapter 5): two
    #: routes further apart than this window is wide cannot both be on time.
    rival_s: float = 360.0
    #: A route that shows no progress for so long after its planned end is over.
    overdue_s: float = 7200.0
    #: Stops that were put off are awaited for so long after the last one.
    put_off_s: float = 1800.0

    # what fits the order of the stops
    #: A pass that leaves out more stops than this is believed only with others that follow.
    jump_stops: int = 3
    jump_m: float = 1000.0
    #: Nothing can follow the last stop: a pass there is believed, however long the way, where the vehicle had at least this share
    #: of the planned time for it.
    last_leg_share: float = 0.5
    #: So many passes in planned order are believed without what should have come before them ...
    chain_stops: int = 3
    #: ... no two of them further apart in the plan than this.
    chain_gap_stops: int = 4
    chain_s: float = 1800.0
    #: A vehicle back at its first stop with fewer stops behind it begins anew.
    anew_stops: int = 4
    #: A pass at a stop before the furthest one still counts, where it happened so shortly around it.
    backward_s: float = 120.0
    backward_m: float = 300.0

    # approaching
    approach_m: float = 500.0
    approach_s: float = 300.0

    # forecasts
    #: All stops ahead; with fixes or without.
    renew_s: float = 50.0
    #: The stops within `near_s`, when there is a new fix.
    renew_near_s: float = 25.0
    near_s: float = 900.0
    #: `stop.eta_changed`: the median moved against the one last told by so much, and by this share of the time left.
    changed_s: float = 300.0
    changed_share: float = 0.25

    # lateness: against the window's end, else the planned arrival plus grace
    grace_s: float = 600.0
    at_risk_probability: float = 0.5
    delayed_probability: float = 0.9
    #: Back to on time only below this (hysteresis).
    recovered_probability: float = 0.25
