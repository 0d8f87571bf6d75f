"""The URLs an operator may write."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import SplitResult, quote, unquote, urlsplit

_SCP_LIKE = re.compile(r"(?:[A-Za-z0-9._-]+@)?[A-Za-z0-9.-]+:(?!/)\S+")
_CONTROL = re.compile(r"[\x00-\x20\x7f]")


def broker_url(text: str) -> str:
    """Return ``text`` if it names a RabbitMQ.

    Raises:
        ValueError: it does not; the message does not repeat it.
    """
    parts = _split(text)
    if parts.scheme not in ("amqp", "amqps"):
        raise ValueError("must begin with amqp:// or amqps://")
    if not parts.hostname:
        raise ValueError("names no host")
    if parts.fragment:
        raise ValueError("has a '#' in it; write %23 where it is part of the password")
    return text


def management_url(text: str) -> str:
    """Return ``text``, without a slash at its end, if it names RabbitMQ's management API.

    Raises:
        ValueError: it does not; the message does not repeat it.
    """
    parts = _split(text)
    if parts.scheme not in ("http", "https"):
        raise ValueError("must begin with http:// or https://")
    if not parts.hostname:
        raise ValueError("names no host")
    if parts.query or parts.fragment:
        raise ValueError("has a '?' or '#' in it; write %3F or %23 in the password")
    return text.rstrip("/")


def with_password(url: str, password: str) -> str:
    """Return ``url`` with ``password`` in it.

    Raises:
        ValueError: there is one already, or no user to whom it belongs.
    """
    parts = _split(url)
    if parts.password is not None:
        raise ValueError("carries a password, and one is given beside it: give it once")
    if not parts.username:
        raise ValueError("names no user to whom the password belongs")
    host = parts.netloc.rpartition("@")[2]
    userinfo = f"{parts.username}:{quote(password, safe='')}"
    return parts._replace(netloc=f"{userinfo}@{host}").geturl()


def repository_url(text: str, base: Path) -> tuple[str, str]:
    """Return what git is given for ``text``, and its protocol: https, ssh or file.

    Raises:
        ValueError: another protocol, a password in it, or something git could take for an option.
    """
    if _CONTROL.search(text) or text.startswith("-"):
        raise ValueError("has a character in it that no URL has")
    if "://" not in text:
        # Before anything else: ext::… runs a command.
        if "::" in text:
            raise ValueError("names a git remote helper; use https, ssh or a local path")
        if _SCP_LIKE.fullmatch(text):
            return text, "ssh"
        return str(base / text), "file"
    parts = _split(text)
    if parts.password is not None:
        raise ValueError("carries a password; put it into a file and name that as credential_file")
    match parts.scheme:
        case "https" if parts.username:
            raise ValueError("carries a user or token; put it into the credential_file")
        case "https" if parts.query or parts.fragment:
            # Shown to every user of the machine, in git's list of arguments.
            raise ValueError("has a '?' or '#' in it; put a token into the credential_file")
        case "file" if parts.query or parts.fragment:
            # What stands behind it would be left out, and another repository be looked at.
            raise ValueError("has a '?' or '#' in it; write %3F or %23")
        case "https" | "ssh" if parts.hostname:
            return text, parts.scheme
        case "file" if parts.hostname in (None, "", "localhost"):
            return unquote(parts.path), "file"
    raise ValueError("must be https://host/…, ssh://host/…, user@host:path or a local path")


def evidence_url(text: str) -> str:
    """Return ``text`` if it names a place for evidence.

    Raises:
        ValueError: anything but ``file:///absolute/folder``.
    """
    parts = _split(text)
    path = parts.path
    if parts.scheme != "file" or parts.netloc or not path.startswith("/") or path == "/":
        raise ValueError("must be file:///absolute/folder")
    return text


def database_url(text: str, base: Path) -> str:
    """Return ``text`` if it names a SQLite file or a PostgreSQL, as SQLAlchemy writes it.

    A file's path is made absolute; PostgreSQL is spoken to through psycopg.

    Raises:
        ValueError: another database or driver, no file or no database; the message repeats
            nothing of it.
    """
    scheme, sep, rest = text.partition("://")
    dialect, plus, driver = scheme.partition("+")
    if sep and dialect == "sqlite":
        path, mark, query = rest.removeprefix("/").partition("?")
        if not rest.startswith("/") or not path or path == ":memory:":
            raise ValueError("names no file: the gate must not forget")
        return f"{scheme}:///{base / path}{mark}{query}"
    if not sep or dialect not in ("postgresql", "postgres") or (plus and driver != "psycopg"):
        raise ValueError("must begin with sqlite:/// or postgresql://")
    return f"postgresql+psycopg://{_postgresql(text, rest)}"


def _postgresql(text: str, rest: str) -> str:
    parts = _split(text)
    if parts.fragment:
        raise ValueError("has a '#' in it; write %23 where it is part of the password")
    # SQLAlchemy ends the password at the first @, we show what stands after the last.
    if parts.netloc.count("@") > 1:
        raise ValueError("has more than one '@' before the host; write %40 in the password")
    if parts.netloc.rpartition("@")[2].lower().startswith("%2f"):
        raise ValueError("names a socket as its host; write ?host=/folder/of/the/socket")
    if parts.path in ("", "/"):
        raise ValueError("names no database; write it behind the host: postgresql://host/gate")
    return rest


def _split(text: str) -> SplitResult:
    if _CONTROL.search(text):
        raise ValueError("has a space or control character in it; write it as %20 or the like")
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - a port that is no number raises here
    except ValueError:
        # Its own words may repeat parts of the URL, and with them the password.
        raise ValueError("is no URL (look at the port and the brackets)") from None
    return parts
