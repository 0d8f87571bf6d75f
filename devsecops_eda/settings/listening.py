"""An address to listen on, as an operator writes it."""

from __future__ import annotations

import re
from dataclasses import dataclass

LOOPBACK = "127.0.0.1"
_PORT = re.compile(r"[0-9]{1,5}")
_HOST = re.compile(r"[A-Za-z0-9.-]+")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]+(?:%[A-Za-z0-9._-]+)?")


@dataclass(frozen=True, slots=True)
class Listen:
    """A host (name, IPv4 or IPv6 address) and a port; port 0 lets the system choose one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def listen_of(text: str) -> Listen:
    """Return ``127.0.0.1:9109``, ``[::1]:9109`` or, on the loopback address, ``9109``.

    Raises:
        ValueError: it is none of these.
    """
    host, colon, port = text.rpartition(":")
    if not colon:
        host = LOOPBACK
    named = host.startswith("[") and host.endswith("]")
    inner = host[1:-1] if named else host
    form = _IPV6 if named else _HOST
    if not form.fullmatch(inner) or not _PORT.fullmatch(port) or int(port) > 65535:
        raise ValueError('must be host:port like "127.0.0.1:9109" or "[::1]:9109", or a port')
    return Listen(inner, int(port))
