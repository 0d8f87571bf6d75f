"""One vulnerability under several names becomes one advisory."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from packaging.version import Version

from devsecops_eda.advisories.osv import Advisory
from devsecops_eda.model import Severity


def merge(advisories: Iterable[Advisory]) -> tuple[Advisory, ...]:
    """Return one advisory per package and vulnerability, sorted; pure.

    Databases list the same one under names of their own and know each other by aliases. The
    name published first stays: another that comes later must not make it a new finding. What
    any of them calls affected is affected.
    """
    groups: dict[tuple[str, str], list[Advisory]] = {}
    for advisory in sorted(advisories, key=lambda a: (a.package, a.published, a.id)):
        names = (advisory.id, *advisory.aliases)
        known = {id(g): g for name in names if (g := groups.get((advisory.package, name)))}
        joined = [advisory for group in known.values() for advisory in group] + [advisory]
        for member in joined:
            for name in (member.id, *member.aliases):
                groups[member.package, name] = joined
    unique = {id(group): group for group in groups.values()}
    merged = (
        _merged(sorted(group, key=lambda a: (a.published, a.id))) for group in unique.values()
    )
    return tuple(sorted(merged, key=lambda a: (a.package, a.id)))


def _merged(group: list[Advisory]) -> Advisory:
    first = group[0]
    rated = [a.severity for a in group if a.severity is not Severity.UNKNOWN]
    names = {name for a in group for name in (a.id, *a.aliases)} - {first.id}
    fixed = {version for a in group for version in a.fixed_versions}
    return replace(
        first,
        specs=tuple(dict.fromkeys(spec for a in group for spec in a.specs)),
        severity=max(rated, default=Severity.UNKNOWN),
        aliases=tuple(sorted(names)),
        fixed_versions=tuple(sorted(fixed, key=Version)),
        cwe=tuple(dict.fromkeys(cwe for a in group for cwe in a.cwe)),
        modified=max(a.modified for a in group),
    )
