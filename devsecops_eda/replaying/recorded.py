"""One old decision out of the ledger: as it was made, and made once more."""

from __future__ import annotations

from dataclasses import dataclass

from devsecops_eda import archive, codec
from devsecops_eda.errors import (
    ConfigurationError,
    EvidenceMissingError,
    InvalidEventError,
    InvalidPolicyError,
)
from devsecops_eda.evidence import Evidence
from devsecops_eda.ledger import ArchivedRow, Ledger
from devsecops_eda.model import Decision, Outcome
from devsecops_eda.policy import Facts, Policy, applied, decide
from devsecops_eda.policy.model import WaiverTerms

MAX_CACHED_OUTCOMES = 4096


@dataclass(frozen=True, slots=True)
class Recorded:
    """A decision with all it was made of."""

    row: ArchivedRow
    decision: Decision
    facts: Facts


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of making a decision again: ``same`` bit for bit, else ``why`` not."""

    decision: Decision | None
    same: bool
    why: str = ""


class Reader:
    """Reads decisions and their facts. One reader belongs to one thread."""

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        """Take where decisions and where large outcomes are kept."""
        self._ledger = ledger
        self._evidence = evidence
        self._outcomes: dict[int, Outcome] = {}
        self._policies: dict[str, Policy] = {}

    def recorded(self, decision_id: str) -> Recorded:
        """Return one decision and the facts it was made on.

        Raises:
            ConfigurationError: the ledger holds no such decision (any more).
            EvidenceMissingError: an outcome it rests on is gone.
            UnavailableError: ledger or evidence store is away.
        """
        with self._ledger.reading() as records:
            row = records.archive.get(decision_id)
        if row is None:
            raise ConfigurationError(
                f"the ledger holds no decision {decision_id!r}: is it the right ledger, or is the"
                " decision older than what is kept (gate.retention)?"
            )
        return self.read(row)

    def read(self, row: ArchivedRow) -> Recorded:
        """Return the decision of one row and the facts it was made on; raises as `recorded`."""
        facts = archive.facts_from_bytes(row.facts, self._outcome)
        return Recorded(row, archive.decision_from_bytes(row.body), facts)

    def replay(self, recorded: Recorded) -> Replayed:
        """Make a decision once more, from the facts and under the policy it was made with."""
        try:
            policy = self._policy(recorded.row.policy_source)
        except (EvidenceMissingError, InvalidPolicyError) as error:
            return Replayed(None, False, f"its policy is no longer read by this program: {error}")
        again = decide(policy, recorded.facts, recorded.decision.evaluated_at)
        if archive.decision_bytes(again) == recorded.row.body:
            return Replayed(again, True)
        return Replayed(again, False, _difference(recorded.decision, again))

    def terms_of(self, recorded: Recorded) -> WaiverTerms | None:
        """Return on what terms waivers held for a decision, None where that is no longer known."""
        try:
            policy = applied(self._policy(recorded.row.policy_source), recorded.facts)
        except (EvidenceMissingError, InvalidPolicyError):
            return None
        return policy.waivers if policy is not None else None

    def _policy(self, digest: str) -> Policy:
        if digest not in self._policies:
            with self._ledger.reading() as records:
                document = records.archive.policy(digest)
            if document is None:
                raise InvalidPolicyError(f"the ledger does not hold the policy {digest}")
            self._policies[digest] = archive.policy_from_document(document)
        return self._policies[digest]

    def _outcome(self, seq: int) -> Outcome:
        if seq not in self._outcomes:
            if len(self._outcomes) >= MAX_CACHED_OUTCOMES:
                self._outcomes.clear()
            self._outcomes[seq] = self._read_outcome(seq)
        return self._outcomes[seq]

    def _read_outcome(self, seq: int) -> Outcome:
        with self._ledger.reading() as records:
            body = records.inbox.body(seq)
        if body is None:
            raise EvidenceMissingError(f"the outcome at {seq} is no longer in the ledger")
        event = codec.decode(body)
        outcome = event.data
        assert isinstance(outcome, Outcome)  # only outcomes are referred to
        if event.datadigest is None:
            return outcome
        try:
            return codec.outcome_from_evidence(self._evidence.get(event.datadigest))
        except InvalidEventError as error:
            raise EvidenceMissingError(f"the evidence of {event.id} is spoilt: {error}") from error


def _difference(old: Decision, new: Decision) -> str:
    if old.verdict is not new.verdict:
        return f"it comes to {new.verdict.value} now, it was {old.verdict.value}"
    states = {line.id: line.state for line in old.requirements}
    for line in new.requirements:
        if states.get(line.id) is not line.state:
            was = states[line.id].value if line.id in states else "not there"
            return f"{line.id} comes to {line.state.value} now, it was {was}"
    if old.inputs_digest != new.inputs_digest:
        return "its inputs have another digest now"
    return "its words are others now: the program has changed since"
