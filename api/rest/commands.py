"""/v1/trackers/{id}/commands: commands to a tracker, and what it answers.

A command is kept first and sent by the worker's process, so it survives a broker that is away. Its answer comes in with
everything else that the tracker says.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Body, Path, Query, Request, Response
from pydantic import Field

from api.access.authenticate import Operator, Viewer
from api.answers import Asked, Page, PageAsked, decode_number, entity, page
from api.idempotency import new_id, once
from api.models.commands import CommandBody, CommandOut, command_json
from api.rest.crud import READ_PROBLEMS, WRITE_PROBLEMS, ThingId
from api.rest.locate import get_one
from api.services import Services, Shared
from downlink.encode import encode
from fleet.command import Command, CommandStatus, Uplink
from fleet.vehicle import Tracker
from store.protocol import AlreadyExists

router: Final = APIRouter(tags=["trackers"])

#: A request that waits for an answer looks so often whether there is one.
_LOOK_S: Final = 0.25
_OPEN: Final = frozenset({CommandStatus.QUEUED, CommandStatus.SENT})
_NATIVE: Final = "native"

CommandId = Annotated[str, Path(max_length=128, description="Id of the command")]


class CommandsAsked(PageAsked):
    status: CommandStatus | None = None


class CommandAsked(Asked):
    wait_s: Annotated[float, Field(ge=0, le=30)] = Field(
        0, description="Answer when the command is closed, or after so many seconds"
    )


@router.post(
    "/v1/trackers/{id:path}/commands",
    summary="Send a command to a tracker",
    description="It goes to the tracker's command topic in its own format. Takes an `Idempotency-Key` header.",
    status_code=201,
    response_model=CommandOut,
    responses=WRITE_PROBLEMS,
)
async def send_command(
    request: Request,
    services: Shared,
    thing: ThingId,
    asked: Annotated[Asked, Query()],
    body: Annotated[CommandBody, Body()],
    principal: Operator,
) -> Response:
    tracker = await get_one(services.store.trackers, principal.reads(asked.tenant), thing)

    async def make(seed: str | None) -> Response:
        command = await _command_of(services, tracker, body, body.id or new_id("command", seed))
        try:
            await services.store.add_command(command)
        except AlreadyExists:
            if body.id is not None or seed is None:
                raise
            # the id derives from the Idempotency-Key: this is what the first request made before it could answer
            command = await services.store.command(tracker.tenant, tracker.id, command.id)
        location = f"/v1/trackers/{tracker.id}/commands/{command.id}"
        return entity(command_json(command), request.headers, 201, {"location": location})

    return await once(request, services, tracker.tenant, make)


async def _command_of(services: Services, tracker: Tracker, body: CommandBody, id_: str) -> Command:
    """Raises InvalidValue for what the tracker's format cannot say."""
    heard = await services.store.uplink(tracker.tenant, tracker.id)
    if body.format is not None and (heard is None or heard.format != body.format):
        heard = Uplink(tenant=tracker.tenant, tracker=tracker.id, format=body.format, topic="")
    uplink = heard or Uplink(tenant=tracker.tenant, tracker=tracker.id, format=_NATIVE, topic="")
    now = services.now()
    return Command(
        id=id_,
        tenant=tracker.tenant,
        tracker=tracker.id,
        format=uplink.format,
        command=body.command,
        params=body.params,
        downlink=encode(uplink, id_, body.command, body.params),
        created_at=now,
        expires_at=now + timedelta(seconds=body.expires_s),
    )


@router.get(
    "/v1/trackers/{id:path}/commands",
    summary="Commands to a tracker, newest first",
    response_model=Page[CommandOut],
    responses=READ_PROBLEMS,
)
async def list_commands(services: Shared, thing: ThingId, asked: Annotated[CommandsAsked, Query()], principal: Viewer) -> Response:
    tracker = await get_one(services.store.trackers, principal.reads(asked.tenant), thing)
    found = await services.store.commands(
        tracker.tenant, tracker.id, status=asked.status, limit=asked.limit + 1, after=decode_number(asked.cursor)
    )
    return page(found, asked.limit, _numbered_json, lambda numbered: str(numbered[0]))


@router.get(
    "/v1/trackers/{id:path}/commands/{command}",
    summary="One command, with the answer once there is one",
    response_model=CommandOut,
    responses=READ_PROBLEMS,
)
async def get_command(
    request: Request,
    services: Shared,
    thing: ThingId,
    command: CommandId,
    asked: Annotated[CommandAsked, Query()],
    principal: Viewer,
) -> Response:
    tracker = await get_one(services.store.trackers, principal.reads(asked.tenant), thing)
    found = await services.store.command(tracker.tenant, tracker.id, command)
    deadline = asyncio.get_running_loop().time() + asked.wait_s
    while found.status in _OPEN and asyncio.get_running_loop().time() < deadline:
        await asyncio.sleep(_LOOK_S)
        found = await services.store.command(tracker.tenant, tracker.id, command)
    return entity(command_json(found), request.headers)


def _numbered_json(numbered: tuple[int, Command]) -> dict[str, Any]:
    return command_json(numbered[1])
