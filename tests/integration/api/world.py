"""One tenant's whole world, written into a store: something of every kind that a route of the API can show."""

from __future__ import annotations

import base64

from fleet.command import Answers, Command, Downlink
from fleet.fence import Circle, Fence
from fleet.fence_group import FenceGroup
from fleet.outcome import RouteState
from fleet.place_decision import PlaceDecision, PlaceStep
from fleet.route import Delay, RouteStatus, StopState, StopStatus
from fleet.subscription import Subscription
from fleet.vehicle import Order
from store.protocol import Store
from tests.integration.store.builders import Builder, at, dead_letter, eta, event, fixes, route, visit

#: In every text of this tenant's world, so that a leak is seen wherever it comes out.
MARK = "acme-secret-mark"
VEHICLE, FENCE, ROUTE, STOP, ORDER, HOOK = (f"{MARK}-{kind}" for kind in ("van", "fence", "route", "stop", "order", "hook"))
PLACE = f"{MARK}-place"
GROUP = f"{MARK}-group"
COMMAND = f"{MARK}-command"
#: Evidence of a stand, from which a place is learned.
STOOD = {"stood_at": {"lat": 1.0, "lon": 2.0}, "stood_s": 90.0, "stood_m": 12.0}


async def fill(store: Store) -> None:
    """Everything of tenant acme."""
    builder = Builder(store)
    (key,) = await builder.keys(VEHICLE, tenant="acme")
    await store.fence_groups.create(FenceGroup(id=GROUP, tenant="acme", name=MARK))
    await store.fences.create(Fence(id=FENCE, tenant="acme", name=MARK, shape=Circle(lat=1, lon=2, radius_m=50), groups=(GROUP,)))
    await store.routes.create(route(ROUTE, STOP, vehicle=VEHICLE, tenant="acme"))
    await store.orders.create(Order(id=ORDER, tenant="acme", customer=MARK, stop=STOP))
    accepted = PlaceDecision(tenant="acme", id=PLACE, step=PlaceStep.ACCEPTED, lat=1.0, lon=2.0, by=MARK, at=at(0))
    await store.places.decide(accepted)
    secret = "whsec_" + base64.b64encode(b"s" * 32).decode()
    await store.subscriptions.create(Subscription(id=HOOK, tenant="acme", url=f"https://example.com/{MARK}", secrets=(secret,)))
    downlink = Downlink(topic=f"fleet/acme/{VEHICLE}/command", payload=b"{}", answers=Answers.BY_KEY, answer_key=COMMAND)
    await store.add_command(
        Command(
            id=COMMAND,
            tenant="acme",
            tracker=VEHICLE,
            format="native",
            command="reboot",
            params={},
            downlink=downlink,
            created_at=at(0),
            expires_at=at(600),
        )
    )
    state = StopState(
        tenant="acme",
        vehicle=VEHICLE,
        route=ROUTE,
        stop=STOP,
        status=StopStatus.ARRIVED,
        delay=Delay.AT_RISK,
        arrived_at=at(60),
        changed_at=at(60),
    )
    under_way = RouteState(tenant="acme", vehicle=VEHICLE, route=ROUTE, status=RouteStatus.UNDER_WAY, changed_at=at(0))
    await builder.commit(
        fixes([(key, at(number)) for number in range(5)], extras=[f'{{"note":"{MARK}"}}'.encode()] * 5),
        events=[
            event(1, vehicle=VEHICLE, route=ROUTE, stop=STOP),
            event(2, vehicle=VEHICLE, type_="fence.entered", fence=FENCE),
            event(3, vehicle=VEHICLE, type_="stop.completed", route=ROUTE, stop=STOP, place=PLACE, evidence=STOOD),
        ],
        visits=[visit(10, vehicle=VEHICLE, fence=FENCE)],
        stops=[state],
        routes=[under_way],
        etas=[eta(STOP, 0, 600, route=ROUTE, vehicle=VEHICLE)],
        dead_letters=[dead_letter(MARK.encode(), tenant="acme", tracker=VEHICLE)],
    )
