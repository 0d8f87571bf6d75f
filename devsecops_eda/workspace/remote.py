"""How a git server is spoken to, and what its refusals mean."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

from devsecops_eda.errors import CheckError, DevSecOpsError, FailureReason, UnavailableError
from devsecops_eda.redaction import Redaction, login_forms
from devsecops_eda.sandbox import Completed
from devsecops_eda.settings import Repository
from devsecops_eda.settings.readers import MAX_SECRET_BYTES
from devsecops_eda.workspace.git import last_words

# `ext` and the other helpers run what the URL says; this list overrules `protocol.ext.allow`.
_PROTOCOLS = frozenset(["https", "http", "ssh", "file", "git"])

# Carried over from our own environment: how this host reaches the network, nothing else.
_NETWORK = (
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "GIT_SSL_CAINFO",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)

# The shell reads the secret from the file named in its environment; it is in no argument list.
# A file holds `user:password`, or a token alone (any user name will do for those).
_CREDENTIAL_FILE = "DEVSECOPS_EDA_CREDENTIAL_FILE"
_TOKEN_USER = "x-access-token"  # noqa: S105 - a user, who needs no password
CREDENTIAL_HELPER = (
    '!f() { test "$1" = get || exit 0; IFS= read -r line < "$' + _CREDENTIAL_FILE + '"; '
    'case "$line" in *:*) printf "username=%s\\npassword=%s\\n" "${line%%:*}" "${line#*:}";; '
    '*) printf "username=' + _TOKEN_USER + '\\npassword=%s\\n" "$line";; esac; }; f'
)
_SHORTEST = 4
_LONG_USER = 20

# Faults that old, honest history has; anything else that is wrong with an object is refused.
_OLD_FAULTS = (
    "badDate",
    "badEmail",
    "badTimezone",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "missingTaggerEntry",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
)

_AWAY = re.compile(
    r"could not resolve host|couldn't resolve host|name or service not known|temporary failure"
    r"|connection refused|connection timed out|operation timed out|connection reset"
    r"|failed to connect|could not connect|couldn't connect|no route to host"
    r"|network is unreachable|early eof|hung up unexpectedly|unexpected disconnect"
    r"|returned error: (?:429|5\d\d)|transfer closed|rpc failed|connection closed by"
    r"|kex_exchange_identification|ssl_error_syscall|empty reply from server"
    r"|operation too slow|unable to access .*: recv failure|no space left on device",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"authentication failed|could not read username|could not read password|permission denied"
    r"|returned error: 4\d\d|repository .* not found|does not appear to be a git repository"
    r"|host key verification failed|transport .* not allowed|certificate|fsck error"
    r"|dubious ownership|strange (?:path|host)name|unable to find remote helper|access denied"
    r"|invalid credentials|not valid: is this a git repository"
    r"|unable to update url base from redirection",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"not our ref|unadvertised object|couldn't find remote ref|did not send all necessary objects",
    re.IGNORECASE,
)
_MISSING_REF = re.compile(rb"couldn't find remote ref (\S+)")


def remote_variables(repository: Repository, folder: Path) -> dict[str, str]:
    """Return git's environment for speaking to the server of ``repository``.

    For a repository on this machine a file is written into ``folder``: it may belong to another
    user, and only a file tells that to the second git that serves it.
    """
    variables = {name: os.environ[name] for name in _NETWORK if name in os.environ}
    variables["GIT_ALLOW_PROTOCOL"] = ":".join(_PROTOCOLS.intersection(repository.protocols))
    ssh = [
        "ssh",
        "-o",
        "BatchMode=yes",
        "-o",
        "StrictHostKeyChecking=yes",
        "-o",
        "ConnectTimeout=15",
    ]
    if repository.credential_file is not None:
        variables[_CREDENTIAL_FILE] = str(repository.credential_file.absolute())
        ssh += ["-o", "IdentitiesOnly=yes", "-i", str(repository.credential_file.absolute())]
    variables["GIT_SSH_COMMAND"] = shlex.join(ssh)
    local = repository.url.removeprefix("file://")
    if local.startswith("/"):
        trusted = folder / "gitconfig"
        quoted = local.replace("\\", "\\\\").replace('"', '\\"')
        _replace(trusted, f'[safe]\n\tdirectory = "{quoted}"\n')
        variables["GIT_CONFIG_GLOBAL"] = str(trusted)
    return variables


def remote_configuration(repository: Repository) -> tuple[tuple[str, str], ...]:
    """Return git's configuration for speaking to the server of ``repository``."""
    helper = CREDENTIAL_HELPER if repository.credential_file is not None else ""
    return (
        ("transfer.fsckObjects", "true"),
        *((f"fetch.fsck.{fault}", "ignore") for fault in _OLD_FAULTS),
        ("fetch.unpackLimit", "1"),
        ("http.lowSpeedLimit", "1000"),
        ("http.lowSpeedTime", "60"),
        # The empty one forgets every helper named before.
        ("credential.helper", ""),
        *((("credential.helper", helper),) if helper else ()),
    )


def missing_ref(stderr: bytes) -> str | None:
    """Return the branch that the server says it does not have."""
    found = _MISSING_REF.search(stderr)
    return found[1].decode(errors="replace") if found else None


def is_unknown_revision(stderr: bytes) -> bool:
    """Return whether the server says that it has no such commit, or gives none by its id."""
    return _UNKNOWN.search(stderr.decode(errors="replace")) is not None


def explained(repository: Repository, done: Completed) -> DevSecOpsError:
    """Return the error for a fetch that failed: wait and try again, or never.

    What git says is known only in part; what is not known is tried again, for that costs time
    while the other mistake costs an answer.
    """
    said = done.stderr.decode(errors="replace")
    text = f"{repository.key}: {last_words(done.stderr, _knowing_credential(repository))}"
    if _REFUSED.search(said) and not _AWAY.search(said):
        return CheckError(FailureReason.FETCH_REFUSED, text)
    return UnavailableError(text)


def _knowing_credential(repository: Repository) -> Redaction:
    """Return what hides the credential that the server was shown, for it may repeat it."""
    if repository.credential_file is None:
        return Redaction()
    try:
        with repository.credential_file.open(errors="replace") as opened:
            line = opened.readline(MAX_SECRET_BYTES).rstrip("\r\n")
    except OSError:
        return Redaction()
    user, colon, password = line.partition(":")
    if not colon:
        user, password = _TOKEN_USER, line
    known = [*login_forms(user, password)]
    if len(user) >= _LONG_USER:
        # `token:x-oauth-basic` is a way to write a token as well.
        known.append(user)
    # In a message as short as this a short one is taken out too, were it in other words as well.
    return Redaction(known, shortest=_SHORTEST)


def _replace(path: Path, text: str) -> None:
    fresh = path.with_suffix(".new")
    fresh.write_text(text)
    fresh.replace(path)
