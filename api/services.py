"""What the handlers of one app share: made by `create_app`, kept in `app.state.services`, never global."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from api.access.session import Sessions
from api.access.throttle import Throttle
from api.live.bus import LiveBus
from api.live.hub import Hub
from api.settings import ApiSettings
from api.tasks import Tasks
from store.protocol import Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    store: Store
    bus: LiveBus
    hub: Hub
    settings: ApiSettings
    sessions: Sessions
    logins: Throttle
    tasks: Tasks
    #: The wall clock, handed in so that tests can set it.
    now: Callable[[], datetime]


def services_of(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


Shared = Annotated[Services, Depends(services_of)]
