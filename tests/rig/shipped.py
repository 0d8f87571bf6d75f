"""RabbitMQ's configuration as it is shipped, on ports and folders of the tests' own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import trustme

from tests.rig.ports import free_ports
from tests.rig.provide import ROOT

RABBITMQ = ROOT / "deploy" / "rabbitmq"
ENABLED = RABBITMQ / "enabled_plugins"


def plugins() -> tuple[str, ...]:
    """Return the plugins that are enabled besides the management plugin."""
    names = ENABLED.read_text().strip().removeprefix("[").removesuffix("].").split(",")
    return tuple(name for name in names if name != "rabbitmq_management")


def configured(name: str) -> dict[str, str]:
    """Return the lines of a shipped configuration."""
    lines = (RABBITMQ / name).read_text().splitlines()
    return dict(line.split(" = ", 1) for line in lines if line and not line.startswith("#"))


def made_certificates(folder: Path) -> None:
    """Write the files that rabbitmq.conf names under /etc/rabbitmq/tls, for localhost."""
    authority = trustme.CA()
    certificate = authority.issue_cert("localhost")
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate.private_key_pem.write_to_path(str(folder / "node.key"))
    certificate.cert_chain_pems[0].write_to_path(str(folder / "node.pem"))


def on_our_ports(name: str, folder: Path) -> tuple[dict[str, str], Mapping[str, int]]:
    """Return a shipped configuration, and the ports it has instead of its own.

    Its folders are ``folder``; everything listens on loopback, and asks for little of the disk.
    """
    conf = {
        key: value.replace("/etc/rabbitmq/tls", str(folder)).replace(
            "/etc/rabbitmq/definitions", str(folder)
        )
        for key, value in configured(name).items()
    }
    tls, management, prometheus = free_ports(3)
    ports = {"prometheus": prometheus}
    conf |= {"prometheus.tcp.ip": "127.0.0.1", "prometheus.tcp.port": str(prometheus)}
    conf["disk_free_limit.absolute"] = "50MB"
    # The rig's own listener without TLS stays.
    for key in ("listeners.tcp", "listeners.tcp.default", "management.tcp.port"):
        conf.pop(key, None)
    if conf.pop("listeners.ssl.default", None):
        ports |= {"tls": tls, "management": management}
        conf["listeners.ssl.1"] = f"127.0.0.1:{tls}"
        conf |= {"management.ssl.ip": "127.0.0.1", "management.ssl.port": str(management)}
    return conf, ports
