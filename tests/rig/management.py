"""RabbitMQ's management API, as far as tests need it; a call takes milliseconds."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Login:
    """A broker user and the password."""

    name: str
    password: str


class RefusedError(RuntimeError):
    """The management API answered with another status than success."""

    def __init__(self, method: str, path: str, status: int, body: str) -> None:
        super().__init__(f"{method} {path}: {status} {body[:300]}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Management:
    """The management API of one node, spoken to by one user; a connection per request."""

    port: int
    login: Login
    timeout_s: float = 30.0

    @property
    def url(self) -> str:
        """Where the API is, without a credential."""
        return f"http://127.0.0.1:{self.port}"

    def call(self, method: str, *path: str, body: object = None) -> Any:
        """Send a request to ``/api/`` and the percent-encoded ``path``; return the answer.

        Raises:
            RefusedError: the status is not 2xx.
            OSError: nobody answers.
        """
        address = "/api/" + "/".join(quote(word, safe="") for word in path)
        token = base64.b64encode(f"{self.login.name}:{self.login.password}".encode()).decode()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=self.timeout_s)
        try:
            connection.request(
                method,
                address,
                body=None if body is None else json.dumps(body),
                headers={"Authorization": f"Basic {token}", "Content-Type": "application/json"},
            )
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        if not 200 <= response.status < 300:
            raise RefusedError(method, address, response.status, content.decode(errors="replace"))
        return json.loads(content) if content else None

    def add_vhost(self, name: str) -> None:
        """Make a virtual host; whoever makes one may do everything in it."""
        self.call("PUT", "vhosts", name, body={})

    def delete_vhost(self, name: str) -> None:
        """Remove a virtual host with all that is in it."""
        self.call("DELETE", "vhosts", name)

    def add_user(self, login: Login, *, tags: str = "") -> None:
        """Make a user, or give it another password."""
        self.call("PUT", "users", login.name, body={"password": login.password, "tags": tags})

    def set_permissions(
        self, user: str, *, vhost: str, configure: str = "^$", write: str = "^$", read: str = "^$"
    ) -> None:
        """Say what ``user`` may do in ``vhost``: three regular expressions on names."""
        rights = {"configure": configure, "write": write, "read": read}
        self.call("PUT", "permissions", vhost, user, body=rights)

    def set_topic_permissions(
        self, user: str, *, vhost: str, exchange: str, write: str = "^$", read: str = "^$"
    ) -> None:
        """Say which routing keys ``user`` may publish to and bind in ``exchange``."""
        rights = {"exchange": exchange, "write": write, "read": read}
        self.call("PUT", "topic-permissions", vhost, user, body=rights)

    def import_definitions(self, definitions: Mapping[str, object], *, vhost: str = "") -> None:
        """Load a definitions document, into one ``vhost`` or (empty) for the whole node."""
        self.call("POST", "definitions", *([vhost] if vhost else []), body=definitions)

    def queues(self, vhost: str) -> tuple[str, ...]:
        """Return the sorted names of the queues in ``vhost``."""
        return tuple(sorted(queue["name"] for queue in self.call("GET", "queues", vhost)))

    def connections(self, vhost: str) -> list[dict[str, Any]]:
        """Return what is told of the connections to ``vhost``; they are listed a moment late.

        By user, because 4.3 lists them all only where it collects metrics, which the rig does not.
        """
        users = [user["name"] for user in self.call("GET", "users")]
        listed = [self.call("GET", "connections", "username", name) for name in users]
        return [one for rows in listed for one in rows if one.get("vhost") == vhost]

    def alarms(self) -> bool:
        """Say whether a memory or disk alarm is in force."""
        try:
            self.call("GET", "health", "checks", "alarms")
        except RefusedError as refusal:
            if refusal.status != 503:
                raise
            return True
        return False
