"""From the text of one TOML file and its surroundings to settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devsecops_eda.checks import CheckSettings
from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.model import People
from devsecops_eda.settings.document import key_at, nearest, read_document
from devsecops_eda.settings.keys import KEYS, NAME
from devsecops_eda.settings.people import GROUPS, PEOPLE, people_of
from devsecops_eda.settings.sources import (
    DEFAULT,
    Sources,
    Surroundings,
    Value,
    refuse_misspelt,
)
from devsecops_eda.settings.urls import repository_url, with_password
from devsecops_eda.settings.values import (
    DEFAULT_BROKER,
    DEFAULT_CHECKS,
    BrokerSettings,
    GateSettings,
    LogFormat,
    Repository,
    SandboxMode,
    Settings,
)
from devsecops_eda.topology import WORD_BUDGET, Identities, word

_PROTOCOLS = ("https", "ssh", "file")
FIELDS = {
    "transient_wait": "transient_wait_s",
    "connect_timeout": "connect_timeout_s",
    "max_age": "max_age_s",
    "retention": "retention_s",
    "timeout": "timeout_s",
    "memory": "memory_bytes",
}
"""Keys whose field in our dataclass carries its unit."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings, the file they came from (None: there is none), and where each value came from.

    ``origins`` has the key paths that were given; all others hold by default.
    """

    settings: Settings
    file: Path | None
    origins: Mapping[tuple[str, ...], str]

    def origin(self, path: tuple[str, ...]) -> str:
        """Return where the value of the key at ``path`` came from."""
        return self.origins.get(path, DEFAULT)


def parse_settings(text: str, *, file: Path | None, around: Surroundings) -> Loaded:
    """Return the settings in ``text`` (of ``file``) as the surroundings complete them.

    Environment goes before systemd credentials, these before the file, the file before defaults.

    Raises:
        InvalidSettingsError: says file, line, key and what to write instead.
    """
    refuse_misspelt(around.environ)
    sources = Sources(read_document(text, file=file), around)
    given = _given(sources)
    fields: dict[str, Any] = {"state_dir": around.state_dir, **_table(given)}
    if "sandbox" in fields:
        fields["sandbox"] = SandboxMode(fields["sandbox"])
    broker, checks = _broker(given), _checks(sources, given)
    settings = Settings(
        **fields,
        broker=broker,
        repositories=_repositories(sources, given),
        checks=checks,
        people=_people(sources, given, broker, checks),
        gate=GateSettings(**_table(given, "gate")),
        evidence_url=_table(given, "evidence").get("url", ""),
        worker_metrics=_table(given, "worker").get("metrics"),
        log_format=LogFormat(_table(given, "log").get("format", LogFormat.AUTO)),
    )
    return Loaded(settings, file, {path: value.origin for path, value in given.items()})


def _given(sources: Sources) -> dict[tuple[str, ...], Value]:
    """Return every value that was given, by the path of its key."""
    paths = [key.path for key in KEYS if NAME not in key.path and not _is_beside(key.path)]
    paths += [path for path in sources.document.values if path not in paths]
    given = {}
    for path in paths:
        key = key_at(path)
        if key is not None and not _is_beside(path):
            value = sources.find(key, path)
            if value is not None:
                given[path] = value
    return given


def _is_beside(path: tuple[str, ...]) -> bool:
    """Return whether ``path`` is the ``_file`` key of a secret: it is read with its secret."""
    return any(key.secret and key.file_key.path == path for key in KEYS)


def _table(given: Mapping[tuple[str, ...], Value], *prefix: str) -> dict[str, Any]:
    """Return what was given right under ``prefix``, by the name of our dataclass's field."""
    return {
        FIELDS.get(path[-1], path[-1]): value.value
        for path, value in given.items()
        if path[:-1] == prefix
    }


