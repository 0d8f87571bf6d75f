"""Binary mode: attributes in headers ``ce-…``, data in the body (Knative's RabbitMQ binding)."""

from __future__ import annotations

from collections.abc import Mapping

from cloudevents.core.bindings.rabbitmq import CE_PREFIX, RabbitMQMessage, from_binary_event
from cloudevents.core.exceptions import CloudEventValidationError

from devsecops_eda.codec.strict import canonical, pointer, refusal, shown
from devsecops_eda.errors import RefusalReason

MAX_HEADER_CHARS = 1024
MAX_ATTRIBUTES = 32
REQUIRED = ("specversion", "id", "source", "type", "time")


def is_binary(headers: Mapping[str, object]) -> bool:
    """Return whether any header is an attribute of a CloudEvent."""
    return any(str(name).lower().startswith(CE_PREFIX) for name in headers)


def structured(headers: Mapping[str, object], *, content_type: str, data: object) -> bytes:
    """Return the same event in structured mode; ``data`` is what the body says, parsed strictly.

    Raises:
        InvalidEventError: the headers are no CloudEvent (``not_an_event``).
    """
    attributes = _attributes(headers)
    for name in REQUIRED:
        # The library makes up an id and a time; a repeat would be another event each time.
        if name not in attributes:
            raise refusal(
                RefusalReason.NOT_AN_EVENT,
                f"the header {CE_PREFIX}{name} is missing; binary mode needs it",
                path=pointer([name]),
            )
    named = {CE_PREFIX + name: value for name, value in attributes.items()}
    # No body for the library: its parser has none of our bounds.
    message = RabbitMQMessage(headers=named, content_type=content_type, body=b"")
    try:
        event = from_binary_event(message)
    except (CloudEventValidationError, ValueError, OverflowError) as error:
        raise refusal(
            RefusalReason.NOT_AN_EVENT,
            "the ce- headers are no CloudEvent 1.0: names in lower-case letters and digits,"
            " time as RFC 3339",
        ) from error
    document = dict(event.get_attributes())
    # The library reads times more kindly than the schema, which is to see what was sent.
    document["time"] = attributes["time"]
    document["datacontenttype"] = "application/json"
    return canonical({**document, "data": data})


def _attributes(headers: Mapping[str, object]) -> dict[str, str]:
    found: dict[str, str] = {}
    for header, value in headers.items():
        # A name that is no UTF-8 may come as bytes, whatever the type says.
        name = str(header).lower()
        if not name.startswith(CE_PREFIX):
            continue
        name = name.removeprefix(CE_PREFIX)
        if not isinstance(value, str) or len(value) > MAX_HEADER_CHARS:
            raise refusal(
                RefusalReason.NOT_AN_EVENT,
                f"the header {shown(header)} must be text of at most {MAX_HEADER_CHARS} characters",
                path=pointer([name]),
            )
        if name in found or len(found) >= MAX_ATTRIBUTES:
            raise refusal(
                RefusalReason.NOT_AN_EVENT,
                f"the header {shown(header)} stands twice, or there are more than"
                f" {MAX_ATTRIBUTES} attributes",
                path=pointer([name]),
            )
        found[name] = value
    return found
