"""Finding and reading the configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path

from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.settings import (
    CONFIG_VARIABLE,
    DEFAULT_CHECKS,
    Loaded,
    Surroundings,
    parse_settings,
)
from devsecops_eda.settings.places import MAX_BYTES
from devsecops_eda.settings.readers import MAX_SECRET_BYTES

FILE_NAME = "devsecops-eda.toml"
SYSTEM_FILE = Path("/etc/devsecops-eda") / FILE_NAME
SYSTEM_STATE = Path("/var/lib/devsecops-eda")


def load(
    config_path: Path | None,
    environ: Mapping[str, str],
    *,
    cwd: Path | None = None,
    outside: Path | None = None,
) -> Loaded:
    """Return the settings of the file that holds here, completed from the environment.

    The first of ``config_path``, ``DEVSECOPS_EDA_CONFIG``, ``devsecops-eda.toml`` in ``cwd``, the
    system's file; without any, defaults and environment hold. A file in ``cwd`` that lies inside
    ``outside`` (what is about to be judged) is passed over.

    Raises:
        InvalidSettingsError: a named file is missing or unreadable, or something in it is wrong.
    """
    here = cwd or Path.cwd()
    file = find(config_path, environ, cwd=here, outside=outside)
    text = _read(file, MAX_BYTES) if file is not None else ""
    return parse_settings(text, file=file, around=_surroundings(environ, here))


def find(
    config_path: Path | None,
    environ: Mapping[str, str],
    *,
    cwd: Path,
    outside: Path | None = None,
) -> Path | None:
    """Return the configuration file that holds, None when there is none."""
    if config_path is not None:
        return cwd / config_path
    if environ.get(CONFIG_VARIABLE):
        return cwd / environ[CONFIG_VARIABLE]
    local = cwd / FILE_NAME
    # What is judged does not configure its judge.
    if local.exists() and not (outside and local.resolve().is_relative_to(outside.resolve())):
        return local
    return SYSTEM_FILE if SYSTEM_FILE.exists() else None


def default_state_dir(environ: Mapping[str, str]) -> Path:
    """Return the state folder where nobody names one."""
    # systemd's StateDirectory= may name several, divided by colons; the first is ours.
    given = environ.get("STATE_DIRECTORY", "").partition(":")[0]
    if given:
        return Path(given)
    if os.geteuid() == 0:
        return SYSTEM_STATE
    from platformdirs import user_state_path

    return user_state_path("devsecops-eda", appauthor=False)


def _surroundings(environ: Mapping[str, str], cwd: Path) -> Surroundings:
    credentials = environ.get("CREDENTIALS_DIRECTORY")
    home = environ.get("HOME")

    def credential(name: str) -> str | None:
        if not credentials:
            return None
        file = Path(credentials) / name
        return _secret(file) if file.exists() else None

    return Surroundings(
        environ=environ,
        cwd=cwd,
        state_dir=default_state_dir(environ),
        read_file=_secret,
        credential=credential,
        home=Path(home) if home else None,
        known_checks=frozenset(DEFAULT_CHECKS)
        | {entry.name for entry in entry_points(group="devsecops_eda.checks")},
    )


def _secret(file: Path) -> str:
    with file.open("rb") as opened:
        content = opened.read(MAX_SECRET_BYTES + 1)
    if len(content) > MAX_SECRET_BYTES:
        raise OSError(f"is over {MAX_SECRET_BYTES} bytes")
    return content.decode()


def _read(file: Path, bound: int) -> str:
    try:
        with file.open("rb") as opened:
            content = opened.read(bound + 1)
    except OSError as error:
        raise InvalidSettingsError(f"{file}: cannot be read: {error.strerror}") from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise InvalidSettingsError(f"{file}:{line}: is not UTF-8") from error
