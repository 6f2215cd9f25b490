"""Which TCP port to listen on, and a clear word when it is taken."""

from __future__ import annotations

import socket

from fleet.errors import OutriderError


class PortTaken(OutriderError):
    """Somebody else listens there."""


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen on host:port just now."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
        return True


def free_port(host: str) -> int:
    """A port that nobody listens on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def choose_port(host: str, port: int, *, is_wish: bool, option: str) -> int:
    """`port` where it is free (0: any). A taken port is replaced by a free one where it was only the default.

    Raises PortTaken where the person named it (`is_wish`); `option` is how another one is named.
    """
    if port == 0:
        return free_port(host)
    if is_free(host, port):
        return port
    if is_wish:
        raise PortTaken(f"port {port} on {host} is taken; name another with {option}")
    return free_port(host)
