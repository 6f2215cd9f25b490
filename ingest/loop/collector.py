"""Python's cyclic garbage collector in a process that is the worker's alone.

A full collection looks at every container there is: at the start that is the plan, the registry and the vehicles, which stay for
good, and 50 ms in which nothing is acknowledged. What was loaded is therefore taken out of its sight, and it looks less often
at the rest, which is freed by counting references.
"""

from __future__ import annotations

import gc
from typing import Final

#: Containers more than at the last look before the youngest are looked at (Python's own default is 700: several times a batch).
_YOUNG: Final = 50_000


def settle() -> None:
    """Everything that is loaded now stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, *gc.get_threshold()[1:])
