"""Every error this package raises; the class says what the caller can do about it.

DevSecOpsError
├── TransientError            try again later; nothing is wrong with the request
│   ├── BrokerUnreachableError    no connection to the broker within the deadline
│   ├── BrokerBlockedError        the broker is in an alarm and takes no messages
│   ├── PublishTimeoutError       no confirm within the deadline; it may still have arrived
│   └── UnavailableError          git server, evidence store or ledger is away
│       └── RacedError                two wrote the same into the ledger at once
├── PublishError              this message was not taken; sending it again will not help
│   ├── UnroutableError           no queue wants it: is the topology applied?
│   └── PublishRefusedError       the broker said no (nack, full queue)
├── UnwritableError           the ledger is there and cannot hold this, now or later: our bug
├── EvidenceMissingError      the store does not hold what a digest names, or holds other bytes
├── NotAuthorisedError        these credentials may not do that
├── InvalidEventError         never: these bytes are no event for us; says why
├── ConfigurationError        call the operator
│   ├── InvalidSettingsError      the configuration file or environment
│   ├── InvalidPolicyError        the policy file
│   ├── TopologyMismatchError     a queue or exchange exists with other arguments
│   └── MissingExtraError         a part of this package is not installed
└── CheckError                no verdict: the check could not be carried out
"""

from __future__ import annotations

from enum import StrEnum


class RefusalReason(StrEnum):
    """Why a message stands in the dead letters; the word that stands in its header.

    ``delivery_limit`` and ``rejected`` are the broker's words for letters that it wrote itself.
    """

    TOO_LARGE = "too_large"
    NOT_UTF8 = "not_utf8"
    TOO_DEEP = "too_deep"
    TOO_MANY_ITEMS = "too_many_items"
    NOT_JSON = "not_json"
    DUPLICATE_KEY = "duplicate_key"
    BAD_NUMBER = "bad_number"
    BAD_TEXT = "bad_text"
    NOT_AN_EVENT = "not_an_event"
    UNKNOWN_TYPE = "unknown_type"
    SCHEMA = "schema"
    KEY_MISMATCH = "key_mismatch"
    COPIED = "copied"
    NOT_AUTHORISED = "not_authorised"
    NOT_REPLAYABLE = "not_replayable"
    ID_CONFLICT = "id_conflict"
    FUTURE_TIME = "future_time"
    EXPIRED = "expired"
    UNKNOWN_ID = "unknown_id"
    DELIVERY_LIMIT = "delivery_limit"
    REJECTED = "rejected"
    INTERNAL = "internal"
    OTHER = "other"


class FailureReason(StrEnum):
    """Why a check has no verdict; the word that stands in ``scan.failed``."""

    UNAVAILABLE = "unavailable"
    CRASHED = "crashed"
    TIMEOUT = "timeout"
    TOOL_MISSING = "tool_missing"
    BAD_OUTPUT = "bad_output"
    OUTPUT_LIMIT = "output_limit"
    RESOURCE_LIMIT = "resource_limit"
    NO_DATA = "no_data"
    STALE_DATA = "stale_data"
    NOTHING_SCANNED = "nothing_scanned"
    NO_SANDBOX = "no_sandbox"
    UNKNOWN_REPOSITORY = "unknown_repository"
    UNKNOWN_REVISION = "unknown_revision"
    FETCH_REFUSED = "fetch_refused"
    MISCONFIGURED = "misconfigured"
    INTERNAL = "internal"
    OTHER = "other"


class DevSecOpsError(Exception):
    """The root: whoever catches it catches all of ours and nothing else."""


class TransientError(DevSecOpsError):
    """Try again later; nothing is wrong with the request itself."""


class BrokerUnreachableError(TransientError):
    """There was no connection to the broker within the deadline."""


class BrokerBlockedError(TransientError):
    """The broker is in a memory or disk alarm and took nothing within the deadline."""


class PublishTimeoutError(TransientError):
    """No confirm came within the deadline; the message may still have arrived."""


class UnavailableError(TransientError):
    """A service behind us (git server, evidence store, ledger) is away."""


class RacedError(UnavailableError):
    """Two wrote the same into the ledger at once; doing it again sees what the other one wrote."""


class PublishError(DevSecOpsError):
    """This message was not taken; sending the same again will not help."""


class UnroutableError(PublishError):
    """No queue wants the message: the topology is not applied, or nobody listens."""


class PublishRefusedError(PublishError):
    """The broker refused the message (nack), for example because a queue is full."""


class UnwritableError(DevSecOpsError):
    """The ledger is there and cannot hold this, now or later: a bug of ours, not its absence."""


class EvidenceMissingError(DevSecOpsError):
    """The evidence store does not hold what a digest names, or holds other bytes."""


class NotAuthorisedError(DevSecOpsError):
    """These credentials are refused, or may not do that."""


class InvalidEventError(DevSecOpsError):
    """These bytes are no event for us, now or later.

    ``path`` names the field (JSON pointer, empty for the whole message).
    """

    def __init__(self, reason: RefusalReason, detail: str, *, path: str = "") -> None:
        super().__init__(f"{reason.value}: {path + ': ' if path else ''}{detail}")
        self.reason = reason
        self.detail = detail
        self.path = path


class ConfigurationError(DevSecOpsError):
    """Something the operator has to mend; the message says where and how."""


class InvalidSettingsError(ConfigurationError):
    """The configuration file or an environment variable is wrong."""


class InvalidPolicyError(ConfigurationError):
    """The policy file is wrong.

    ``line`` and ``column`` count from 1, 0 where there is no such place; ``path`` is the key path.
    """

    def __init__(
        self, detail: str, *, file: str = "", line: int = 0, column: int = 0, path: str = ""
    ) -> None:
        place = ":".join(str(part) for part in (file, line, column) if part)
        super().__init__(": ".join(part for part in (place, path, detail) if part))
        self.detail = detail
        self.file = file
        self.line = line
        self.column = column
        self.path = path


class TopologyMismatchError(ConfigurationError):
    """A queue or exchange on the broker exists with other arguments than ours."""


class MissingExtraError(ConfigurationError):
    """A command needs a part of this package that is not installed."""


class CheckError(DevSecOpsError):
    """No verdict: the check could not be carried out, for the reason named."""

    def __init__(self, reason: FailureReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
