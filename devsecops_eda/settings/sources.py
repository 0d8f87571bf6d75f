"""Where a value comes from: environment, systemd credential, file, in this order."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.settings.document import Document, dotted
from devsecops_eda.settings.keys import ENVIRONMENT_PREFIX, KEYS, Key
from devsecops_eda.settings.readers import Base

DEFAULT = "default"
CONFIG_VARIABLE = ENVIRONMENT_PREFIX + "CONFIG"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """All that settings depend on beside the text of the file.

    ``read_file`` returns the text of a secret file, ``credential`` that of a systemd credential
    (None where there is none by that name); both may raise OSError. ``known_checks`` are the
    checks that are installed; None takes any name.
    """

    environ: Mapping[str, str]
    cwd: Path
    state_dir: Path
    read_file: Callable[[Path], str]
    credential: Callable[[str], str | None] = lambda _name: None
    home: Path | None = None
    known_checks: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it came from, in words for a person."""

    value: object
    origin: str


@dataclass(frozen=True, slots=True)
class Sources:
    """Finds the value of a key, wherever it was given."""

    document: Document
    around: Surroundings

    def find(self, key: Key, path: tuple[str, ...]) -> Value | None:
        """Return the value of ``key`` at ``path``, None when nobody gave one.

        Raises:
            InvalidSettingsError: it is no value for that key, or its file cannot be read.
        """
        if key.secret:
            return self._secret(key, path)
        return self._environment(key) or self._file(key, path)

    def _secret(self, key: Key, path: tuple[str, ...]) -> Value | None:
        beside = key.file_key
        beside_path = (*path[:-1], beside.path[-1])
        for value, file, name in (
            (self._environment(key), self._environment(beside), str(key.environment)),
            (self._credential(key), None, ""),
            (self._file(key, path), self._file(beside, beside_path), dotted(path)),
        ):
            if value and file:
                raise InvalidSettingsError(f"{name} is given, and a file for it too: give it once")
            if file:
                return self._secret_file(key, file)
            if value:
                return value
        return None

    def _environment(self, key: Key) -> Value | None:
        name = key.environment
        given = self.around.environ.get(name) if name else None
        if given is None or name is None:
            return None
        base = Base(self.around.cwd, self.around.home)
        return Value(_read(key, given, base, f"environment variable {name}"), f"environment {name}")

    def _credential(self, key: Key) -> Value | None:
        name = str(key.credential)
        where = f"systemd credential {name}"
        try:
            given = self.around.credential(name)
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidSettingsError(f"{where}: cannot be read: {_why(error)}") from error
        if given is None:
            return None
        return Value(_read(key, given.rstrip("\r\n"), Base(self.around.cwd), where), where)

    def _file(self, key: Key, path: tuple[str, ...]) -> Value | None:
        if path not in self.document.values or self.document.file is None:
            return None
        base = Base(self.document.file.parent, self.around.home)
        try:
            value = key.read(self.document.values[path], base)
        except ValueError as error:
            raise self.document.refusal(path, str(error)) from error
        return Value(value, self.document.place(path))

    def _secret_file(self, key: Key, named: Value) -> Value:
        file = Path(str(named.value))
        try:
            given = self.around.read_file(file).rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            what = f"{file} cannot be read: {_why(error)}"
            raise InvalidSettingsError(f"{named.origin}: {key.file_key.dotted}: {what}") from error
        value = _read(key, given, Base(file.parent, self.around.home), str(file))
        return Value(value, f"file {file} ({named.origin})")


def refuse_misspelt(environ: Mapping[str, str]) -> None:
    """Refuse a variable that is almost, but not quite, one of ours.

    Others with our prefix pass: they may be another version's.

    Raises:
        InvalidSettingsError: names the variable and the one that was probably meant.
    """
    known = {key.environment for key in KEYS if key.environment} | {CONFIG_VARIABLE}
    words = [name.removeprefix(ENVIRONMENT_PREFIX) for name in known]
    for name in sorted(environ):
        if name.upper().startswith(ENVIRONMENT_PREFIX) and name not in known:
            word = name[len(ENVIRONMENT_PREFIX) :].upper()
            near = difflib.get_close_matches(word, words, n=1, cutoff=0.8)
            if near:
                meant = ENVIRONMENT_PREFIX + near[0]
                raise InvalidSettingsError(
                    f"environment variable {name}: there is no such setting; did you mean {meant}?"
                )


def _read(key: Key, given: str, base: Base, where: str) -> object:
    try:
        return key.read(given, base)
    except ValueError as error:
        raise InvalidSettingsError(f"{where}: {error}") from error


def _why(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else "is not UTF-8"
