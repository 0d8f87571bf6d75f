"""Free ports on loopback, below the range from which the kernel takes its own."""

import random
import socket

# Above 32768 begins the kernel's ephemeral range: a port that is free now may be some
# connection's local end a moment later, and a node that restarts then dies of eaddrinuse.
FIRST, LAST = 20000, 31000


class NoFreePortsError(RuntimeError):
    """No row of free ports was found."""


def is_free(port: int) -> bool:
    """Say whether nothing listens on ``port`` of loopback or of all addresses."""
    for address in ("127.0.0.1", "0.0.0.0"):
        with socket.socket() as probe:
            # What a server does itself: connections of a node just killed still linger.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                return False
    return True


def free_ports(count: int) -> tuple[int, ...]:
    """Return ``count`` free ports in a row.

    Raises:
        NoFreePortsError: a hundred places were tried.
    """
    for _ in range(100):
        first = random.randrange(FIRST, LAST - count)
        row = tuple(range(first, first + count))
        if all(is_free(port) for port in row):
            return row
    raise NoFreePortsError(f"no {count} free ports in a row between {FIRST} and {LAST}")