def _broker(given: Mapping[tuple[str, ...], Value]) -> BrokerSettings:
    table = _table(given, "broker")
    password = table.pop("password", None)
    url = table.get("url", DEFAULT_BROKER)
    if password is not None:
        table["url"] = _with_password(given, url, password)
    if "ca_file" in table and not url.startswith("amqps://"):
        origin = given[("broker", "ca_file")].origin
        raise InvalidSettingsError(f"{origin}: broker.ca_file: needs an amqps:// broker.url")
    return BrokerSettings(**table)


def _with_password(given: Mapping[tuple[str, ...], Value], url: str, password: str) -> str:
    if ("broker", "url") not in given:
        origin = given[("broker", "password")].origin
        raise InvalidSettingsError(f"{origin}: broker.password: needs broker.url beside it")
    try:
        return with_password(url, password)
    except ValueError as error:
        where = given[("broker", "url")].origin
        raise InvalidSettingsError(f"{where}: broker.url: {error}") from error


def _checks(
    sources: Sources, given: Mapping[tuple[str, ...], Value]
) -> Mapping[str, CheckSettings]:
    known = sources.around.known_checks
    named = sources.document.names.get("checks", ())
    for name in named:
        if known is not None and name not in known:
            message = f"there is no such check; {nearest(name, known)}"
            raise sources.document.refusal(("checks", name), message)
    checks = {}
    for name in sorted({*DEFAULT_CHECKS, *named}):
        table = _table(given, "checks", name)
        if table.pop("enabled", True):
            checks[name] = CheckSettings(name, **table)
    if not checks:
        raise InvalidSettingsError(f"{sources.document.file}: checks: at least one must be enabled")
    return checks


def _people(
    sources: Sources,
    given: Mapping[tuple[str, ...], Value],
    broker: BrokerSettings,
    checks: Mapping[str, CheckSettings],
) -> People:
    document = sources.document
    programs = dict.fromkeys(broker.builders, "a builder")
    by_default = Identities()
    programs |= {
        check.user or by_default.worker(name): f"the worker of {name}"
        for name, check in checks.items()
    }
    programs[broker.gate_user] = "the gate"
    # In a trial one user is everybody.
    programs.pop(broker.sole_user or "", None)
    named = document.names.get(PEOPLE, ())
    return people_of(
        document,
        {name: _table(given, PEOPLE, name) for name in named},
        _table(given, GROUPS),
        programs=programs,
    )


def _repositories(
    sources: Sources, given: Mapping[tuple[str, ...], Value]
) -> Mapping[str, Repository]:
    document = sources.document
    repositories: dict[str, Repository] = {}
    words: dict[str, str] = {}
    for name in document.names.get("repositories", ()):
        path = ("repositories", name)
        key_word = word(name, budget=WORD_BUDGET[2])
        if not name or any(ord(char) < 33 or ord(char) == 127 for char in name):
            raise document.refusal(path, "a repository's key has no spaces or control characters")
        # On the wire both would be the same word: the users of one could speak for the other.
        if key_word in words:
            message = f"is the same as {words[key_word]} in a routing key; rename one of them"
            raise document.refusal(path, message)
        words[key_word] = name
        repositories[name] = _repository(sources, path, _table(given, *path))
    return repositories


def _repository(sources: Sources, path: tuple[str, ...], table: dict[str, Any]) -> Repository:
    document = sources.document
    if "url" not in table or document.file is None:
        raise document.refusal(path, "needs a url")
    try:
        url, protocol = repository_url(table.pop("url"), document.file.parent)
    except ValueError as error:
        raise document.refusal((*path, "url"), str(error)) from error
    protocols = table.pop("protocols", (protocol,) if protocol != "file" else ())
    strange = sorted(set(protocols) - set(_PROTOCOLS))
    if strange:
        message = f"{strange[0]} is none of {', '.join(_PROTOCOLS)}"
        raise document.refusal((*path, "protocols"), message)
    if protocol not in protocols:
        wanted = (
            'say protocols = ["file"] to allow a local path'
            if protocol == "file"
            else (f"{protocol} is not among its protocols")
        )
        raise document.refusal((*path, "url"), wanted)
    return Repository(path[-1], url, protocols=protocols, **table)
