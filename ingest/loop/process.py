"""What a process that is the worker's alone asks of Python and of the C library, once everything is loaded.

* Python's cyclic garbage collector looks at every container there is: at the start that is the plan, the registry and the
  vehicles, which stay for good, and 50 ms in which nothing is acknowledged. What was loaded is taken out of its sight, and it
  looks less often at the rest, which is freed by counting references.
* Commits run in a thread of their own (`store.postgres.off_loop`), which needs the interpreter for a moment at each of their
  steps, while the server waits. It gets it from the event loop's thread within half a millisecond, in place of Python's five.
* glibc gives memory back to the system when a batch's columns are freed, and asks for it again, page by page, for the next
  batch: encoding 13,000 fixes took 230 ns each that way, and 50 without. It is told to keep some.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from typing import Final

#: Containers more than at the last look before the youngest are looked at (Python's own default is 700: several times a batch).
_YOUNG: Final = 50_000
_SWITCH_INTERVAL_S: Final = 0.0005
#: Of glibc's malloc.h.
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
#: Free memory at the end of the heap beyond which it is given back; and blocks beyond which each is a mapping of its own.
_KEPT_BYTES: Final = 64 << 20
_LARGE_BYTES: Final = 32 << 20


def settle() -> None:
    """Everything that is loaded now stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
    sys.setswitchinterval(_SWITCH_INTERVAL_S)
    _keep_memory()


def _keep_memory() -> None:
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # musl has none, and gives back less
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_M_TRIM_THRESHOLD, _KEPT_BYTES)
