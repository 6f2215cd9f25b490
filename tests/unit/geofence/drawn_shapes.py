"""Drawn cases of shapes: what is inside of which area. Cells are 50 m, fixes 10 s apart, `stands` in seconds."""

from __future__ import annotations

from typing import Final

from fleet.fence import FenceSettings
from tests.oracle.drawing import Drawing

#: Leaves at once, so that the shape alone decides.
_SHARP: Final = FenceSettings(exit_margin_m=0.0, exit_s=0.0)

SHAPES: Final = (
    Drawing(
        name="a stop in a yard, dated back to its edge",
        text="""
          yard              | drive               | events
          . . . . . . . . . | . . . . . . . . .   | entered yard 0:15
          . . # # # . . . . | 1 2 3 4 5 6 7 8 9   | exited yard 2:45 left
          . . . . . . . . . | . . . . . . . . .   |
        """,
        stands={"4": 120, "9": 60},
    ),
    Drawing(
        name="a circle, entered and left through its rim",
        text="""
          yard              | drive               | events
          . . . . . . . . . | . . . . . . . . .   | entered yard 0:20
          . . . . o . * . . | 1 2 3 4 5 6 7 8 9   | exited yard 2:00 left
          . . . . . . . . . | . . . . . . . . .   |
        """,
        stands={"5": 60, "9": 60},
        rules={"yard": {"settings": _SHARP}},
    ),
    Drawing(
        name="a fix exactly on the rim of a circle is inside",
        text="""
          yard        | drive       | events
          . . . . . . | . . . . . . | entered yard 0:10
          . o . * . . | . . . 2 1 3 | exited yard 1:10 left
          . . . . . . | . . . . . . |
        """,
        stands={"2": 60},
        rules={"yard": {"settings": _SHARP}},
    ),
    Drawing(
        name="a fix exactly on an edge or a corner of a polygon is inside",
        text="""
          yard        | drive       | events
          A . . B . . | 5 1 . . . . | entered yard 0:00
          . . . . . . | . . . 2 . . | exited yard 2:05 left
          D . . C . . | 4 . . 3 . . |
          . . . . . . | . . . . . . |
          . . . . . . | . . . . . 6 |
        """,
        stands={"1": 20, "2": 20, "3": 20, "4": 20},
        rules={"yard": {"settings": _SHARP}},
    ),
    Drawing(
        name="a stand in the hole is outside, one on the ring around it inside",
        text="""
          yard          | drive         | events
          # # # # # . . | . . . . . . . | entered yard 1:55
          # . . . # . . | . . . . . . . | exited yard 3:35 left
          # . . . # . . | . . 1 2 3 4 . |
          # . . . # . . | . . . . . . . |
          # # # # # . . | . . . . . . . |
        """,
        stands={"1": 100, "3": 90, "4": 20},
        rules={"yard": {"settings": _SHARP}},
    ),
    Drawing(
        name="a pass over a ring with a hole is one pass",
        text="""
          yard            | drive           | events
          . # # # # # . . | . . . . . . . . | crossed yard 0:05 - 0:55
          . # . . . # . . | 1 2 3 4 5 6 7 8 |
          . # # # # # . . | . . . . . . . . |
        """,
    ),
    Drawing(
        name="from one part to the other is one visit",
        text="""
          yard              | drive             | events
          . # # . . # # . . | 1 2 3 4 5 6 7 8 9 | entered yard 0:05
          . . . . . . . . . | . . . . . . . . . | exited yard 3:05 left
        """,
        stands={"2": 60, "6": 60, "9": 60},
    ),
    Drawing(
        name="parts that touch in a corner are parts of one fence",
        text="""
          yard        | drive       | events
          . # # . . . | 1 2 . . . . | entered yard 0:05
          . . . # . . | . . 3 4 . . | exited yard 1:45 left
          . . . . . . | . . . . 5 6 |
        """,
        stands={"2": 20, "4": 50, "6": 20},
        rules={"yard": {"settings": FenceSettings(exit_margin_m=30.0, exit_s=20.0)}},
    ),
    Drawing(
        name="a corridor follows its line around the corner",
        text="""
          lane            | drive           | events
          . . . . . . . . | 1 . . . . . . . | entered lane 0:05
          a . . . b . . . | 2 3 4 5 6 . . . | exited lane 1:55 left
          . . . . . . . . | . . . . 7 . . . |
          . . . . c . . . | . . . . 8 . . . |
          . . . . . . . . | . . . . 9 a b . |
        """,
        stands={"3": 20, "8": 20, "b": 60},
        rules={"lane": {"settings": FenceSettings(exit_margin_m=20.0)}},
    ),
    Drawing(
        name="a corridor that is crossed is passed",
        text="""
          lane          | drive         | events
          . . . . . . . | . . . 1 . . . | crossed lane 0:15 - 0:25
          . . . . . . . | . . . 2 . . . |
          a . . . . . b | . . . 3 . . . |
          . . . . . . . | . . . 4 . . . |
          . . . . . . . | . . . 5 . . . |
        """,
        rules={"lane": {"settings": _SHARP}},
    ),
    Drawing(
        name="overlapping and nested fences are visited each for itself",
        text="""
          city              | yard              | dock              | drive             | events
          # # # # # # # # # | . . . . . . . . . | . . . . . . . . . | . . . . . . . . . | entered city 0:00
          # # # # # # # # # | . . # # # # . . . | . . . . . . . . . | . . . . . . . . . | entered yard 0:15
          # # # # # # # # # | . . # # # # . . . | . . . . # # # . . | 1 2 3 4 5 6 7 8 9 | entered dock 1:35
          # # # # # # # # # | . . . . . . . . . | . . . . . . . . . | . . . . . . . . . | exited yard 3:55 left
          # # # # # # # # # | . . . . . . . . . | . . . . . . . . . | . . . . . . . . . | exited dock 4:05 left
        """,
        stands={"4": 60, "5": 120, "9": 60},
    ),
    Drawing(
        name="a bridge above and a yard below, told apart by altitude",
        text="""
          bridge        | yard          | drive         | events
          . # # # . . . | . # # # . . . | 1 2 3 4 5 6 7 | entered yard 0:05
          . . . . . . . | . . . . . . . | . . . . . . . | entered bridge 1:00
                        |               |               | exited yard 0:50 left
                        |               |               | exited bridge 2:15 left
        """,
        rules={
            "bridge": {"min_altitude_m": 420.0, "settings": FenceSettings(exit_s=30.0)},
            "yard": {"max_altitude_m": 415.0, "settings": FenceSettings(exit_s=30.0)},
        },
        fixes={
            **{sign: {"altitude_m": 410.0} for sign in "12"},
            **{sign: {"altitude_m": 430.0} for sign in "345"},
        },
        stands={"2": 40, "3": 60, "7": 60},
    ),
    Drawing(
        name="a fix that says no altitude is at every altitude",
        text="""
          bridge        | drive         | events
          . # # # . . . | 1 2 3 4 5 6 7 | entered bridge 0:05
          . . . . . . . | . . . . . . . | exited bridge 0:55 left
        """,
        rules={"bridge": {"min_altitude_m": 420.0}},
        stands={"2": 20, "7": 60},
    ),
)
