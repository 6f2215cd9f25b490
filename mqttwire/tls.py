"""The TLS context of a connection: verified unless told otherwise, with a client certificate where one is set."""

from __future__ import annotations

import ssl
from pathlib import Path

from mqttwire.errors import InvalidMqttOption
from mqttwire.options import MqttOptions


def tls_context(options: MqttOptions) -> ssl.SSLContext | None:
    """The context of `mqtts://`, None for `mqtt://`. Reads the files, so that a bad one is found before connecting.

    Raises InvalidMqttOption where a file is missing or is no certificate or key.
    """
    if not options.tls:
        return None
    context = _trusting(options.ca_file)
    if not options.tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if options.cert_file is not None:
        try:
            context.load_cert_chain(options.cert_file, options.key_file, password=_no_passphrase)
        except (OSError, ValueError) as exc:
            raise InvalidMqttOption("cert_file", f"cannot use {options.cert_file} and its key: {_problem(exc)}") from exc
    return context


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ValueError) as exc:
        raise InvalidMqttOption("ca_file", f"cannot use {ca_file}: {_problem(exc)}") from exc


def _no_passphrase() -> str:
    # Without this OpenSSL would ask on the terminal and a service would hang at start.
    raise ValueError("the key is protected by a passphrase, which a service cannot type")


def _problem(exc: OSError | ValueError) -> str:
    return getattr(exc, "strerror", None) or str(exc)
