"""The unit tier has no network: whoever tries to reach one fails, on any machine."""

import socket
import sys
from collections.abc import Iterator

import pytest

REACHING_OUT = {"socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto"}


class Guard:
    """An audit hook cannot be taken out again, so it has a switch."""

    def __init__(self) -> None:
        self.on = False
        sys.addaudithook(self)

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        """Raise where a unit test reaches out."""
        if not self.on or event not in REACHING_OUT:
            return
        first = arguments[0]
        if isinstance(first, socket.socket) and first.family == socket.AF_UNIX:
            return
        raise AssertionError(f"a unit test wants the network: {event} {arguments[1:]}")


GUARD = Guard()


@pytest.fixture(autouse=True)
def no_network() -> Iterator[None]:
    """Take the network away from every unit test."""
    GUARD.on = True
    yield
    GUARD.on = False
