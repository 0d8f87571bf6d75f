"""bytes <-> ``Event``: the wire format, and the door that nothing malformed gets through.

Pure. What goes wrong on the way in is one exception, ``InvalidEventError``, with a reason for
machines, the path of the field and a sentence for people.
"""

from devsecops_eda.codec.claim import (
    CLAIM_BYTES,
    MAX_EVIDENCE_BYTES,
    fits_inline,
    fitted,
    outcome_from_evidence,
    outcome_to_evidence,
)
from devsecops_eda.codec.door import Delivery, open_door
from devsecops_eda.codec.envelope import (
    CONTENT_TYPE,
    MAX_BODY_BYTES,
    MAX_REJECT_BYTES,
    content_digest,
    decode,
    encode,
    key_of,
    properties_of,
)
from devsecops_eda.codec.hearsay import said_flow, said_trace, said_user
from devsecops_eda.codec.times import format_time, parse_time
from devsecops_eda.codec.words import subject_of

__all__ = [
    "CLAIM_BYTES",
    "CONTENT_TYPE",
    "MAX_BODY_BYTES",
    "MAX_EVIDENCE_BYTES",
    "MAX_REJECT_BYTES",
    "Delivery",
    "content_digest",
    "decode",
    "encode",
    "fits_inline",
    "fitted",
    "format_time",
    "key_of",
    "open_door",
    "outcome_from_evidence",
    "outcome_to_evidence",
    "parse_time",
    "properties_of",
    "said_flow",
    "said_trace",
    "said_user",
    "subject_of",
]
