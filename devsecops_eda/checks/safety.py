"""The check ``safety``: known vulnerabilities in pinned Python dependencies, offline.

Measured of safety 3.7.0 and the reason for what stands here: unpinned requirements, an empty file
and a policy file in the working directory all end in exit code 0 and "nothing found"; its own
count of packages is no coverage. So we read the manifests, hand it one file of exact pins, and
compare what it says it looked at with that file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from devsecops_eda.advisories import INDEX_FILE, Advisory, Database, read_database, read_index
from devsecops_eda.checks import (
    CheckSettings,
    Inputs,
    Plan,
    RawFinding,
    Report,
    Scanner,
    Selection,
    Tree,
)
from devsecops_eda.checks.manifests import read_manifests
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import Confidence, DataVersion, Package

REQUIREMENTS_FILE = "requirements.txt"
PLACES_FILE = "places.json"
MEND = "run `devsecops-eda data import` with a current folder of OSV advisories"


class Safety(Scanner):
    """Known vulnerabilities in pinned Python dependencies."""

    name = "safety"
    tool = "safety"

    def select(self, tree: Tree, settings: CheckSettings) -> Selection:
        """Say which manifests there are and what in them is no exact version."""
        found = read_manifests(tree)
        lines = "".join(f"{text}\n" for text in found.places)
        places = json.dumps(found.places, separators=(",", ":"))
        return Selection(
            eligible=found.paths,
            gaps=found.gaps,
            generated={REQUIREMENTS_FILE: lines.encode(), PLACES_FILE: places.encode()},
        )

    def inputs(self, settings: CheckSettings, *, now: datetime) -> Inputs:
        """Return the database in ``settings.database``, as it is now.

        Raises:
            CheckError: there is none (``no_data``), or it is older than ``settings.max_age_s``
                or from the future (``stale_data``).
            UnavailableError: it is being replaced right now.
        """
        if settings.database is None:
            raise CheckError(
                FailureReason.NO_DATA,
                f"no database of advisories is configured: {MEND}, and name the folder it made "
                "as `database` of [checks.safety]",
            )
        database = read_database(settings.database)
        if database is None:
            raise CheckError(
                FailureReason.NO_DATA,
                f"{settings.database} holds no database of advisories: {MEND} "
                f"`--into {settings.database}`",
            )
        _refuse_wrong_age(database, settings, now)
        return Inputs(
            data=DataVersion(digest=database.digest, date=database.date), files=database.files
        )

    def command(self, plan: Plan) -> Sequence[str]:
        """Return a call that sees our list of pins and our database, nothing of the repository."""
        return [
            str(plan.program),
            "check",
            "--file",
            str(plan.generated / REQUIREMENTS_FILE),
            "--db",
            str(plan.inputs),
            "--output",
            "json",
        ]

    def parse(self, output: bytes, plan: Plan) -> Report:
        """Read the JSON between safety's banners.

        Raises:
            CheckError: there is none, it is not about our pins, or names an advisory that is not
                in the database (``bad_output``).
        """
        places = json.loads((plan.generated / PLACES_FILE).read_bytes())
        advisories = read_index((plan.inputs / INDEX_FILE).read_bytes())
        try:
            document = _document(output)
            _refuse_other_pins(document, places)
            findings = tuple(
                finding
                for found in (*document["vulnerabilities"], *document["ignored_vulnerabilities"])
                for finding in _findings(found, places, advisories)
            )
            version = str(document["report_meta"]["safety_version"])
        except (ValueError, KeyError, TypeError, RecursionError) as e:
            raise CheckError(
                FailureReason.BAD_OUTPUT,
                f"safety printed no report we understand ({len(output)} bytes)",
            ) from e
        # Every eligible manifest was read by us, and safety told of every pin in them.
        scanned = frozenset(str(plan.tree / name) for name in plan.names.values())
        return Report(version=version, findings=findings, scanned=scanned)


def _refuse_wrong_age(database: Database, settings: CheckSettings, now: datetime) -> None:
    age = now - database.date
    said = f"{settings.database} speaks for {database.date.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if age < timedelta(minutes=-5):
        raise CheckError(
            FailureReason.STALE_DATA,
            f"{said}, which lies in the future: set the clock right, or {MEND}",
        )
    if age.total_seconds() > settings.max_age_s:
        raise CheckError(
            FailureReason.STALE_DATA,
            f"{said} and is {age.total_seconds() / 86400:.1f} days old, more than the "
            f"{settings.max_age_s / 86400:g} allowed: {MEND}",
        )


def _document(output: bytes) -> Mapping[str, Any]:
    text = output.decode("utf-8", errors="replace")
    document = json.JSONDecoder().raw_decode(text, text.index("{"))[0]
    if not isinstance(document, dict):
        raise TypeError("not an object")
    return document


def _refuse_other_pins(document: Mapping[str, Any], places: Mapping[str, Any]) -> None:
    looked_at = {
        f"{canonicalize_name(requirement['name'])}{requirement['specifier']}"
        for package in document["scanned_packages"].values()
        for requirement in package["requirements"]
    }
    passed_over = sorted(set(places) - looked_at)
    if passed_over:
        raise CheckError(
            FailureReason.BAD_OUTPUT,
            f"safety looked at {len(places) - len(passed_over)} of {len(places)} pins, "
            f"not at {passed_over[0]}",
        )


def _findings(
    found: Mapping[str, Any],
    places: Mapping[str, Sequence[tuple[str, int]]],
    advisories: Mapping[tuple[str, str], Advisory],
) -> Iterator[RawFinding]:
    name = canonicalize_name(found["package_name"])
    version = found["analyzed_version"]
    advisory = advisories[found["vulnerability_id"], name]
    fixed = _fixed(advisory.fixed_versions, version)
    for path, line in places[f"{name}=={version}"]:
        yield RawFinding(
            rule=advisory.id,
            path=path,
            line=line,
            severity=advisory.severity,
            message=f"{name} {version}: {advisory.summary}",
            confidence=Confidence.HIGH,
            title=advisory.summary,
            help=advisory.details,
            cwe=advisory.cwe,
            fix=f"upgrade {name} to {fixed} or later" if fixed else None,
            package=Package(
                name=name,
                version=version,
                advisory=advisory.id,
                aliases=advisory.aliases,
                fixed_versions=advisory.fixed_versions,
                published=advisory.published,
            ),
            generated=True,
            # Neither line nor version: a bump that does not mend is the same finding.
            code=f"{advisory.id} {name}",
        )


def _fixed(versions: Sequence[str], current: str) -> str | None:
    """Return the lowest fixed version above ``current``."""
    above = []
    for version in versions:
        try:
            if Version(version) > Version(current):
                above.append(Version(version))
        except InvalidVersion:
            continue
    return str(min(above)) if above else None
