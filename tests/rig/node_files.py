"""What a private RabbitMQ node finds in its folder and in its environment."""

import os
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.rig.management import Login
from tests.rig.ports import free_ports
from tests.rig.provide import Broker

# In the environment of everything that belongs to one node, so that leftovers can be told.
MARK = "DEVSECOPS_EDA_RIG_NODE"
# Keeps the distribution of nodes and of the command-line tool from listening to the world.
LOOPBACK = "-kernel inet_dist_use_interface {127,0,0,1}"


@dataclass(frozen=True, slots=True)
class Ports:
    """Every port that a node and its command-line tool listen on."""

    amqp: int
    management: int
    distribution: int
    epmd: int
    ctl_first: int
    ctl_last: int

    @classmethod
    def free(cls) -> Self:
        """Pick ports that nothing listens on; four command-line tools can run at once."""
        amqp, management, distribution, epmd, first, _, _, last = free_ports(8)
        return cls(amqp, management, distribution, epmd, first, last)


@dataclass(frozen=True, slots=True)
class NodeFiles:
    """The folder of one node; nothing of it lies elsewhere."""

    folder: Path
    name: str
    ports: Ports
    broker: Broker

    def write(self, admin: Login, settings: Mapping[str, str], plugins: Sequence[str]) -> None:
        """Write configuration, plugins and cookie; ``settings`` win over ours."""
        home = self.folder / "home"
        home.mkdir(exist_ok=True)
        cookie = home / ".erlang.cookie"
        if not cookie.exists():
            cookie.write_text(secrets.token_hex(20))
            cookie.chmod(0o400)
        ours = {
            "listeners.tcp.1": f"127.0.0.1:{self.ports.amqp}",
            "management.tcp.ip": "127.0.0.1",
            "management.tcp.port": str(self.ports.management),
            # Counting what each connection does costs more than the work of most tests.
            "management_agent.disable_metrics_collector": "true",
            "default_user": admin.name,
            "default_pass": admin.password,
            "disk_free_limit.absolute": "50MB",
            "log.file": "false",
            "log.console": "true",
            "log.console.level": "info",
            # RabbitMQ's default, said aloud because scan limits are measured against it.
            "consumer_timeout": "1800000",
        }
        lines = "".join(f"{key} = {value}\n" for key, value in {**ours, **settings}.items())
        (self.folder / "rabbitmq.conf").write_text(lines)
        (self.folder / "advanced.config").write_text("[].\n")
        enabled = ",".join(("rabbitmq_management", *plugins))
        (self.folder / "enabled_plugins").write_text(f"[{enabled}].\n")

    def environment(self) -> dict[str, str]:
        """Return the whole environment of the node, its epmd and its command-line tool."""
        folder, ports = self.folder, self.ports
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LC_ALL": "C.UTF-8",
            **dict(self.broker.environment),
            MARK: folder.name,
            "HOME": str(folder / "home"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(ports.epmd),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(folder / "advanced.config"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CTL_DIST_PORT_MAX": str(ports.ctl_last),
            "RABBITMQ_CTL_DIST_PORT_MIN": str(ports.ctl_first),
            "RABBITMQ_CTL_ERL_ARGS": LOOPBACK,
            "RABBITMQ_DIST_PORT": str(ports.distribution),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
            "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "config"),
            "RABBITMQ_LOG_BASE": str(folder / "log"),
            "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
            "RABBITMQ_NODENAME": self.name,
            "RABBITMQ_PID_FILE": str(folder / "node.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": LOOPBACK,
            # Makes the script become the node, so that our child is the node and no shell.
            "RUNNING_UNDER_SYSTEMD": "true",
        }
