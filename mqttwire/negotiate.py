"""Which MQTT a broker speaks, found out by asking it."""

from __future__ import annotations

import secrets
from dataclasses import replace

from mqttwire.connection import Connection, Listener
from mqttwire.errors import ConnectRefused, ProtocolVersionRefused, Unanswered
from mqttwire.options import MqttOptions, MqttVersion
from mqttwire.packets import Dialect, SessionWish
from mqttwire.v5 import V5
from mqttwire.v311 import V311

_DIALECTS: dict[MqttVersion, type[V5 | V311]] = {MqttVersion.V5: V5, MqttVersion.V311: V311}


def dialect_of(version: MqttVersion) -> Dialect:
    """The dialect of a version that is decided."""
    return _DIALECTS[version]()


async def negotiate(options: MqttOptions) -> MqttVersion:
    """5 where the broker speaks it, else 3.1.1; what the options name is not questioned.

    It asks under a client id of its own, so that no session is touched. A refusal for any other reason than the version is given in
    the broker's best version, and says which one that is. Raises BrokerUnreachable.
    """
    if options.version is not MqttVersion.AUTO:
        return options.version
    asking = replace(options, client_id=f"outrider-probe-{secrets.token_hex(6)}", will=None)
    try:
        await _greet(asking, V5())
    except ProtocolVersionRefused:
        return MqttVersion.V311
    except Unanswered:
        # A 3.1.1 broker that chokes on an MQTT 5 CONNECT just closes. If it closes on 3.1.1 as well, it is ill, not old.
        await _greet(asking, V311())
        return MqttVersion.V311
    return MqttVersion.V5


async def _greet(options: MqttOptions, dialect: Dialect) -> None:
    try:
        connection = await Connection.open(options, dialect, Listener(), SessionWish())
    except ProtocolVersionRefused:
        raise
    except ConnectRefused:
        return
    await connection.close()
