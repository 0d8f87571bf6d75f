"""Every key of the configuration: one table.

Names of environment variables and credentials, the refusal of unknown keys, `config show` and
docs/configuration.md all come from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devsecops_eda.settings import readers
from devsecops_eda.settings.listening import Listen, listen_of
from devsecops_eda.settings.readers import Base, Reader
from devsecops_eda.settings.urls import broker_url, database_url, evidence_url, management_url
from devsecops_eda.settings.values import LogFormat, SandboxMode

ENVIRONMENT_PREFIX = "DEVSECOPS_EDA_"
NAME = "<name>"
"""Stands in a key's path where the operator's own name stands in the file."""


def _broker(value: object, base: Base) -> str:
    return broker_url(readers.text(value, base))


def _management(value: object, base: Base) -> str:
    return management_url(readers.text(value, base))


def _database(value: object, base: Base) -> str:
    return database_url(readers.text(value, base), base.folder)


def _evidence(value: object, base: Base) -> str:
    return evidence_url(readers.text(value, base))


def _listen(value: object, base: Base) -> Listen:
    return listen_of(readers.text(value, base))


@dataclass(frozen=True, slots=True)
class Key:
    """One key: its place, how its value is read, what it means and what holds without it.

    A ``secret`` one is never shown whole and may come from a file: by the key ``<key>_file``
    or as a systemd credential.
    """

    path: tuple[str, ...]
    read: Reader
    form: str
    meaning: str
    default: str = "none"
    secret: bool = False

    @property
    def dotted(self) -> str:
        """Return the key as people write it: ``broker.url``."""
        return ".".join(self.path)

    @property
    def environment(self) -> str | None:
        """Return the environment variable that sets it; None inside tables keyed by name."""
        if NAME in self.path:
            return None
        return ENVIRONMENT_PREFIX + "_".join(self.path).upper()

    @property
    def credential(self) -> str | None:
        """Return the name of the systemd credential that sets it; None where it is no secret."""
        return "_".join(self.path) if self.secret else None

    @property
    def file_key(self) -> Key:
        """Return the key that names a file in which the value of this one stands."""
        path = (*self.path[:-1], self.path[-1] + "_file")
        return Key(path, readers.path, "path", f"file in which `{self.dotted}` stands")


_URL = "amqp:// or amqps:// URL"
_CHECK, _REPOSITORY = ("checks", NAME), ("repositories", NAME)
_PERSON = ("people", NAME)
_PRIMARY = (
    Key(
        ("state_dir",), readers.path, "path",
        "where mirrors, evidence, scanners and the gate's SQLite file are kept",
        "`$STATE_DIRECTORY` (systemd), else `/var/lib/devsecops-eda` for root, "
        "else `~/.local/state/devsecops-eda`",
    ),
    Key(
        ("sandbox",), readers.one_of(*SandboxMode), '"bubblewrap" or "none"',
        "how scanners are isolated; without bubblewrap a worker only starts with `none`",
        '"bubblewrap"',
    ),
    Key(
        ("transient_wait",), readers.duration_s, "duration",
        "how long a service that is away is waited for before the outcome is *failed*", '"300s"',
    ),
    Key(
        ("max_attempts",), readers.number(1, 20), "1 to 20",
        "deliveries of one event after which its scanner is not run again", "5",
    ),
    Key(
        ("broker", "url"), _broker, _URL, "where RabbitMQ is", "guest on localhost", secret=True
    ),
    Key(
        ("broker", "password"), readers.text, "text",
        "password of the user in `broker.url`", secret=True,
    ),
    Key(
        ("broker", "ca_file"), readers.path, "path",
        "certificate authority of an amqps:// broker", "the machine's own",
    ),
    Key(
        ("broker", "management_url"), _management, "http:// or https:// URL",
        "RabbitMQ's management API, for `doctor`; without a user in it that of `broker.url` asks",
        secret=True,
    ),
    Key(
        ("broker", "sole_user"), readers.text, "text",
        "for a trial: the one broker user who may say everything",
    ),
    Key(
        ("broker", "gate_user"), readers.text, "text",
        "the broker user whose decisions are believed", '"devsecops-gate"',
    ),
    Key(
        ("broker", "builders"), readers.texts, "list of texts",
        "the broker users whose word on what an artifact was built from is believed",
    ),
    Key(
        ("broker", "connect_timeout"), readers.duration_s, "duration",
        "how long connecting may take", '"10s"',
    ),
    Key(
        ("gate", "policy"), readers.path, "path",
        "the policy file, or a folder of them (`*.yaml`, one policy each)", "the built-in policy",
    ),
    Key(
        ("gate", "database"), _database, "sqlite:/// or postgresql:// URL",
        "where the gate remembers", "`gate.db` in `state_dir`", secret=True,
    ),
    Key(
        ("gate", "retention"), readers.duration_s, "duration",
        "how long it is kept what decisions rested on, to replay them", '"400d"',
    ),
    Key(
        ("gate", "metrics"), _listen, "host:port",
        "where the gate shows its metrics and health", "nowhere",
    ),
    Key(
        ("worker", "metrics"), _listen, "host:port",
        "where a worker shows its metrics and health", "nowhere",
    ),
    Key(
        ("log", "format"), readers.one_of(*LogFormat), '"auto", "text" or "json"',
        "how logs are written; `auto`: the gate and workers as JSON lines unless on a terminal",
        '"auto"',
    ),
    Key(
        ("evidence", "url"), _evidence, "file:/// URL",
        "where reports too large for a message are kept", "`evidence` in `state_dir`",
    ),
    Key(
        (*_REPOSITORY, "url"), readers.text, "https:// or ssh:// URL, or a local path",
        "where the repository is fetched from; never with a password in it", "must be given",
    ),
    Key(
        (*_REPOSITORY, "protected"), readers.texts, "list of patterns",
        "its protected branches", '["main", "master"]',
    ),
    Key(
        (*_REPOSITORY, "credential_file"), readers.path, "path",
        "https: a file of one line, `user:password` or a token; ssh: a private key",
    ),
    Key(
        (*_REPOSITORY, "protocols"), readers.texts, 'list of "https", "ssh", "file"',
        "what git may speak for it; a local path needs `file` said here", "that of its URL",
    ),
    Key(
        (*_CHECK, "enabled"), readers.switch, "true or false", "whether it runs here", "true"
    ),
    Key(
        (*_CHECK, "rules"), readers.paths, "list of paths",
        "folders of rules instead of those that ship with the check", "the check's own",
    ),
    Key(
        (*_CHECK, "database"), readers.path, "path", "folder of vulnerability data",
    ),
    Key(
        (*_CHECK, "max_age"), readers.duration_s, "duration",
        "how old that data may be", '"7d"',
    ),
    Key(
        (*_CHECK, "timeout"), readers.duration_s, "duration", "how long one scan may take",
        '"600s"',
    ),
    Key(
        (*_CHECK, "memory"), readers.size_bytes, "size", "what one scan may use", '"4GiB"'
    ),
    Key(
        (*_CHECK, "slots"), readers.number(1, 256), "1 to 256",
        "scans at the same time in one worker", "2",
    ),
    Key(
        (*_CHECK, "metrics"), _listen, "host:port",
        "where the worker of this check shows its metrics; on one host each needs its own",
        "`worker.metrics`",
    ),
    Key(
        (*_CHECK, "user"), readers.text, "text",
        "the broker user whose outcomes of this check are believed",
        "`devsecops-worker-<name>`",
    ),
    Key(
        (*_PERSON, "users"), readers.texts, "list of texts", "the broker users this person is",
    ),
    Key(
        (*_PERSON, "emails"), readers.texts, "list of texts",
        "the addresses in this person's commits, in any case of their letters",
    ),
    Key(
        ("groups", NAME), readers.texts, "list of people", "who is in this group",
    ),
)  # fmt: skip

KEYS: tuple[Key, ...] = tuple(
    key for primary in _PRIMARY for key in (primary, primary.file_key)[: 1 + primary.secret]
)
"""All keys; behind each secret one that names a file for it."""


def without_ours(environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``environ`` as it is given to the programs of others: our secrets are not in it."""
    return {
        name: value for name, value in environ.items() if not name.startswith(ENVIRONMENT_PREFIX)
    }
