"""Drawn cases of visits: when a stay is believed, when it ends, and what gaps, silence, jumps and calendars make of it."""

from __future__ import annotations

import string
from datetime import UTC, datetime, time
from typing import Final

from fleet.fence import FenceSettings
from tests.oracle.calendars import Weekly
from tests.oracle.drawing import Drawing

_WEEKDAYS: Final = Weekly().text()
#: A Monday and a Saturday in winter: 8:00 in Zurich is 7:00 UTC. The Monday after clocks have changed: it is 6:00 UTC.
_MONDAY: Final = datetime(2026, 3, 2, tzinfo=UTC)
_SATURDAY: Final = datetime(2026, 3, 7, tzinfo=UTC)
_SUMMER_MONDAY: Final = datetime(2026, 3, 30, tzinfo=UTC)

_SIGNS: Final = string.digits[1:] + string.ascii_lowercase

VISITS: Final = (
    Drawing(
        name="a fast pass between two fixes is a pass with instants between them",
        text="""
          gate        | drive       | events
          . . . . . . | . . . . . . | crossed gate 0:01.7 - 0:05
          . . # . . . | . 1 . . 2 . |
          . . . . . . | . . . . . . |
        """,
        gaps={"2": 10},
        rules={"gate": {}},
    ),
    Drawing(
        name="a pass with a fix inside is a pass",
        text="""
          gate        | drive       | events
          . . # . . . | . 1 2 3 4 5 | crossed gate 0:05 - 0:15
        """,
    ),
    Drawing(
        name="slower than a standstill between two fixes outside is no pass",
        text="""
          gate        | drive       | events
          . . # . . . | . 1 . 2 . . |
        """,
        gaps={"2": 60},
    ),
    Drawing(
        name="two fixes that may be off by more than the way between them prove no pass",
        text="""
          gate        | drive       | events
          . . # . . . | . 1 . 2 . . |
        """,
        fixes={"1": {"accuracy_m": 50.0}, "2": {"accuracy_m": 50.5}},
    ),
    Drawing(
        name="nothing is interpolated over a long gap",
        text="""
          gate              | drive             | events
          . . . # . . . . . | 1 . . . . . 2 . . |
        """,
        gaps={"2": 121},
        rules={"gate": {"settings": FenceSettings(confirm_speed_mps=1.0)}},
    ),
    Drawing(
        name="over a gap that is not too long it is",
        text="""
          gate              | drive             | events
          . . . # . . . . . | 1 . . . . . 2 . . | crossed gate 0:50 - 1:10
        """,
        gaps={"2": 120},
        rules={"gate": {"settings": FenceSettings(confirm_speed_mps=1.0)}},
    ),
    Drawing(
        name="entry and exit over long gaps are the fixes that prove them, the end uncertain",
        text="""
          yard          | drive         | events
          . . # # . . . | 1 . 2 . . . 3 | entered yard 5:00
          . . . . . . . | . . . . . . . | exited yard 5:30 left uncertain
        """,
        gaps={"2": 300, "3": 300},
        stands={"2": 30, "3": 60},
    ),
    Drawing(
        name="confirmed by time at any speed",
        text="""
          yard                  | drive                 | events
          . # # # # # # # # . . | 1 2 3 4 5 6 7 8 9 a b | entered yard 0:05
          . . . . . . . . . . . | . . . . . . . . . . . | exited yard 1:25 left
        """,
        stands={"b": 60},
    ),
    Drawing(
        name="shorter than the time and never slow is a pass",
        text="""
          yard                | drive               | events
          . # # # # # # . . . | 1 2 3 4 5 6 7 8 9 a | crossed yard 0:05 - 1:05
        """,
        stands={"a": 60},
    ),
    Drawing(
        name="confirmed by the speed that the tracker says",
        text="""
          yard          | drive         | events
          . # # # . . . | 1 2 3 4 5 6 7 | entered yard 0:05
          . . . . . . . | . . . . . . . | exited yard 0:35 left
        """,
        fixes={"3": {"speed_mps": 1.9}},
        stands={"7": 60},
    ),
    Drawing(
        name="the speed that the tracker says is believed, also where its places stand still",
        text="""
          yard          | drive         | events
          . # # # . . . | 1 2 3 4 5 6 7 | crossed yard 0:05 - 0:45
        """,
        fixes={sign: {"speed_mps": 5.0} for sign in "1234567"},
        stands={"3": 10, "7": 60},
    ),
    Drawing(
        name="one slow fix is not enough where two are asked for, nor two where four are",
        text="""
          yard          | strict        | drive         | events
          . . # . . . . | . # # # # . . | 1 2 3 4 5 . . | crossed yard 0:15 - 0:25
          . . . . . . . | . . . . . . . | . . . . . 6 7 | crossed strict 0:05 - 0:45
        """,
        fixes={"3": {"speed_mps": 0.0}},
        rules={"strict": {"settings": FenceSettings(confirm_fixes=4)}},
        stands={"7": 60},
    ),
    Drawing(
        name="fixes that claim to be bad neither begin nor end a stay",
        text="""
          yard            | drive           | events
          . . # # . . . . | 1 . 3 4 . . . . | entered yard 0:20
          . . . . . . . . | . 2 . . . . . . | exited yard 1:06.7 left
          . . . . . . . . | . . . . . 5 . . |
          . . . . . . . . | . . . 6 7 8 . . |
        """,
        fixes={"2": {"accuracy_m": 51.0}, "5": {"accuracy_m": 200.0}},
        stands={"4": 20, "5": 80},
        rules={"yard": {"settings": FenceSettings(exit_margin_m=0.0, exit_s=0.0)}},
    ),
    Drawing(
        name="between the edge and the outer edge nothing ends",
        text="""
          yard          | drive         | events
          . # # . . . . | 1 2 3 4 . . . | entered yard 0:05
          . . . . . . . | . . . . 5 . . | exited yard 0:35 left
        """,
        stands={"2": 10, "4": 1200, "5": 70},
    ),
    Drawing(
        name="back from beyond the outer edge before its time is one visit",
        text="""
          yard            | drive           | events
          . # # . . . . . | 1 2 3 4 5 6 . . | entered yard 0:05
          . . # . . . . . | . . 8 7 . . . . | exited yard 2:52.5 left
          . . # . . . . . | . . 9 . a b c d |
        """,
        stands={"2": 10, "6": 20, "9": 60, "d": 60},
    ),
    Drawing(
        name="half an hour on the edge with a fix a minute is one visit, until it leaves",
        text="""
          yard              | drive             | events
          . # # # . . . . . | . . . 2 3 4 1 . . | entered yard 0:50
          . # # # . . . . . | . . 7 6 5 . 8 . . | exited yard 28:15 left
          . # # # . . . . . | . . . a 9 b c . . |
          . # # # . . . . . | . . d e f . . g . |
          . # # # . . . . . | . . . i h . j . . |
          . # # # . . . . . | . . k l m n . . . |
          . # # # . . . . . | . . . q p o . r . |
          . # # # . . . . . | . . . t s u v . . |
          . # # # . . . . . | . . . . . . w x y |
        """,
        gaps=dict.fromkeys(_SIGNS[1:], 60.0),
        fixes={sign: {"accuracy_m": 45.0} for sign in _SIGNS},
    ),
    Drawing(
        name="a receiver that does not say what it may be off by is off by something all the same",
        text="""
          yard              | drive             | events
          . # # . . . . . . | 1 2 3 . 4 . . . . | entered yard 0:05
          . # # . . . . . . | . . 5 . . 6 . . . | exited yard 3:43.3 left
        """,
        stands={"2": 60, "4": 120, "6": 60},
        fixes={"4": {"accuracy_m": None}, "6": {"accuracy_m": None}},
        gaps={"6": 20},
    ),
    Drawing(
        name="far away ends it at once",
        text="""
          yard                                | drive                                 | events
          . # # . . . . . . . . . . . . . . . | 1 2 . 3 . . . . . . . . . . 4 . . . . | entered yard 0:05
        . . . . . . . . . . . . . . . . . . . | . . . . . . . . . . . . . . . . . . . | exited yard 0:45 left
        """,
        stands={"2": 20},
        gaps={"3": 20, "4": 20},
    ),
    Drawing(
        name="dwells are said once a visit",
        text="""
          yard            | drive           | events
          . # # . . . . . | 1 2 3 4 5 6 . . | entered yard 0:05
          . . . . . . . . | . . . . . . . . | dwelled yard 5:05
          . . . . . . . . | . . . . . . . . | exited yard 20:25 left
        """,
        stands={"3": 1200, "6": 60},
        rules={"yard": {"dwell_s": 300.0}},
    ),
    Drawing(
        name="a dwell that is not reached is not said",
        text="""
          yard            | drive           | events
          . # # . . . . . | 1 2 3 4 5 6 . . | entered yard 0:05
          . . . . . . . . | . . . . . . . . | exited yard 5:05 left
        """,
        stands={"3": 280, "6": 60},
        rules={"yard": {"dwell_s": 300.1}},
    ),
    Drawing(
        name="the settings of a fence are over those of its tenant",
        text="""
          own           | tenants       | drive         | events
          . # # . . . . | . # # . . . . | 1 2 3 4 5 6 . | entered tenants 0:05
          . . . . . . . | . . . . . . . | . . . . . . . | exited tenants 0:25 left
          . . . . . . . | . . . . . . . | . . . . . . . | crossed own 0:05 - 0:25
        """,
        tenant=FenceSettings(confirm_s=10.0, exit_s=10.0),
        rules={"own": {"settings": FenceSettings(confirm_s=30.0)}},
    ),
    Drawing(
        name="a silent tracker does not stay for ever",
        text="""
          yard          | drive         | events
          . # # . . . . | 1 2 . . . . . | entered yard 0:05
          . . . . . . . | . . . . . . . | exited yard 0:30 silence uncertain
        """,
        stands={"2": 20},
        silent_s=7200.0,
    ),
    Drawing(
        name="silent for less than that is no end",
        text="""
          yard          | drive         | events
          . # # . . . . | 1 2 . . . . . | entered yard 0:05
        """,
        stands={"2": 20},
        silent_s=1200.0,
    ),
    Drawing(
        name="a silence after which it is inside again is no end",
        text="""
          yard          | drive         | events
          . # # . . . . | 1 2 3 4 5 6 . | entered yard 0:05
          . . . . . . . | . . . . . . . | exited yard 60:35 left
        """,
        stands={"2": 20, "3": 0, "6": 60},
        gaps={"3": 3600},
    ),
    Drawing(
        name="a silence after which it is elsewhere is an uncertain end",
        text="""
          yard            | drive           | events
          . # # . . . . . | 1 2 . . . . . 3 | entered yard 0:05
          . . . . . . . . | . . . . . . . . | exited yard 0:30 silence uncertain
        """,
        stands={"2": 20, "3": 60},
        gaps={"3": 3600},
    ),
    Drawing(
        name="a candidate does not outlive a silence",
        text="""
          yard            | drive           | events
          . # # . . . . . | 1 2 . 3 . . . . |
        """,
        gaps={"3": 1800},
    ),
    Drawing(
        name="a jump into a fence and back makes no visit and no pass",
        text="""
          far                           | drive                         | events
          . . . . . . . . . . . . . # # | 1 2 3 4 . . . . . . . . . . 5 |
          . . . . . . . . . . . . . . . | . . . . 6 7 8 9 . . . . . . . |
        """,
        gaps={"5": 4, "6": 4},
        rules={"far": {}},
    ),
    Drawing(
        name="a jump that stays is believed after three fixes and the time",
        text="""
          far                           | drive                         | events
          . . . . . . . . . . . . . # # | 1 2 3 4 . . . . . . . . . . 5 | entered far 0:34
          . . . . . . . . . . . . . . . | . . . . . . . . . . . . . . . | exited far 1:49 left
          . . . . . . . . . . . . . . . | . . . . . . . . . . . . 7 6 . |
          . . . . . . . . . . . . . . . | . . . . . . . . . . . 8 . . . |
        """,
        gaps={"5": 4, "6": 20},
        stands={"5": 70, "8": 60},
        rules={"far": {"settings": FenceSettings(exit_margin_m=20.0)}},
    ),
    Drawing(
        name="a jump out of a fence and back does not end a visit",
        text="""
          yard                              | drive                             | events
          . # # . . . . . . . . . . . . . . | 1 2 3 . . . . . . . . . . . . . 4 | entered yard 0:05
          . # # . . . . . . . . . . . . . . | . . 5 . . . . . . . . . . . . . . | exited yard 1:55 left
          . . . . . . . . . . . . . . . . . | . . 6 . . . . . . . . . . . . . . |
          . . . . . . . . . . . . . . . . . | . . 7 8 . . . . . . . . . . . . . |
        """,
        gaps={"4": 5, "5": 5},
        stands={"3": 30, "5": 50, "8": 60},
    ),
    Drawing(
        name="it is open from eight on weekdays",
        text="""
          yard          | drive         | events
          . # # . . . . | 1 2 3 4 5 6 . | entered yard 5:00
          . . . . . . . | . . . . . . . | exited yard 10:25 left
        """,
        stands={"2": 600, "6": 60},
        rules={"yard": {"calendar": _WEEKDAYS}},
        begin=_MONDAY.replace(hour=6, minute=55),
    ),
    Drawing(
        name="and in local time when clocks have changed",
        text="""
          yard          | drive         | events
          . # # . . . . | 1 2 3 4 5 6 . | entered yard 5:00
          . . . . . . . | . . . . . . . | exited yard 10:25 left
        """,
        stands={"2": 600, "6": 60},
        rules={"yard": {"calendar": _WEEKDAYS}},
        begin=_SUMMER_MONDAY.replace(hour=5, minute=55),
    ),
    Drawing(
        name="it ends its visits when it closes at six",
        text="""
          yard          | drive         | events
          . # # . . . . | 1 2 3 4 5 6 . | entered yard 0:05
          . . . . . . . | . . . . . . . | exited yard 5:00 calendar
        """,
        stands={"2": 600, "6": 60},
        rules={"yard": {"calendar": _WEEKDAYS}},
        begin=_MONDAY.replace(hour=16, minute=55),
    ),
    Drawing(
        name="it is closed on saturdays",
        text="""
          yard          | drive         | events
          . # # . . . . | 1 2 3 4 5 6 . |
        """,
        stands={"2": 600, "6": 60},
        rules={"yard": {"calendar": _WEEKDAYS}},
        begin=_SATURDAY.replace(hour=10),
    ),
    Drawing(
        name="a fence that is open for a minute sees a pass in it alone",
        text="""
          gate          | drive         | events
          . # . # . # . | 1 . 2 . 3 . 4 | crossed gate 1:07.5 - 1:22.5
        """,
        gaps=dict.fromkeys("234", 30.0),
        rules={
            "gate": {"calendar": Weekly(opens=time(8, 0), closes=time(8, 1)).text(), "settings": FenceSettings(exit_margin_m=0)}
        },
        begin=_MONDAY.replace(hour=6, minute=59, second=0),
    ),
)
