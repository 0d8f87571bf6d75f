"""What each word for a failure means to a reader, and what he can do about it.

`docs/errors.md` is made of these tables; a test holds them complete.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devsecops_eda import errors
from devsecops_eda.errors import DevSecOpsError, FailureReason, RefusalReason


@dataclass(frozen=True, slots=True)
class Meaning:
    """What happened, and what helps; Markdown, a sentence or two each."""

    what: str
    remedy: str


_SENDER = "Its sender has to send it right; `devsecops-eda events validate` tries it. Drop it."
_UPGRADE = (
    "A bug of ours; the message is healthy. Report it with the log, replay after the upgrade."
)

REFUSALS: Mapping[RefusalReason, Meaning] = {
    RefusalReason.TOO_LARGE: Meaning(
        "The message, or its data, has more bytes than are taken.",
        "Keep the data elsewhere and send `dataref` and `datadigest`. Drop it.",
    ),
    RefusalReason.NOT_UTF8: Meaning(
        "No strict UTF-8, a byte order mark, or another charset in the content type.",
        _SENDER,
    ),
    RefusalReason.TOO_DEEP: Meaning("The JSON nests deeper than any event needs.", _SENDER),
    RefusalReason.TOO_MANY_ITEMS: Meaning(
        "The JSON has more items than are taken.",
        "Keep the data elsewhere and send `dataref` and `datadigest`. Drop it.",
    ),
    RefusalReason.NOT_JSON: Meaning("Empty, or no JSON.", _SENDER),
    RefusalReason.DUPLICATE_KEY: Meaning(
        "A key stands twice in one object, so that two readers may read two things.", _SENDER
    ),
    RefusalReason.BAD_NUMBER: Meaning(
        "`NaN`, an infinity, or a number that not every reader keeps exactly.", _SENDER
    ),
    RefusalReason.BAD_TEXT: Meaning(
        "Text with a lone surrogate or NUL, or properties of the message that cannot be read.",
        _SENDER,
    ),
    RefusalReason.NOT_AN_EVENT: Meaning(
        "No CloudEvent: content type, or an attribute that is missing or of another form.", _SENDER
    ),
    RefusalReason.UNKNOWN_TYPE: Meaning(
        "A type of event, or a version of one, that this program does not know.",
        "Newer sender: upgrade here, then replay. Else its sender has to send it right; drop it.",
    ),
    RefusalReason.SCHEMA: Meaning(
        "The data does not fit the schema of its type; the path names the field.", _SENDER
    ),
    RefusalReason.KEY_MISMATCH: Meaning(
        "The routing key names another repository, check or type than the body, or the queue is"
        " not for this type.",
        "Publish under the key that the sentence names. From a user you do not expect it of: see"
        " [IdentityRefused](runbooks.md#identityrefused).",
    ),
    RefusalReason.COPIED: Meaning(
        "It has a CC or BCC header, which gets round the rights on routing keys.",
        "Its sender has to send it once for each key. Never replayed; drop it.",
    ),
    RefusalReason.NOT_AUTHORISED: Meaning(
        "It came without `user_id`, or from a broker user who may not say this type.",
        "Set `user_id`; name the user in the configuration (`broker.builders`,"
        " `checks.<name>.user`, …). Nobody knows of it: see"
        " [IdentityRefused](runbooks.md#identityrefused).",
    ),
    RefusalReason.NOT_REPLAYABLE: Meaning(
        "Somebody replayed what a verdict rests on.",
        "`devsecops-eda rescan`, or saying it anew, makes a new fact. Drop it.",
    ),
    RefusalReason.ID_CONFLICT: Meaning(
        "Its id was used before for other content, which stands.",
        "The sender must give each fact an id of its own. Drop it.",
    ),
    RefusalReason.FUTURE_TIME: Meaning(
        "It says that it happens later than a clock may be wrong.",
        "Set the sender's clock; replay once the time has come.",
    ),
    RefusalReason.EXPIRED: Meaning(
        "Its `expirytime` was over before the gate saw it.",
        "Ask anew if it is still wanted; drop it.",
    ),
    RefusalReason.UNKNOWN_ID: Meaning(
        "It names a round of voting, waiver or override that this gate does not know.",
        "Look at the id (`devsecops-eda approvals list`, `waiver list`, `override list`) and say it"
        " anew. After a restore of an older ledger: see [backup](backup.md#after-a-restore).",
    ),
    RefusalReason.DELIVERY_LIMIT: Meaning(
        "The broker gave up: each delivery ended the worker or its connection.",
        "The worker's log says what it died of. Mend that, then replay.",
    ),
    RefusalReason.REJECTED: Meaning(
        "The broker moved it because a worker rejected it and said no reason.",
        "Our own do so only with what is far too large. Look at it; drop it.",
    ),
    RefusalReason.INTERNAL: Meaning("The door, or the gate behind it, failed.", _UPGRADE),
    RefusalReason.OTHER: Meaning(
        "A policy of the broker let it expire or overflow, somebody put it there by hand, or a"
        " newer program gave a reason that this one does not know.",
        "Take such policies off our queues; read the sentence beside the reason.",
    ),
}
"""Why a message stands in the dead letters."""

FAILURES: Mapping[FailureReason, Meaning] = {
    FailureReason.UNAVAILABLE: Meaning(
        "Git server, evidence store or another service was away for as long as is waited.",
        "Bring it back, then `devsecops-eda rescan`.",
    ),
    FailureReason.CRASHED: Meaning(
        "The scanner broke, or the worker died at it each time it was tried.",
        "The sentence and the worker's log say of what; mend it, then rescan.",
    ),
    FailureReason.TIMEOUT: Meaning(
        "The scanner took longer than `checks.<name>.timeout`, or git longer than it may.",
        "Raise it; on a busy host have fewer `slots`.",
    ),
    FailureReason.TOOL_MISSING: Meaning(
        "The scanner's program is not there, or not in a version that was tested.",
        "`devsecops-eda scanners install` as the worker's user; `devsecops-eda doctor` looks.",
    ),
    FailureReason.BAD_OUTPUT: Meaning(
        "The scanner printed what its adapter does not know.",
        "Another version of the scanner than the tested one, or a bug of ours: report it.",
    ),
    FailureReason.OUTPUT_LIMIT: Meaning(
        "The scanner, or the whole outcome, has more bytes than are taken.",
        "Narrow the rules that find so much.",
    ),
    FailureReason.RESOURCE_LIMIT: Meaning(
        "Memory, processes or a size of file was used up, or the tree is over its bounds.",
        "Raise `checks.<name>.memory`, give the host more, or take what is so large out of the"
        " repository.",
    ),
    FailureReason.NO_DATA: Meaning(
        "There is no vulnerability data, or what is there cannot be read.",
        "`devsecops-eda data import` on each host of that worker, then rescan.",
    ),
    FailureReason.STALE_DATA: Meaning(
        "The vulnerability data is older than `checks.<name>.max_age`, or dated in the future.",
        "Import newer data, then rescan: [DataOld](runbooks.md#dataold).",
    ),
    FailureReason.NOTHING_SCANNED: Meaning(
        "There were files to look at, and the scanner looked at none.",
        "The gaps say why of each; most often the scanner cannot read them.",
    ),
    FailureReason.NO_SANDBOX: Meaning(
        "bubblewrap is missing, or kernel or container let it make no namespaces.",
        "[Containers](containers.md) and [systemd](systemd.md) say what it needs; `devsecops-eda"
        " doctor` tries it.",
    ),
    FailureReason.UNKNOWN_REPOSITORY: Meaning(
        "The configuration of the worker names no such repository.",
        "Add it to `[repositories]` on every worker, then rescan.",
    ),
    FailureReason.UNKNOWN_REVISION: Meaning(
        "The repository has no such commit, or none that may be fetched from it.",
        "Push it, or tell of the right repository and branch.",
    ),
    FailureReason.FETCH_REFUSED: Meaning(
        "The git server refuses these credentials or does not know the repository.",
        "Mend the URL and the credential of `[repositories]`, then rescan.",
    ),
    FailureReason.MISCONFIGURED: Meaning(
        "Rules or settings of the check cannot be used.",
        "The sentence names them: [configuration](configuration.md).",
    ),
    FailureReason.INTERNAL: Meaning(
        "The check itself failed, or git did.", "A bug of ours most likely: report it with the log."
    ),
    FailureReason.OTHER: Meaning(
        "The scan was stopped, or a newer worker gave a reason that this program does not know.",
        "Rescan; read the sentence beside it.",
    ),
}
"""Why a check has no verdict."""

ERRORS: Mapping[type[DevSecOpsError], str] = {
    errors.DevSecOpsError: "The root of all others.",
    errors.TransientError: "Try again later.",
    errors.BrokerUnreachableError: "Is the broker up, and host, port and TLS of `broker.url` right?"
    " `emit --spool` keeps the event meanwhile.",
    errors.BrokerBlockedError: "Mend the alarm: [BrokerAlarm](runbooks.md#brokeralarm).",
    errors.PublishTimeoutError: "Say it again: an event told twice is one event.",
    errors.UnavailableError: "Bring the service back that is named, and try again.",
    errors.RacedError: "Try again.",
    errors.PublishError: "Not the same again; the next two rows say what instead.",
    errors.UnroutableError: "`devsecops-eda topology apply`.",
    errors.PublishRefusedError: "Look at the queue that is full, and at the broker's log.",
    errors.UnwritableError: "Report it with the log; the event is in the dead letters.",
    errors.EvidenceMissingError: "Bring the evidence back from the [backup](backup.md), or"
    " `devsecops-eda rescan` for a new outcome.",
    errors.NotAuthorisedError: "Mend user, password or rights: [RabbitMQ](rabbitmq.md).",
    errors.InvalidEventError: "The reason says what is wrong: [dead letters](#dead-letters).",
    errors.ConfigurationError: "Call the operator: the message says where and how.",
    errors.InvalidSettingsError: "Mend what is named: [configuration](configuration.md);"
    " `devsecops-eda config show` says where each value comes from.",
    errors.InvalidPolicyError: "Mend the line that is named: `devsecops-eda policy check`.",
    errors.TopologyMismatchError: "An operator removes the queue (once it is empty) or exchange,"
    " then `devsecops-eda topology apply`.",
    errors.MissingExtraError: "Install the extra that is named.",
    errors.CheckError: "The reason says what is wrong: [checks without a verdict]"
    "(#checks-without-a-verdict).",
}
"""What the reader of an error can do, by its class."""
