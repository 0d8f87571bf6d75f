"""The AsyncAPI 3 document of what is said on the broker, made from the topology and the schemas.

It holds everything it refers to: the schemas of the events are carried over into its components.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ruamel.yaml import YAML

from devsecops_eda import topology
from devsecops_eda.cli import eventdocs
from devsecops_eda.codec import CONTENT_TYPE, schemas
from devsecops_eda.model import EventType, flow_word
from devsecops_eda.roles import MAY_SAY, PRIVILEGED, Role

VERSION = "1.0.0"
"""Of the document: its major is that of the events; a new field or event makes a new minor."""
BINDING_VERSION = "0.3.0"

_ANY_FLOW = "019cb0a6-7c00-7c3d-8f43-7b8a9e0f1a2b"
_CHECK = "{check}"
_PARAMETERS = {
    "branch": "A hint of the branch; not believed by any judge.",
    "check": "The name of a check, for example semgrep.",
    "environment": "The environment asked about, or _.",
    "flow": "The correlation id: its UUID in lower-case base32, 26 bytes.",
    "gate": "The name of a gate.",
    "reason": "Why, in one word.",
    "repo": "The repository in lower case, / as :, other bytes outside [a-z0-9_:-] as %xx.",
    "user": "The broker user who waits.",
    "verdict": "allow, deny, pending or error.",
    "vote": "What was voted.",
    "waiter": "Sixteen hex digits of one waiter, so that two of a flow have a queue each.",
    "what": "What is listed.",
    "worst_severity_or_none": "The highest severity found, or none.",
}

Json = dict[str, Any]


def document() -> Json:
    """Return the whole document; every reference in it leads to a place within it."""
    queues = _queues()
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "devsecops_eda",
            "version": VERSION,
            "description": (
                "Facts about commits, scans, decisions and people, as CloudEvents 1.0 in"
                f" structured mode on the topic exchange {topology.EVENTS} of RabbitMQ."
            ),
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {
            **{row.type.value: _channel_of_event(row) for row in eventdocs.rows()},
            "replay": _replay_channel(),
            **{name: _channel_of_queue(queue, types) for name, (queue, types) in queues.items()},
        },
        "operations": _operations({name: types for name, (_, types) in queues.items()}),
        "components": {
            "messages": {type_.value: _message(type_) for type_ in EventType},
            "schemas": _schemas(),
        },
    }


def as_yaml() -> str:
    """Return the document as YAML."""
    writer = YAML()
    writer.width = 100
    writer.default_flow_style = False
    text = io.StringIO()
    # Through JSON, so that no part is written as an alias of another.
    writer.dump(json.loads(json.dumps(document())), text)
    return text.getvalue()


def _ref(*words: str) -> Json:
    return {"$ref": "#/" + "/".join(words)}


def _queues() -> dict[str, tuple[str, tuple[EventType, ...]]]:
    """Return the channel of each queue with its name and the events that are bound to it."""
    waiter = topology.reply_queue(user="{user}", flow=_ANY_FLOW, waiter="{waiter}")
    # The patterns match words of a key: a stand-in serves where a name has braces.
    return {
        "queue.check": (topology.queue_name(_CHECK), _bound(topology.check_keys("any"))),
        "queue.gate": (
            topology.queue_name(topology.GATE_CHECK),
            _bound(topology.check_keys(topology.GATE_CHECK)),
        ),
        "queue.reply": (
            waiter.replace(flow_word(_ANY_FLOW), "{flow}"),
            _bound(topology.reply_keys(repo="any", flow=_ANY_FLOW)),
        ),
        "queue.dead": (topology.DEAD, tuple(EventType)),
    }


def _bound(patterns: Iterable[str]) -> tuple[EventType, ...]:
    wanted = tuple(patterns)
    keys = {
        type_: topology.routing_key(type_, repo="any", scope="any", flow=_ANY_FLOW)
        for type_ in EventType
    }
    return tuple(
        type_ for type_, key in keys.items() if any(topology.matches(one, key) for one in wanted)
    )


def _messages(types: Iterable[EventType]) -> Json:
    return {type_.value: _ref("components", "messages", type_.value) for type_ in types}


def _parameters(address: str) -> Json:
    return {name: {"description": _PARAMETERS[name]} for name in re.findall(r"{(\w+)}", address)}


def _exchange(exchange: topology.Exchange) -> Json:
    return {
        "amqp": {
            "is": "routingKey",
            "exchange": {
                "name": exchange.name,
                "type": exchange.kind,
                "durable": True,
                "autoDelete": False,
            },
            "bindingVersion": BINDING_VERSION,
        }
    }


def _exchange_named(name: str) -> Json:
    (found,) = (each for each in topology.EXCHANGES if each.name == name)
    return _exchange(found)


def _channel_of_event(row: eventdocs.Row) -> Json:
    address = re.sub(r"<([^>]+)>", lambda found: "{" + found[1].replace(" ", "_") + "}", row.key)
    return {
        "address": address,
        "title": row.title,
        "description": f"Consumed by {', '.join(row.consumed_by)}.",
        "messages": _messages([row.type]),
        "parameters": _parameters(address),
        "bindings": _exchange_named(topology.EVENTS),
    }


def _replay_channel() -> Json:
    address = topology.queue_name(_CHECK)
    return {
        "address": address,
        "title": "A dead letter on its way back into one queue",
        "messages": _messages(_replayed()),
        "parameters": _parameters(address),
        "bindings": _exchange_named(topology.REPLAY),
    }


def _replayed() -> tuple[EventType, ...]:
    return tuple(type_ for type_ in EventType if type_ not in PRIVILEGED)


def _channel_of_queue(queue: str, types: tuple[EventType, ...]) -> Json:
    channel: Json = {
        "address": queue,
        "messages": _messages(types),
        "bindings": {
            "amqp": {
                "is": "queue",
                "queue": {"name": queue, "durable": True, "exclusive": False, "autoDelete": False},
                "bindingVersion": BINDING_VERSION,
            }
        },
    }
    if parameters := _parameters(queue):
        channel["parameters"] = parameters
    return channel


def _operations(queues: Mapping[str, tuple[EventType, ...]]) -> Json:
    says = {
        f"{role.value}.says.{type_.value}": _operation(
            "send", type_.value, [type_], f"{_named(role)} says {type_.value}."
        )
        for role in Role
        for type_ in EventType
        if role in MAY_SAY[type_]
    }
    takes = {
        f"{who}.takes": _operation("receive", name, queues[name], summary)
        for who, name, summary in (
            (Role.SCAN_WORKER.value, "queue.check", "The worker of a check takes its events."),
            (Role.GATE.value, "queue.gate", "The gate takes what it judges by."),
            ("waiter", "queue.reply", "Whoever waits for a flow takes answers and progress."),
            (Role.OPERATOR.value, "queue.dead", "The operator looks at dead letters."),
        )
    }
    replays = _operation("send", "replay", _replayed(), "The operator sends a dead letter back.")
    return {**says, f"{Role.OPERATOR.value}.replays": replays, **takes}


def _named(role: Role) -> str:
    return "The " + role.value.replace("_", " ")


def _operation(action: str, channel: str, types: Iterable[EventType], summary: str) -> Json:
    how: Json = {"deliveryMode": 2} if action == "send" else {"ack": True}
    return {
        "action": action,
        "channel": _ref("channels", channel),
        "summary": summary,
        "messages": [_ref("channels", channel, "messages", type_.value) for type_ in types],
        "bindings": {"amqp": {**how, "bindingVersion": BINDING_VERSION}},
    }


def _message(type_: EventType) -> Json:
    schema = schemas.document(type_.value)
    return {
        "name": type_.wire,
        "title": schema["title"],
        "summary": schema["description"],
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.payload#/correlationid"},
        "payload": {
            "allOf": [
                _ref("components", "schemas", schemas.ENVELOPE),
                {
                    "type": "object",
                    "properties": {
                        "type": {"const": type_.wire},
                        "data": _ref("components", "schemas", type_.value),
                    },
                },
            ]
        },
        "bindings": {"amqp": {"messageType": type_.wire, "bindingVersion": BINDING_VERSION}},
        "examples": [{"payload": json.loads(eventdocs.example(type_))}],
    }


def _schemas() -> Json:
    shared = schemas.document(schemas.COMMON)["$defs"]
    return {
        schemas.ENVELOPE: _carried(schemas.document(schemas.ENVELOPE)),
        **{type_.value: _carried(schemas.document(type_.value)) for type_ in EventType},
        **{f"{schemas.COMMON}.{name}": _carried(schema) for name, schema in shared.items()},
    }


def _carried(schema: Mapping[str, Any]) -> Json:
    """Return ``schema`` as AsyncAPI reads it: the words of draft 7, references within."""
    carried: Json = {}
    for word, value in schema.items():
        match word:
            case "$schema" | "$id":
                pass
            case "$ref":
                name = f"{schemas.COMMON}.{value.rpartition('/')[2]}"
                # In draft 7 whatever stands beside a reference is not read.
                carried["allOf"] = [_ref("components", "schemas", name)]
            case "dependentRequired":
                carried["dependencies"] = value
            case "properties":
                carried[word] = {name: _carried(each) for name, each in value.items()}
            case "items":
                carried[word] = _carried(value)
            case _:
                carried[word] = value
    return carried
