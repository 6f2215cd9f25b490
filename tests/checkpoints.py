"""A checkpoint in one piece, for tests: the worker takes its parts one by one."""

from dataclasses import replace

from store.protocol import Checkpoint, IngestStore


async def whole_checkpoint(store: IngestStore) -> Checkpoint | None:
    """None where there is none."""
    whole: Checkpoint | None = None
    async for part in store.checkpoint():
        if whole is None:
            whole = part
        else:
            assert part.batch == whole.batch
            assert part.vehicles.keys().isdisjoint(whole.vehicles)
            whole = replace(whole, vehicles={**whole.vehicles, **part.vehicles}, ahead={**whole.ahead, **part.ahead})
    return whole
