"""What a decision rested on, as bytes: enough to make the same decision again, bit for bit.

Outcomes with findings are kept by reference, for the ledger holds them already; with each goes
the name its cause had in these facts. Outcomes without a verdict are written out: one may stand
for evidence that was away then and has come back since.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from cattrs import Converter

from devsecops_eda.codec import format_time
from devsecops_eda.codec.payloads import from_data, to_data
from devsecops_eda.errors import EvidenceMissingError, InvalidEventError
from devsecops_eda.model import Decision, EventType, Outcome
from devsecops_eda.policy import Facts, Matches, Policy
from devsecops_eda.policy.loading.policies import PolicyText, load_policies

VERSION = 1
"""The form of archived facts and policies. Another form has another number."""


def facts_to_bytes(facts: Facts, ref_of: Callable[[Outcome], int]) -> bytes:
    """Return ``facts`` as compact bytes; ``ref_of`` says where an outcome is kept.

    ``ref_of`` gets the very objects that ``facts`` hold, and none without a verdict.
    """
    bare = replace(
        facts,
        outcomes=(),
        origin_commits=(),
        baselines=tuple(replace(one, outcomes=()) for one in facts.baselines),
    )
    data: dict[str, Any] = _converter().unstructure(bare)
    data["version"] = VERSION
    data["outcomes"] = [_kept(one, ref_of) for one in facts.outcomes]
    data["origin_commits"] = [_kept(one, ref_of) for one in facts.origin_commits]
    for entry, baseline in zip(data.get("baselines", ()), facts.baselines, strict=True):
        entry["outcomes"] = [_kept(one, ref_of) for one in baseline.outcomes]
    return zlib.compress(_canonical(data))


def facts_from_bytes(data: bytes, outcome_of: Callable[[int], Outcome]) -> Facts:
    """Return the facts that ``facts_to_bytes`` wrote down, equal to what they were.

    ``outcome_of`` returns the outcome that is kept at a place, whatever its cause is called there.

    Raises:
        EvidenceMissingError: no such facts, or another outcome is kept in the place of one.
    """
    try:
        read: dict[str, Any] = json.loads(zlib.decompress(data))
        _check_version(read)
        outcomes, read["outcomes"] = read["outcomes"], ()
        commits = read.pop("origin_commits")
        compared = [entry.pop("outcomes") for entry in read.get("baselines", ())]
        bare: Facts = _converter().structure(read, Facts)
    except (InvalidEventError, KeyError, TypeError, ValueError, zlib.error) as error:
        raise EvidenceMissingError(f"the archived facts cannot be read: {error}") from error
    return replace(
        bare,
        outcomes=_found(outcomes, outcome_of),
        origin_commits=_found(commits, outcome_of),
        baselines=tuple(
            replace(one, outcomes=_found(kept, outcome_of))
            for one, kept in zip(bare.baselines, compared, strict=True)
        ),
    )


def decision_bytes(decision: Decision) -> bytes:
    """Return the canonical bytes of a decision: equal for equal decisions, and only for them."""
    return _canonical(to_data(decision))


def decision_from_bytes(body: bytes) -> Decision:
    """Return the decision that ``decision_bytes`` wrote down.

    Raises:
        EvidenceMissingError: these bytes are no decision.
    """
    try:
        decision = from_data(EventType.DECISION_MADE, json.loads(body))
    except (InvalidEventError, KeyError, TypeError, ValueError) as error:
        raise EvidenceMissingError(f"the archived decision cannot be read: {error}") from error
    assert isinstance(decision, Decision)  # says the type of event
    return decision


def policy_document(
    texts: Sequence[PolicyText],
    checks: Collection[str],
    groups: Mapping[str, Collection[str]],
) -> tuple[str, bytes]:
    """Return digest and bytes of all that ``load_policies`` made a policy of."""
    data = {
        "version": VERSION,
        "texts": [[one.file, one.text] for one in texts],
        "checks": sorted(set(checks)),
        "groups": {group: sorted(set(persons)) for group, persons in groups.items()},
    }
    body = _canonical(data)
    return "sha256:" + hashlib.sha256(body).hexdigest(), body


def policy_from_document(document: bytes) -> Policy:
    """Return the policy whose ``policy_document`` this is.

    Raises:
        EvidenceMissingError: these bytes are no such document.
        InvalidPolicyError: this program does not take the policy any more.
    """
    try:
        data: dict[str, Any] = json.loads(document)
        _check_version(data)
        texts = [PolicyText(file, text) for file, text in data["texts"]]
        checks = frozenset(data["checks"])
        groups = {group: frozenset(persons) for group, persons in data["groups"].items()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise EvidenceMissingError(f"the archived policy cannot be read: {error}") from error
    return load_policies(texts, checks=checks, groups=groups)


def _kept(outcome: Outcome, ref_of: Callable[[Outcome], int]) -> dict[str, Any]:
    if outcome.failure is not None:
        return {"whole": to_data(outcome)}
    return {
        "at": ref_of(outcome),
        "check": outcome.check,
        "subject": str(outcome.subject),
        "cause": outcome.cause,
    }


def _found(
    kept: Iterable[Mapping[str, Any]], outcome_of: Callable[[int], Outcome]
) -> tuple[Outcome, ...]:
    return tuple(_outcome(entry, outcome_of) for entry in kept)


def _outcome(entry: Mapping[str, Any], outcome_of: Callable[[int], Outcome]) -> Outcome:
    if "whole" in entry:
        whole = from_data(EventType.SCAN_FAILED, entry["whole"])
        assert isinstance(whole, Outcome)  # says the type of event
        return whole
    outcome = outcome_of(entry["at"])
    if (outcome.check, str(outcome.subject)) != (entry["check"], entry["subject"]):
        raise EvidenceMissingError(
            f"at {entry['at']} there is an outcome of {outcome.check} on {outcome.subject},"
            f" not one of {entry['check']} on {entry['subject']}"
        )
    return outcome if outcome.cause == entry["cause"] else replace(outcome, cause=entry["cause"])


@cache
def _converter() -> Converter:
    made = Converter(
        omit_if_default=True,
        detailed_validation=False,
        # What has no order is written in one: equal facts are equal bytes.
        unstruct_collection_overrides={tuple: list, frozenset: sorted},
    )
    made.register_unstructure_hook(datetime, format_time)
    # Written by the line above, in one form: it need not be looked at as what comes off the wire.
    made.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    made.register_unstructure_hook(Matches, _matches_data)
    made.register_structure_hook(Matches, lambda data, _: _matches(data))
    return made


def _matches_data(matches: Matches) -> list[str | None]:
    # Twenty thousand findings: a character each, not a word.
    told = matches.matching
    letters = None if told is None else "".join("1" if one else "0" for one in told)
    return [matches.where, matches.check, letters, matches.error]


def _matches(data: Sequence[Any]) -> Matches:
    where, check, letters, error = data
    told = None if letters is None else tuple(letter == "1" for letter in letters)
    return Matches(where, check, told, error)


def _check_version(data: dict[str, Any]) -> None:
    version = data.pop("version")
    if version != VERSION:
        raise ValueError(f"it has the form {version!r}, this program reads {VERSION}")


def _canonical(data: object) -> bytes:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()
