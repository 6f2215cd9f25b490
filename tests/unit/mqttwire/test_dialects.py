"""Both versions write what the specification's bytes are, and read what brokers answer."""

import mqtt5
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mqttwire.errors import MalformedStream
from mqttwire.options import MqttOptions, Will
from mqttwire.packets import ConnAck, Dialect, Disconnect, Handshake, PingResp, SessionWish, SubAck, remaining_length
from mqttwire.v5 import V5
from mqttwire.v311 import V311

OPTIONS = MqttOptions(host="broker", client_id="me", username="u", password="p", keep_alive_s=60)


def test_connect_of_3_1_1() -> None:
    wish = SessionWish(clean_start=False)
    assert V311().connect(OPTIONS, wish) == b"\x10\x14\x00\x04MQTT\x04\xc0\x00\x3c\x00\x02me\x00\x01u\x00\x01p"
    will = MqttOptions(host="broker", client_id="me", keep_alive_s=60, will=Will(topic="t", payload=b"off"))
    assert V311().connect(will, SessionWish()) == b"\x10\x16\x00\x04MQTT\x04\x2e\x00\x3c\x00\x02me\x00\x01t\x00\x03off"


def test_connect_of_5_says_what_we_wish() -> None:
    options = MqttOptions(host="broker", client_id="me", username="u", password="p", will=Will(topic="t", payload=b"off"))
    raw = V5().connect(options, SessionWish(clean_start=False, expiry_s=3600, receive_max=500))
    packet, _ = mqtt5.read(memoryview(raw))
    assert isinstance(packet, mqtt5.ConnectPacket)
    assert (packet.client_id, packet.username, packet.password) == ("me", "u", b"p")
    assert (packet.clean_start, packet.session_expiry_interval, packet.receive_max) == (False, 3600, 500)
    assert packet.topic_alias_max == 0
    assert packet.will is not None
    assert (packet.will.topic, packet.will.payload, packet.will.retain) == ("t", b"off", True)


def test_subscribe_and_disconnect_of_3_1_1() -> None:
    assert V311().subscribe(5, ["a/b", "c/#"], 1) == b"\x82\x0e\x00\x05\x00\x03a/b\x01\x00\x03c/#\x01"
    assert V311().disconnect() == b"\xe0\x00"


@pytest.mark.parametrize(
    ("dialect", "frame", "packet"),
    [
        (V311(), b"\x20\x02\x01\x00", ConnAck(session_present=True, shared_available=False)),
        (V311(), b"\x20\x02\x00\x04", ConnAck(code=0x86, reason="bad user name or password")),
        (V311(), b"\x20\x02\x00\x09", ConnAck(code=0x80, reason="return code 9")),
        (V311(), b"\x90\x04\x00\x05\x01\x80", SubAck(packet_id=5, codes=[1, 0x80])),
        (V311(), b"\x62\x02\x00\x05", Handshake(kind=6, packet_id=b"\x00\x05")),
        (V311(), b"\xd0\x00", PingResp()),
        (V5(), b"\x20\x03\x01\x00\x00", ConnAck(session_present=True, reason="success")),
        (V5(), b"\x20\x03\x00\x87\x00", ConnAck(code=0x87, reason="not authorized")),
        (V5(), b"\x20\x02\x00\x01", ConnAck(code=0x84, reason="it does not speak MQTT 5 (return code 1)")),
        (V5(), b"\x90\x05\x00\x05\x00\x01\x87", SubAck(packet_id=5, codes=[1, 0x87])),
        (V5(), b"\x40\x03\x00\x05\x10", Handshake(kind=4, packet_id=b"\x00\x05", code=0x10)),
        (V5(), b"\x62\x02\x00\x05", Handshake(kind=6, packet_id=b"\x00\x05")),
        (V5(), b"\xd0\x00", PingResp()),
        (V5(), b"\xe0\x02\x8e\x00", Disconnect(code=0x8E, reason="session taken over")),
    ],
)
def test_what_brokers_answer(dialect: Dialect, frame: bytes, packet: object) -> None:
    assert dialect.decode(frame) == packet


def test_what_a_broker_of_5_says_about_itself() -> None:
    raw = mqtt5.ConnAckPacket(
        server_keep_alive=20,
        receive_max=10,
        max_qos=mqtt5.QoS.AT_MOST_ONCE,
        max_packet_size=1000,
        retain_available=False,
        wildcard_subscription_available=False,
        shared_subscription_available=False,
        assigned_client_id="x",
        session_expiry_interval=7,
    ).write()
    assert V5().decode(raw) == ConnAck(
        reason="success",
        keep_alive_s=20,
        receive_max=10,
        max_qos=0,
        max_packet_bytes=1000,
        retain_available=False,
        wildcards_available=False,
        shared_available=False,
        assigned_client_id="x",
        session_expiry_s=7,
    )


@pytest.mark.parametrize(
    ("dialect", "frame"),
    [
        (V5(), b"\x20\x07\x00\x88\x04\x1f\x00\x01\xff"),  # a reason that is not UTF-8
        (V5(), b"\x90\x03\x00\x01\x80"),
        (V5(), b"\x00\x00"),
        (V5(), b"\x10\x00"),
        (V311(), b"\xe0\x00"),
        (V311(), b"\x20\x03\x00\x00\x00"),
        (V311(), b"\x90\x02\x00\x01"),
    ],
)
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the codec's Rust side panics, and says so
def test_what_is_no_answer_is_malformed(dialect: Dialect, frame: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(MalformedStream):
        dialect.decode(frame)
    capfd.readouterr()


@given(st.integers(0, 268_435_455))
def test_lengths_are_written_as_the_codec_reads_them(size: int) -> None:
    encoded = remaining_length(size)
    assert sum((byte & 0x7F) << 7 * place for place, byte in enumerate(encoded)) == size
    assert [byte >= 0x80 for byte in encoded] == [True] * (len(encoded) - 1) + [False]
