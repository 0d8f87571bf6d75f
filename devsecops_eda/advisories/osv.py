"""OSV advisories (https://ossf.github.io/osv-schema/) as version specifiers; pure.

They come from free sources and are treated as hostile: every text is cut and made printable,
every list bounded, and what does not fit the schema is refused with a reason.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cvss import CVSS2, CVSS3, CVSS4, CVSSError
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name, is_normalized_name
from packaging.version import InvalidVersion, Version
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

from devsecops_eda.model import Severity

ECOSYSTEM = "PyPI"
MAX_ITEMS = 10_000
MAX_SUMMARY = 200
MAX_DETAILS = 4_000
MAX_ID = 100

_WORDS = {"MODERATE": Severity.MEDIUM}
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:+-]*")
_CVSS = {"CVSS_V2": CVSS2, "CVSS_V3": CVSS3, "CVSS_V4": CVSS4}


class MalformedAdvisoryError(ValueError):
    """This is no OSV advisory we can use; the message is the reason."""


@dataclass(frozen=True, slots=True)
class Advisory:
    """One vulnerability of one package. ``specs`` are alternatives: each is a specifier set."""

    id: str
    package: str
    specs: tuple[str, ...]
    modified: datetime
    published: datetime
    summary: str
    details: str = ""
    severity: Severity = Severity.UNKNOWN
    aliases: tuple[str, ...] = ()
    fixed_versions: tuple[str, ...] = ()
    cwe: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """An advisory that was taken back."""


def advisories_of(name: str, content: bytes) -> tuple[Advisory, ...] | Withdrawn:
    """Return what one OSV file says about packages on PyPI, one per package; pure.

    Raises:
        MalformedAdvisoryError: it is no advisory, or none of its ranges can be used.
    """
    try:
        document = _loaded(name, content)
        if not isinstance(document, Mapping):
            raise MalformedAdvisoryError("not an advisory")
        _identifier(document["id"])
        if document.get("withdrawn"):
            return Withdrawn()
        by_package: dict[str, list[Mapping[str, Any]]] = {}
        for affected in _items(document.get("affected", ())):
            package = affected["package"]
            if str(package["ecosystem"]).split(":")[0] == ECOSYSTEM:
                by_package.setdefault(_package_name(package["name"]), []).append(affected)
        return tuple(_advisory(document, package, by_package[package]) for package in by_package)
    except MalformedAdvisoryError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as e:
        raise MalformedAdvisoryError("does not fit the OSV schema") from e


def _loaded(name: str, content: bytes) -> Any:
    try:
        text = content.decode("utf-8-sig")
        if name.endswith(".json"):
            return json.loads(text)
        loader = YAML(typ="safe", pure=True)
        # Aliases make a few hundred bytes into gigabytes; no advisory needs them.
        if re.search(r"(?m)(?:^|[\s\[{,:-])\*\S", text) and any(
            isinstance(event, AliasEvent) for event in loader.parse(text)
        ):
            raise MalformedAdvisoryError("holds YAML aliases")
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError, RecursionError) as e:
        if isinstance(e, MalformedAdvisoryError):
            raise
        raise MalformedAdvisoryError("neither JSON nor YAML") from e


def _advisory(
    document: Mapping[str, Any], package: str, affected: Sequence[Mapping[str, Any]]
) -> Advisory:
    identifier = _identifier(document["id"])
    specs, fixed = _specs(affected)
    if not specs:
        raise MalformedAdvisoryError(f"no usable range of versions for {package}")
    modified = _time(document["modified"])
    details = _text(document.get("details") or "", MAX_DETAILS)
    summary = _text(document.get("summary") or "", MAX_SUMMARY)
    specific = document.get("database_specific") or {}
    return Advisory(
        id=identifier,
        package=package,
        specs=tuple(specs),
        modified=modified,
        published=_time(document["published"]) if document.get("published") else modified,
        summary=" ".join(summary.split()) or _first_line(details) or identifier,
        details=details,
        severity=_severity(document, affected, specific),
        aliases=tuple(sorted({_identifier(alias) for alias in _items(document.get("aliases"))})),
        fixed_versions=tuple(fixed),
        cwe=tuple(c for c in map(str, _items(specific.get("cwe_ids"))) if _is_cwe(c)),
    )


def _specs(affected: Iterable[Mapping[str, Any]]) -> tuple[list[str], list[str]]:
    specs: dict[str, None] = {}
    fixed: dict[str, None] = {}
    versions: list[Version] = []
    for entry in affected:
        for given in _items(entry.get("ranges")):
            if given["type"] in ("ECOSYSTEM", "SEMVER"):
                for spec, mended in _intervals(given["events"]):
                    specs[spec] = None
                    fixed |= {mended: None} if mended else {}
        versions += [v for v in map(_version, _items(entry.get("versions"))) if v]
    sets = [SpecifierSet(spec) for spec in specs]
    for version in versions:
        if not any(one.contains(version, prereleases=True) for one in sets):
            specs[f"=={version}"] = None
    return list(specs), sorted(fixed, key=Version)


def _intervals(events: object) -> Iterator[tuple[str, str | None]]:
    """Yield (specifier, fixed version) for every stretch of affected versions."""
    # At one version: what ends there ends before the next begins, and "last" includes it.
    order = {"fixed": 0, "limit": 0, "introduced": 1, "last_affected": 2}
    points = []
    for event in _items(events):
        for word, text in event.items():
            if word == "limit" and text == "*":
                continue
            version = _version(text)
            if version is None:
                return
            points.append((version, order[word], word))
    start: str | None = None
    for version, _, word in sorted(points):
        if word == "introduced":
            # 0 means from the beginning, development versions of 0 too.
            start = start or (f">={version}" if version != Version("0") else ">=0.dev0")
        elif start is not None:
            if word == "last_affected":
                yield f"{start},<={version}", None
            else:
                # Not "<": by PEP 440 it leaves out the pre-releases of the version, which are
                # as vulnerable as what came before them.
                yield f"{start},<={version},!={version}", str(version) if word == "fixed" else None
            start = None
    if start is not None:
        yield start, None


def _severity(
    document: Mapping[str, Any],
    affected: Sequence[Mapping[str, Any]],
    specific: Mapping[str, Any],
) -> Severity:
    """Return the worst CVSS rating, else the database's own word, else unknown."""
    rated = [
        rating
        for holder in (document, *affected)
        for given in _items(holder.get("severity"))
        if (rating := _rating(given)) is not None
    ]
    if rated:
        return max(rated)
    word = str(specific.get("severity", "")).upper()
    return _WORDS.get(word) or Severity.of(word)


