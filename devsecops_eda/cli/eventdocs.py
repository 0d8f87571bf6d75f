"""The events for readers: the table of `events list` and the whole of `docs/events.md`.

Everything comes from the schemas and the topology table, so that nothing can say otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from devsecops_eda import topology
from devsecops_eda.codec import schemas
from devsecops_eda.model import EventType
from devsecops_eda.roles import MAY_SAY

# A stand-in for any scanner: every check is bound alike.
_ANY_CHECK = "<check>"

_KEYS: Mapping[EventType, str] = {
    EventType.COMMIT_PUSHED: "<repo>.<branch>._.<flow>",
    EventType.SCAN_REQUESTED: "<repo>.<check>._.<flow>",
    EventType.SCAN_COMPLETED: "<repo>.<check>.<worst severity or none>.<flow>",
    EventType.SCAN_FAILED: "<repo>.<check>.<reason>.<flow>",
    EventType.DECISION_REQUESTED: "<repo>.<environment>._.<flow>",
    EventType.DECISION_MADE: "<repo>.<environment>.<verdict>.<flow>",
    EventType.MESSAGE_DEAD_LETTERED: "_.<check>.<reason>.<flow>",
    EventType.MESSAGE_REPLAYED: "_.<check>.<reason>.<flow>",
    EventType.MESSAGE_DROPPED: "_.<check>.<reason>.<flow>",
    EventType.DEPLOYMENT_REQUESTED: "<repo>.<environment>._.<flow>",
    EventType.ARTIFACT_PUBLISHED: "<repo>._._.<flow>",
    EventType.APPROVAL_REQUESTED: "<repo>.<environment>.<gate>.<flow>",
    EventType.APPROVAL_VOTED: "<repo>._.<vote>.<flow>",
    EventType.APPROVAL_GRANTED: "<repo>.<environment>.granted.<flow>",
    EventType.APPROVAL_DENIED: "<repo>.<environment>.denied.<flow>",
    EventType.APPROVAL_EXPIRED: "<repo>.<environment>.expired.<flow>",
    EventType.WAIVER_REQUESTED: "<repo>.<environment>.<reason>.<flow>",
    EventType.WAIVER_GRANTED: "<repo>._._.<flow>",
    EventType.WAIVER_REVOKED: "<repo>._._.<flow>",
    EventType.WAIVER_EXPIRING: "<repo>._._.<flow>",
    EventType.WAIVER_EXPIRED: "<repo>._._.<flow>",
    EventType.OVERRIDE_REQUESTED: "<repo>._._.<flow>",
    EventType.OVERRIDE_REVIEWED: "<repo>._._.<flow>",
    EventType.OVERRIDE_ACTIVATED: "<repo>.<environment>.active.<flow>",
    EventType.OVERRIDE_REFUSED: "<repo>.<environment>.refused.<flow>",
    EventType.OVERRIDE_EXPIRED: "<repo>.<environment>.expired.<flow>",
    EventType.LISTING_REQUESTED: "<repo>.<what>._.<flow>",
    EventType.LISTING_MADE: "<repo>.<what>._.<flow>",
}
_FLOW = "019cb0a6-7c00-7c3d-8f43-7b8a9e0f1a2b"

INTRODUCTION = """\
# Events

