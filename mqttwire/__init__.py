"""The MQTT wire: one fast client for both MQTT versions, which ingest, the API and the simulated trackers share.

`Publisher` and `Subscriber` are for use; a source with sessions and acknowledgements of its own is built from `Connection`, `Link`
and `Inbox`.
"""

from mqttwire.backoff import BackoffLimits
from mqttwire.errors import MqttError
from mqttwire.options import MqttOptions, MqttVersion, Will
from mqttwire.publisher import Publisher
from mqttwire.subscriber import Received, Subscriber, WhenFull

__all__ = [
    "BackoffLimits",
    "MqttError",
    "MqttOptions",
    "MqttVersion",
    "Publisher",
    "Received",
    "Subscriber",
    "WhenFull",
    "Will",
]
