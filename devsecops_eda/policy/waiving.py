"""Waivers in judgement: which are in force, what they cover, and what is left in the way.

A waiver covers one fingerprint, one advisory in one package, or a scan that one requirement lacks
on one exact subject. What it covers is waived and never satisfied, and the line names it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from packaging.utils import canonicalize_name

from devsecops_eda.model import Finding, RequirementState, Severity, WaiverScope, WaiverState
from devsecops_eda.policy.durations import show_duration
from devsecops_eda.policy.facts import Facts, Waiver
from devsecops_eda.policy.judged import Judged, listed, plain, when
from devsecops_eda.policy.kinds.counting import exceeded
from devsecops_eda.policy.kinds.findings import mend
from devsecops_eda.policy.model import AnyRule, CheckRule, FindingsRule, WaiverTerms
from devsecops_eda.policy.summary import OWED

MAX_WAIVERS = 200
"""So many waivers one line may need: a decision names each of them."""


def waiver_state(
    waiver: Waiver, terms: WaiverTerms | None, severity: Severity | None, now: datetime
) -> tuple[WaiverState, str]:
    """Return how ``waiver`` stands at ``now`` for a finding of ``severity``, and a sentence.

    ``severity`` None: it covers a requirement, or that of what it covers is not known; then the
    longest span there is for any severity holds. Only ``active`` is in force.
    """
    if waiver.revoked_at is not None:
        return WaiverState.REVOKED, f"it was revoked {when(waiver.revoked_at)}, for good"
    begins = _begins(waiver)
    if begins is None or waiver.granted_at is None or now < waiver.granted_at:
        if now >= waiver.expires_at:
            return WaiverState.EXPIRED, "nobody granted it before its end"
        return WaiverState.REQUESTED, "nobody has granted it yet"
    refused = _refused(waiver, terms, severity, waiver.expires_at - begins)
    if refused:
        return WaiverState.REFUSED, refused
    if now >= waiver.expires_at:
        return WaiverState.EXPIRED, f"it ended {when(waiver.expires_at)}"
    if now < begins:
        return WaiverState.PLANNED, f"it begins {when(begins)}"
    return WaiverState.ACTIVE, f"it holds until {when(waiver.expires_at)}"


def covers(scope: WaiverScope, finding: Finding) -> bool:
    """Return whether ``scope`` is about ``finding``; names of packages as PEP 503 compares them."""
    if scope.fingerprint:
        return scope.fingerprint == finding.fingerprint
    package = finding.package
    if not scope.package or package is None:
        return False
    ids = {one.casefold() for one in (package.advisory, *package.aliases)}
    same = canonicalize_name(scope.package) == canonicalize_name(package.name)
    return same and scope.advisory.casefold() in ids


def longest(scope: WaiverScope, terms: WaiverTerms, severity: Severity | None) -> timedelta:
    """Return how long a waiver of ``scope`` may be, where what it covers is of ``severity``."""
    if scope.requirement:
        return terms.otherwise
    spans = dict(terms.longest)
    if severity is None:
        return max(spans.values(), default=timedelta(0))
    return spans.get(severity, timedelta(0))


def waived(
    rule: AnyRule, judged: Judged, facts: Facts, terms: WaiverTerms | None, now: datetime
) -> Judged:
    """Return what ``judged`` comes to with the waivers that are in force at ``now``.

    Only findings that count and scans that are owed can be waived.
    """
    if not facts.waivers or not isinstance(rule, CheckRule):
        return judged
    if isinstance(rule, FindingsRule) and judged.state is RequirementState.FAILED:
        return _findings_waived(rule, judged, _Waivers(facts, terms, now))
    # Where another check owes what is needed to judge findings, they are there already: no
    # waiver of the requirement covers findings.
    if judged.state in OWED and judged.owed_by == rule.check:
        return _scan_waived(rule, judged, _Waivers(facts, terms, now))
    return judged


def waiver_instants(facts: Facts) -> Iterator[datetime]:
    """Yield when waivers begin and end."""
    for waiver in facts.waivers:
        yield waiver.expires_at
        yield from (one for one in (waiver.granted_at, waiver.starts_at) if one is not None)


def _begins(waiver: Waiver) -> datetime | None:
    if waiver.granted_at is None or waiver.starts_at is None:
        return waiver.granted_at
    return max(waiver.granted_at, waiver.starts_at)


def _refused(
    waiver: Waiver, terms: WaiverTerms | None, severity: Severity | None, length: timedelta
) -> str:
    """Return why a granted waiver never holds, empty where it may."""
    if terms is None:
        return "the policy has no terms for waivers"
    if waiver.granter is None:
        return "who granted it is nobody the operator named"
    if waiver.requester is None:
        return "who asked for it is nobody the operator named"
    if waiver.granter == waiver.requester:
        return f"{waiver.granter} asked for it and granted it: that takes two"
    if not waiver.granter_groups & frozenset(terms.granters):
        return f"{waiver.granter} was in none of these groups: {', '.join(terms.granters)}"
    allowed = longest(waiver.scope, terms, severity)
    if length <= allowed:
        return ""
    # Not clipped: nobody granted the shorter one.
    of = "a finding" if severity is None else f"severity {severity.word}"
    what = "a requirement" if waiver.scope.requirement else of
    return f"it is {show_duration(length)} long, at most {show_duration(allowed)} for {what}"


@dataclass(frozen=True, slots=True)
class _Chosen:
    """The waiver in force, else why those there are do not hold and when the last of them ended."""

    waiver: Waiver | None
    notes: tuple[str, ...] = ()
    ended: datetime | None = None


class _Waivers:
    """The waivers for the judged environment at one instant, found by what they cover."""

    def __init__(self, facts: Facts, terms: WaiverTerms | None, now: datetime) -> None:
        self._subject, self._terms, self._now = facts.subject, terms, now
        self._by_key: defaultdict[tuple[str, str], list[Waiver]] = defaultdict(list)
        # Told twice is told once.
        for waiver in sorted(set(facts.waivers), key=repr):
            if waiver.environment in (None, facts.environment):
                self._by_key[_key(waiver.scope)].append(waiver)

    def of_finding(self, finding: Finding) -> _Chosen:
        near = list(self._by_key.get(("finding", finding.fingerprint), ()))
        if finding.package is not None:
            near += self._by_key.get(("package", canonicalize_name(finding.package.name)), ())
        return self._chosen([one for one in near if covers(one.scope, finding)], finding.severity)

    def of_requirement(self, rule: str) -> _Chosen:
        near = self._by_key.get(("requirement", rule), ())
        return self._chosen([one for one in near if one.scope.subject == self._subject], None)

    def _chosen(self, about: Sequence[Waiver], severity: Severity | None) -> _Chosen:
        states = [(one, *waiver_state(one, self._terms, severity, self._now)) for one in about]
        active = [one for one, state, _ in states if state is WaiverState.ACTIVE]
        if active:
            # Of several the one that ends last: that another ends changes nothing then.
            return _Chosen(max(active, key=lambda one: (one.expires_at, one.id)))
        return _Chosen(
            None,
            tuple(f"waiver {plain(one.id)}: {why}" for one, _, why in states),
            max(
                (one.expires_at for one, state, _ in states if state is WaiverState.EXPIRED),
                default=None,
            ),
        )


def _findings_waived(rule: FindingsRule, judged: Judged, waivers: _Waivers) -> Judged:
    chosen = _bounded([(finding, waivers.of_finding(finding)) for finding in judged.blocking])
    held = [one.waiver for _, one in chosen if one.waiver is not None]
    left = [(finding, one) for finding, one in chosen if one.waiver is None]
    over = exceeded(rule, [finding for finding, _ in left])
    told = _by(held, judged, f"{len(held)} of these waived") if held else judged
    if not over:
        return replace(told, state=RequirementState.WAIVED, blocking=())
    notes = listed(list(dict.fromkeys(note for _, one in left for note in one.notes)))
    blocking = tuple(finding for finding, _ in left if finding.severity >= over[0][0])
    return replace(
        told,
        text=f"{told.text}; {notes}" if notes else told.text,
        solution=mend(blocking),
        blocking=blocking,
        since=_since(rule, judged, left),
    )


def _bounded(chosen: Sequence[tuple[Finding, _Chosen]]) -> list[tuple[Finding, _Chosen]]:
    """Return ``chosen`` with no more waivers than a line may name; the worst findings come first.

    What needs another one is not waived.
    """
    needed = dict.fromkeys(one.waiver.id for _, one in chosen if one.waiver is not None)
    named = frozenset(list(needed)[:MAX_WAIVERS])
    over = _Chosen(None, (f"no more than {MAX_WAIVERS} waivers count for one rule",))
    return [
        (finding, one if one.waiver is None or one.waiver.id in named else over)
        for finding, one in chosen
    ]


def _since(
    rule: FindingsRule, judged: Judged, left: Sequence[tuple[Finding, _Chosen]]
) -> datetime | None:
    """Return when the first limit came to be exceeded for want of a waiver."""
    if judged.since is None:
        return None
    scanned = judged.since
    first = []
    for severity, limit in exceeded(rule, [finding for finding, _ in left]):
        ends = [one.ended or scanned for finding, one in left if finding.severity >= severity]
        first.append(max(scanned, sorted(ends)[limit]))
    return min(first)


def _scan_waived(rule: CheckRule, judged: Judged, waivers: _Waivers) -> Judged:
    chosen = waivers.of_requirement(rule.id)
    if chosen.waiver is not None:
        return replace(_by([chosen.waiver], judged, "waived"), state=RequirementState.WAIVED)
    notes = listed(chosen.notes)
    return replace(judged, text=f"{judged.text}; {notes}" if notes else judged.text)


def _by(held: Sequence[Waiver], judged: Judged, what: str) -> Judged:
    """Return ``judged`` with the waivers in force that it rests on."""
    ids = tuple(sorted({one.id for one in held}))
    begun = [begins for one in held if (begins := _begins(one)) is not None]
    return replace(
        judged,
        text=f"{judged.text}; {what} until {when(min(one.expires_at for one in held))}",
        evidence=(*judged.evidence, *ids),
        waivers=ids,
        since=max([*begun, judged.since] if judged.since else begun),
    )


def _key(scope: WaiverScope) -> tuple[str, str]:
    if scope.fingerprint:
        return "finding", scope.fingerprint
    if scope.package:
        return "package", canonicalize_name(scope.package)
    return "requirement", scope.requirement
