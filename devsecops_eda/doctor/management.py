"""RabbitMQ's management API: what AMQP does not tell. Read only, bounded, optional."""

from __future__ import annotations

import base64
import json
import ssl
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any
from urllib.error import HTTPError
from urllib.parse import quote, unquote, urlsplit
from urllib.request import (
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
    build_opener,
)

from devsecops_eda.broker import Address, Deadline
from devsecops_eda.errors import DevSecOpsError
from devsecops_eda.settings import BrokerSettings

MAX_ANSWER_BYTES = 16 * 1024**2
TIMEOUT_S = 10.0
"""For one question, at most."""
_UNHEALTHY = 503


ASK_OTHERWISE = "name broker.management_url and a user with the tag monitoring (or administrator)"


class NotToldError(DevSecOpsError):
    """Somebody who knows did not tell; the message says why.

    ``status`` is HTTP's where it is; ``mend`` is what an operator can do to be told.
    """

    def __init__(self, message: str, *, status: int = 0, mend: str = ASK_OTHERWISE) -> None:
        super().__init__(message)
        self.status = status
        self.mend = mend


@dataclass(frozen=True, slots=True)
class Answer:
    """What the management API said, and how far its clock is ahead of ours.

    ``ahead`` is exact to a second and the time the answer took; None where it gave no date.
    """

    value: Any
    ahead: timedelta | None = None


class _NoRedirect(HTTPRedirectHandler):
    """Somewhere else our credentials have no business."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> None:
        return None


class Management:
    """The management API of one broker, asked by one user."""

    def __init__(self, broker: BrokerSettings, address: Address, *, timeout_s: float) -> None:
        """Take the settings and the broker's address, whose user asks where no other is named.

        ``timeout_s`` is the whole time for all questions.
        """
        self._deadline = Deadline.after(timeout_s)
        parts = urlsplit(broker.management_url)
        user, password = address.user, address.password
        if parts.username:
            user, password = unquote(parts.username), unquote(parts.password or "")
        token = base64.b64encode(f"{user}:{password}".encode()).decode()
        self.user = user
        self.vhost = address.vhost
        self._headers = {"Authorization": f"Basic {token}"}
        host = parts.netloc.rpartition("@")[2]
        self._base = f"{parts.scheme}://{host}{parts.path}/api/"
        self._opener = _opener(broker.ca_file)

    def get(self, *path: str) -> Answer:
        """Return the answer of ``/api/`` and the percent-encoded ``path``.

        Raises:
            NotToldError: nobody answers, in time or at all, it is refused, or it is no JSON.
        """
        # Only http and https come so far: the settings take nothing else.
        url = self._base + "/".join(quote(word, safe="") for word in path)
        request = Request(url, headers=self._headers)  # noqa: S310
        try:
            begun = time.time()
            with self._opener.open(request, timeout=self._left_s()) as response:
                date = response.headers.get("Date")
                middle = (begun + time.time()) / 2
                body = response.read(MAX_ANSWER_BYTES + 1)
        except HTTPError as error:
            with error:
                raise NotToldError(_refused(error.code), status=error.code) from error
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", None) or error
            raise NotToldError(
                f"the management API does not answer: {why}",
                mend="enable rabbitmq_management on the broker, or mend broker.management_url",
            ) from error
        if len(body) > MAX_ANSWER_BYTES:
            raise NotToldError(
                f"the management API answers with more than {MAX_ANSWER_BYTES} bytes"
            )
        try:
            return Answer(json.loads(body), _ahead(date, middle))
        except (ValueError, RecursionError) as error:
            raise _no_management() from error

    def _left_s(self) -> float:
        if self._deadline.over:
            raise TimeoutError("no time is left")
        return min(TIMEOUT_S, self._deadline.left_s)

    def alarm(self) -> bool:
        """Return whether a memory or disk alarm is in force on any node.

        Raises:
            NotToldError: as ``get``.
        """
        try:
            self.get("health", "checks", "alarms")
        except NotToldError as error:
            if error.status == _UNHEALTHY:
                return True
            raise
        return False

    def rows(self, *path: str) -> Sequence[Mapping[str, Any]]:
        """Return an answer that is a list of objects.

        Raises:
            NotToldError: as ``get``, or it is no such list.
        """
        value = self.get(*path).value
        if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
            raise _no_management()
        return value


def _opener(ca_file: Path | None) -> OpenerDirector:
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    # No proxy of the environment sees the credentials either.
    return build_opener(ProxyHandler({}), _NoRedirect(), HTTPSHandler(context=context))


def _no_management() -> NotToldError:
    return NotToldError(
        "what answers there is no management API", mend="mend broker.management_url"
    )


def _refused(status: int) -> str:
    match status:
        case 401 | 403:
            return "the management API does not tell this user"
        case 404:
            return "the management API knows no such thing"
        case _:
            return f"the management API answers with status {status}"


def _ahead(date: str | None, middle: float) -> timedelta | None:
    try:
        theirs = parsedate_to_datetime(date or "")
    except (TypeError, ValueError):
        return None
    # Its second began up to a second before: in the middle of it we are wrong by half of one.
    return theirs - datetime.fromtimestamp(middle, UTC) + timedelta(seconds=0.5)
