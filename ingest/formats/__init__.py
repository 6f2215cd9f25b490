"""Wire formats, one a file: pure `bytes -> fixes`, no clock, no I/O; nothing that comes in makes one raise.

`FORMATS` are the ones that the worker knows, in the order in which their topics are asked.
"""

from __future__ import annotations

from typing import Final

from ingest.formats.flespi import Flespi
from ingest.formats.hfp import Hfp
from ingest.formats.native import Native
from ingest.formats.owntracks import OwnTracks
from ingest.formats.teltonika import Teltonika
from ingest.formats.thingsboard import ThingsBoard
from ingest.formats.traccar import TraccarClient
from ingest.formats.ttn import TtnUplink
from ingest.protocol import Format

FORMATS: Final[tuple[Format, ...]] = (
    Native(),
    Hfp(),
    OwnTracks(),
    Teltonika(),
    Flespi(),
    ThingsBoard(),
    TtnUplink(),
    TraccarClient(),
)


def format_named(name: str) -> Format | None:
    """The format of this name, if there is one."""
    return next((one for one in FORMATS if one.name == name), None)
