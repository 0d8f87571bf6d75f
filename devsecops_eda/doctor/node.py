"""What only a broker's own node knows, asked with rabbitmqctl on its host."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
from ipaddress import ip_address
from pathlib import Path

from devsecops_eda.broker import Address
from devsecops_eda.doctor.management import NotToldError

TIMEOUT_S = 30.0
_ITS_OWN = re.compile(r"(?:PATH|HOME|USER|LOGNAME|LANG|LC_\w+|TERM|TMPDIR|(?:RABBITMQ|ERL)\w*)$")
"""What it needs of our environment. It may start a daemon, which keeps what it was given."""
_EPMD_PORT = 4369
_EPMD_WAIT_S = 2.0
_ASKED = "{application:get_env(rabbit, consumer_timeout), rabbit_nodes:cluster_name()}."
_ANSWER = re.compile(r"\{(?:\{ok,(?P<timeout>[a-z0-9]+)\}|undefined),<<\"(?P<cluster>[^\"]*)\">>\}")


def is_here(address: Address) -> bool:
    """Return whether the broker is on this machine, by its name."""
    try:
        return ip_address(address.host).is_loopback
    except ValueError:
        return address.host == "localhost"


def consumer_timeout_s(program: Path | None, address: Address, *, cluster: str) -> float | None:
    """Return the consumer timeout of the node on this host in seconds, None where it has none.

    ``program`` is rabbitmqctl; without one the PATH is searched where the broker is on this host.
    An answer of another cluster than ``cluster`` is none.

    Raises:
        NotToldError: it is not here, this user may not call it, or it speaks to another broker.
    """
    found = str(program) if program else shutil.which("rabbitmqctl") if is_here(address) else None
    if found is None:
        raise NotToldError("only rabbitmqctl on the broker's host knows it")
    if program is None and not _has_node():
        raise NotToldError("no node of RabbitMQ is registered on this host")
    try:
        done = subprocess.run(
            [found, "-q", "eval", _ASKED],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={name: value for name, value in os.environ.items() if _ITS_OWN.match(name)},
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NotToldError(f"{found} does not answer") from error
    match = _ANSWER.search(done.stdout.decode(errors="replace"))
    if done.returncode != 0 or match is None:
        raise NotToldError(f"{found} may not be called by this user, or finds no node")
    if match["cluster"] != cluster:
        raise NotToldError(f"{found} speaks to another broker than broker.url")
    said = match["timeout"]
    return float(said) / 1000 if said and said.isdigit() else None


def _has_node() -> bool:
    """Return whether Erlang's port mapper runs; rabbitmqctl would start one, which stays."""
    port = os.environ.get("ERL_EPMD_PORT", "")
    at = ("127.0.0.1", int(port) if port.isdecimal() else _EPMD_PORT)
    try:
        socket.create_connection(at, timeout=_EPMD_WAIT_S).close()
    except (OSError, OverflowError):
        return False
    return True