Every fact is a [CloudEvent 1.0](https://github.com/cloudevents/spec) on the topic exchange
`{exchange}`. Send it in structured mode: content type `{content_type}`, the whole event as the
body. Binary mode (attributes in headers `ce-…`, `data` as the body, content type
`application/json`) is taken as well.

This page is generated from `events/` and the topology table
(`devsecops-eda events list --format markdown`). `devsecops-eda events show TYPE` prints a schema,
`--example` an example, `devsecops-eda events validate FILE` says what is wrong with an event.

Consumers are open: fields that are not listed pass, and an unknown word of an open list counts as
`unknown` or `other`. A message is refused when it is over 128 KiB, deeper than 16 levels or over
4 096 items; is no strict UTF-8 or no JSON of one meaning (a key twice, `NaN`, an integer beyond
2^53, a lone surrogate, NUL); breaks its schema; or speaks of another repository (for `scan.*`
also: another check) than its routing key.

What only one role may say needs the broker's word on who says it: send it with the property
`user_id`, which the broker checks. What people say (`approver` below) is taken from any user; the
gate judges whether the person behind it is entitled to it, and records why not.
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One type of event: its routing key, who may say it and who consumes it."""

    type: EventType
    title: str
    key: str
    said_by: tuple[str, ...]
    consumed_by: tuple[str, ...]


def rows() -> tuple[Row, ...]:
    """Return one row for each type of event."""
    return tuple(_row(type_) for type_ in EventType)


def example(type_: EventType) -> str:
    """Return the text of the first golden example of ``type_``."""
    folder = resources.files("devsecops_eda.events").joinpath(type_.value, "golden")
    first = min(folder.iterdir(), key=lambda file: file.name)
    return first.read_text(encoding="utf-8")


def markdown() -> str:
    """Return the page on all events."""
    from devsecops_eda.codec import CONTENT_TYPE

    parts = [INTRODUCTION.format(exchange=topology.EVENTS, content_type=CONTENT_TYPE)]
    parts.append("| event | routing key | said by | consumed by |\n| --- | --- | --- | --- |")
    parts[-1] += "".join(
        f"\n| [`{row.type.value}`](#{_anchor(row.type.value)}) | `{row.key}` |"
        f" {', '.join(row.said_by)} | {', '.join(row.consumed_by)} |"
        for row in rows()
    )
    parts.append("## Envelope\n\n" + _section(schemas.ENVELOPE))
    for row in rows():
        shown = json.dumps(json.loads(example(row.type)), indent=2, ensure_ascii=False)
        parts.append(f"## {row.type.value}\n\n{_section(row.type.value)}\n\n```json\n{shown}\n```")
    shared = schemas.document(schemas.COMMON)["$defs"]
    parts.append("## Common parts")
    parts.extend(
        f"### {name}\n\n{definition['description']}\n\n{_fields(definition)}"
        for name, definition in shared.items()
        if "properties" in definition
    )
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _row(type_: EventType) -> Row:
    key = f"{type_.value}.{_KEYS[type_]}"
    sample = f"{type_.value}.repo.{topology.word(_ANY_CHECK, budget=topology.WORD_BUDGET[3])}._._"
    consumers = []
    if any(topology.matches(pattern, sample) for pattern in topology.check_keys(_ANY_CHECK)):
        consumers.append("the check" if type_ is EventType.SCAN_REQUESTED else "every check")
    if any(topology.matches(each, sample) for each in topology.check_keys(topology.GATE_CHECK)):
        consumers.append("the gate")
    answer = topology.routing_key(type_, repo="repo", flow=_FLOW)
    keys = topology.reply_keys(repo="repo", flow=_FLOW)
    if any(topology.matches(each, answer) for each in keys):
        consumers.append("whoever waits for the flow")
    said_by = tuple(sorted(role.value.replace("_", " ") for role in MAY_SAY[type_]))
    title = str(schemas.document(type_.value)["title"])
    return Row(type_, title, key, said_by, tuple(consumers) or ("whoever binds a queue",))


def _section(name: str) -> str:
    schema = schemas.document(name)
    return f"{schema['description']}\n\n{_fields(schema)}"


def _fields(schema: Mapping[str, Any]) -> str:
    lines = ["| field | | what it is |", "| --- | --- | --- |"]
    lines.extend(
        f"| `{name}` | {_kind(field)}{'' if name in schema['required'] else ', optional'} |"
        f" {_meaning(field)} |"
        for name, field in schema["properties"].items()
    )
    return "\n".join(lines)


def _kind(field: Mapping[str, Any]) -> str:
    name = field.get("$ref", "").rpartition("/")[2]
    full = schemas.resolved(field)
    match full.get("type", "string"):
        case "array":
            return f"list of {_kind(full['items'])}"
        case "object":
            return f"[{name}](#{_anchor(name)})" if name else "object"
        case "string":
            return "time" if full.get("format") == "date-time" else "text"
        case other:
            return str(other)


def _meaning(field: Mapping[str, Any]) -> str:
    full = schemas.resolved(field)
    return (
        " ".join([schemas.description_of(field), *_words(full)])
        .replace("|", "\\|")
        .replace("<", "&lt;")
        .strip()
    )


def _words(full: Mapping[str, Any]) -> Iterator[str]:
    for keyword, label in (("enum", "One of"), ("x-known-words", "Known words:")):
        if keyword in full:
            yield f"{label} {', '.join(f'`{word}`' for word in full[keyword])}."


def _anchor(heading: str) -> str:
    return heading.lower().replace(".", "").replace(" ", "-")