def _rating(given: Mapping[str, Any]) -> Severity | None:
    kind = _CVSS.get(given["type"])
    if kind is None:
        return None
    try:
        score = float(kind(str(given["score"])[:500]).base_score)
    except (CVSSError, ValueError, KeyError, TypeError):
        return None
    # The ratings of CVSS v3.1, section 5.
    bounds = ((9.0, Severity.CRITICAL), (7.0, Severity.HIGH), (4.0, Severity.MEDIUM))
    for bound, severity in (*bounds, (0.1, Severity.LOW)):
        if score >= bound:
            return severity
    return Severity.INFO


def _items(value: object) -> Sequence[Any]:
    if value is None:
        return ()
    if not isinstance(value, list | tuple):
        raise MalformedAdvisoryError("does not fit the OSV schema")
    if len(value) > MAX_ITEMS:
        raise MalformedAdvisoryError(f"a list of more than {MAX_ITEMS} items")
    return value


def _package_name(name: object) -> str:
    canonical = canonicalize_name(name) if isinstance(name, str) else ""
    if not is_normalized_name(canonical) or len(canonical) > MAX_ID:
        raise MalformedAdvisoryError("the name of a package is none")
    return canonical


def _identifier(value: object) -> str:
    if not isinstance(value, str) or len(value) > MAX_ID or not _ID.fullmatch(value):
        raise MalformedAdvisoryError("an identifier is none")
    return value


def _is_cwe(word: str) -> bool:
    return re.fullmatch(r"CWE-\d{1,6}", word) is not None


def _version(text: object) -> Version | None:
    # YAML reads an unquoted 1.2 as a number.
    if isinstance(text, bool) or not isinstance(text, str | int | float) or len(str(text)) > MAX_ID:
        return None
    try:
        return Version(str(text))
    except InvalidVersion:
        return None


def _time(value: object) -> datetime:
    """Return a time in UTC; YAML gives some of them as ``datetime`` without a zone."""
    time = value if isinstance(value, datetime) else datetime.fromisoformat(str(value)[:64])
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)


def _text(value: object, limit: int) -> str:
    if not isinstance(value, str):
        raise MalformedAdvisoryError("a text is none")
    clean = "".join(char if char.isprintable() or char == "\n" else " " for char in value[:limit])
    return clean.strip()


def _first_line(text: str) -> str:
    return text.strip("# \n").partition("\n")[0][:MAX_SUMMARY].strip()
