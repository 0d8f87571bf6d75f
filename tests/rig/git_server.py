"""A git server over HTTP that wants a password: git's own back end behind Python's server."""

import base64
import os
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import quote

import trustme

from tests.rig.leftovers import processes


class GitServer(ThreadingHTTPServer):
    """Serves every repository below ``root`` to who knows ``credential`` (``user:password``)."""

    daemon_threads = True

    def __init__(
        self, root: Path, credential: str, certificate: trustme.LeafCert | None = None
    ) -> None:
        """Take a free port of the loopback interface; with a ``certificate`` speak TLS."""
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "https" if certificate else "http"
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            certificate.configure_cert(context)
            self.socket = context.wrap_socket(self.socket, server_side=True)
        self.root = root
        self.credential = credential
        self.status = 200
        self.moved_to: str | None = None
        self.seen_in_argv = False
        self.logins = 0
        self.indiscreet = "/none/"
        """What the paths begin with about which it says no, and to whom."""

    def shutdown_request(self, request: Any) -> None:
        """End one connection, over TLS as GnuTLS, in many a git, insists on."""
        if isinstance(request, ssl.SSLSocket):
            with suppress(OSError):
                request.unwrap()
        super().shutdown_request(request)

    def url(self, name: str) -> str:
        """Return the URL of the repository ``name``."""
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/{name}"


class _Handler(BaseHTTPRequestHandler):
    server: GitServer
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        """Answer the first question of a fetch."""
        self._answer()

    def do_POST(self) -> None:
        """Answer the rest."""
        self._answer()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self) -> None:
        server = self.server
        secret = server.credential.partition(":")[2]
        server.seen_in_argv |= any(secret in one.command for one in processes())
        if server.moved_to is not None:
            self.send_response(301)
            self.send_header("Location", server.moved_to + self.path)
            self.end_headers()
            return
        if server.status != 200:
            self.send_error(server.status)
            return
        wanted = "Basic " + base64.b64encode(server.credential.encode()).decode()
        if self.headers.get("Authorization") != wanted:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.end_headers()
            return
        server.logins += 1
        if self.path.startswith(server.indiscreet):
            self._repeat(wanted)
        else:
            self._serve()

    def _repeat(self, authorisation: str) -> None:
        """Refuse, and repeat all that was shown to us, as git tells it to whoever asked."""
        credential = self.server.credential
        said = f"access denied for {credential}, {quote(credential)}, {authorisation}"
        self.send_response(200)
        self.send_header("Content-Type", "application/x-git-upload-pack-advertisement")
        self.end_headers()
        for line in ("# service=git-upload-pack\n", "", f"ERR {said}\n"):
            packet = f"{len(line.encode()) + 4:04x}{line}" if line else "0000"
            self.wfile.write(packet.encode())

    def _serve(self) -> None:
        path, _, query = self.path.partition("?")
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        done = subprocess.run(
            ["git", "-c", "safe.directory=*", "http-backend"],
            input=body,
            capture_output=True,
            check=False,
            env={
                "PATH": os.environ["PATH"],
                "GIT_PROJECT_ROOT": str(self.server.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "GIT_PROTOCOL": self.headers.get("Git-Protocol") or "",
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding") or "",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type") or "",
                "CONTENT_LENGTH": str(len(body)),
                "REMOTE_USER": "ci",
                "REMOTE_ADDR": "127.0.0.1",
            },
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode("latin-1").split("\r\n") if line]
        headers = {key: value for key, _, value in lines}
        self.send_response(int(headers.pop("Status", "200").split()[0]))
        for key, value in headers.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def git_server(
    root: Path, credential: str, certificate: trustme.LeafCert | None = None
) -> Iterator[GitServer]:
    """Serve the repositories below ``root`` while the block runs."""
    server = GitServer(root, credential, certificate)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
