"""``/metrics``, ``/healthz`` and ``/readyz`` on one address, bounded in everything.

It serves whoever reaches its address, without a password: loopback unless the operator says
otherwise, and nothing on it is a secret.
"""

from __future__ import annotations

import errno
import json
import logging
import os
import socket
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from devsecops_eda.errors import ConfigurationError
from devsecops_eda.settings import Listen

LOG = logging.getLogger(__name__)

MAX_CONNECTIONS = 16
"""So many at once; who comes while they last is turned away."""
MAX_REQUEST_S = 10.0
"""After that a connection is closed, however slowly it speaks."""
_ONE_EACH = "; on one host each needs its own: gate.metrics, checks.<name>.metrics"
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Endpoint:
    """Serves one program's numbers and state from threads of its own. A context manager."""

    def __init__(
        self,
        listen: Listen,
        *,
        metrics: Callable[[], bytes],
        health: Callable[[], str | None],
        ready: Callable[[], Mapping[str, str | None]],
        patience_s: float = MAX_REQUEST_S,
    ) -> None:
        """Listen from now on; ``with`` begins to answer.

        ``health`` returns why the program should be started again, None while it should not;
        ``ready`` why each of its needs is not met, None where it is. A connection lasts for
        ``patience_s`` seconds at most.

        Raises:
            ConfigurationError: nobody can listen there.
        """
        pages = {
            "/metrics": lambda: (HTTPStatus.OK, METRICS_TYPE, metrics()),
            "/healthz": lambda: _healthz(health()),
            "/readyz": lambda: _readyz(ready()),
        }
        try:
            self._server = _Server(listen, pages, patience_s)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            raise ConfigurationError(
                f"cannot listen for metrics on {listen}: {error.strerror or error}"
                f"{_ONE_EACH if taken else ''}"
            ) from error
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.5}, daemon=True
        )

    @property
    def port(self) -> int:
        """Return the port it listens on; where the operator said 0 the system chose one."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Endpoint:
        self._thread.start()
        LOG.info("metrics on port %d", self.port, extra={"action": "listening"})
        return self

    def __exit__(self, *_: object) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _healthz(why: str | None) -> tuple[HTTPStatus, str, bytes]:
    status = HTTPStatus.OK if why is None else HTTPStatus.SERVICE_UNAVAILABLE
    return status, "text/plain; charset=utf-8", f"{why or 'ok'}\n".encode()


def _readyz(needs: Mapping[str, str | None]) -> tuple[HTTPStatus, str, bytes]:
    ready = all(why is None for why in needs.values())
    status = HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE
    said = {need: why or "ok" for need, why in needs.items()}
    body = json.dumps({"ready": ready, "needs": said}, indent=2) + "\n"
    return status, "application/json", body.encode()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    # Who hangs on its end for long is cut off; nobody waits for them when the program ends.
    block_on_close = False
    request_queue_size = 32

    def __init__(
        self, listen: Listen, pages: Mapping[str, Callable[[], Any]], patience_s: float
    ) -> None:
        self.address_family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
        self.pages = pages
        self.patience_s = patience_s
        self._open: dict[socket.socket, float] = {}
        super().__init__((listen.host, listen.port), _Handler)
        # A child of the pool that outlived us would go on holding the port.
        itself = weakref.ref(self)
        os.register_at_fork(after_in_child=lambda: _let_go(itself()))

    def server_bind(self) -> None:
        # Not HTTPServer's: it looks its own name up, and that may take for ever.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()

    def process_request(self, request: Any, client_address: Any) -> None:
        if len(self._open) >= MAX_CONNECTIONS:
            self.shutdown_request(request)
            return
        self._open[request] = time.monotonic()
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.pop(request, None)
        super().shutdown_request(request)

    def service_actions(self) -> None:
        late = time.monotonic() - self.patience_s
        for request, begun in tuple(self._open.items()):
            if begun < late:
                # Its own thread reads the end of it then, and closes it.
                with suppress(OSError):
                    request.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        LOG.debug("a request failed", extra={"action": "endpoint"})


def _let_go(server: _Server | None) -> None:
    if server is not None:
        server.socket.close()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    server_version = "devsecops-eda"
    sys_version = ""

    def setup(self) -> None:
        super().setup()
        self.connection.settimeout(self.server.patience_s)

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        page = self.server.pages.get(self.path.partition("?")[0])
        if page is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", b"not found\n", body)
            return
        try:
            status, kind, said = page()
        except Exception:
            # A page that cannot be made must not read as an empty, healthy one.
            LOG.exception("%s failed", self.path[:40], extra={"action": "endpoint"})
            status, kind, said = HTTPStatus.INTERNAL_SERVER_ERROR, "text/plain", b"failed\n"
        self._send(status, kind, said, body)

    def _send(self, status: HTTPStatus, kind: str, said: bytes, body: bool) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(said)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        if body:
            self.wfile.write(said)

    def log_message(self, *_: Any) -> None:
        """Say nothing of each scrape."""
