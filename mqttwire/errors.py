"""What can go wrong between us and a broker. Texts are fit for a log and for the person at the keyboard: no credentials in them."""

from __future__ import annotations

from collections.abc import Mapping

from fleet.errors import OutriderError


class MqttError(OutriderError):
    """Anything that went wrong with a broker."""


class InvalidMqttOption(MqttError):
    """A setting of the connection makes no sense; nothing was tried."""

    def __init__(self, option: str, problem: str) -> None:
        super().__init__(f"{option}: {problem}")
        self.option = option
        self.problem = problem


class BrokerUnreachable(MqttError):
    """No connection came about: name not found, refused, TLS failed, no answer in time."""

    def __init__(self, address: str, problem: str) -> None:
        super().__init__(f"cannot reach the broker {address}: {problem}")
        self.address = address
        self.problem = problem


class Unanswered(BrokerUnreachable):
    """Somebody took the connection, but did not answer CONNECT: no broker, an overloaded one, or one of another MQTT version."""


class ConnectRefused(MqttError):
    """The broker answered CONNECT with a refusal."""

    def __init__(self, address: str, code: int, reason: str) -> None:
        super().__init__(f"the broker {address} refused the connection: {reason}")
        self.address = address
        self.code = code
        self.reason = reason


class ProtocolVersionRefused(ConnectRefused):
    """The broker does not speak this version of MQTT."""


class ConnectionLost(MqttError):
    """The connection is gone; `reason` says who ended it and why."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"the connection to the broker was lost: {reason}")
        self.reason = reason


class SessionTakenOver(ConnectionLost):
    """Another client connected with our client id, so the broker dropped us."""

    def __init__(self) -> None:
        super().__init__("another client connected with the same client id and took the session over")


class MalformedStream(ConnectionLost):
    """What the broker sent is not MQTT, so that the start of the next packet is unknown."""

    def __init__(self, problem: str) -> None:
        super().__init__(f"what the broker sent is not MQTT: {problem}")
        self.problem = problem


class SubscribeRefused(MqttError):
    """The broker granted none of the subscriptions asked for."""

    def __init__(self, refused: Mapping[str, str]) -> None:
        listed = ", ".join(f"{pattern}: {reason}" for pattern, reason in refused.items())
        super().__init__(f"the broker refused to subscribe us ({listed})")
        self.refused = dict(refused)


class PublishRefused(MqttError):
    """The broker did not take a message, or it can never take it."""

    def __init__(self, topic: str, reason: str) -> None:
        super().__init__(f"a message for {topic} was not taken: {reason}")
        self.topic = topic
        self.reason = reason


class DeliveryUnknown(MqttError):
    """The connection broke before the broker had answered: it has the message, or it has not."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"the connection broke before the broker had answered to a message for {topic}: it may have it")
        self.topic = topic


class Closed(MqttError):
    """The client was closed while somebody waited for it."""

    def __init__(self) -> None:
        super().__init__("the MQTT client was closed")
