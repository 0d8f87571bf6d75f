"""Messages that the door must refuse, one of each shape, with the reason it must give.

`properties` are AMQP properties by their names; `headers` among them. Shapes that need another
exchange than the events exchange say so.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from devsecops_eda import topology
from devsecops_eda.codec import Delivery, encode, key_of
from devsecops_eda.errors import RefusalReason
from tests.examples import golden

PUSH = golden("commit.pushed", "branch_with_target")
SCAN = golden("scan.completed", "semgrep_findings")
RESCAN = golden("scan.requested", "rescan")
VOTE = golden("approval.voted", "approve")
ARTIFACT = golden("artifact.published", "image")
STRUCTURED = "application/cloudevents+json"
BODY = encode(PUSH)


@dataclass(frozen=True, slots=True)
class Shape:
    """One malformed message and the reason it is refused for.

    Some can only be handed to the door by a test: `arrives` says whether a real broker would take
    the message from an ordinary user and bring it to a queue.
    """

    name: str
    body: bytes
    expected_reason: RefusalReason
    properties: Mapping[str, Any] = field(default_factory=dict)
    routing_key: str = key_of(PUSH)
    exchange: str = topology.EVENTS
    arrives: bool = True

    def delivery(self) -> Delivery:
        """The message as the broker would hand it over."""
        return Delivery(
            self.body,
            content_type=self.properties.get("content_type"),
            headers=self.properties.get("headers", {}),
            routing_key=self.routing_key,
            exchange=self.exchange,
            user_id=self.properties.get("user_id"),
        )


def _shape(name: str, reason: RefusalReason, body: bytes = BODY, **more: Any) -> Shape:
    """A shape in structured mode, with more properties, another key or another exchange."""
    places = ("routing_key", "exchange", "arrives")
    place = {key: more.pop(key) for key in places if key in more}
    return Shape(name, body, reason, {"content_type": STRUCTURED, **more}, **place)


def _changed(change: Callable[[dict[str, Any]], object], body: bytes = BODY) -> bytes:
    document = json.loads(body)
    change(document)
    return json.dumps(document).encode()


def _with(**attributes: object) -> bytes:
    return _changed(lambda document: document.update(attributes))


def _with_data(**fields: object) -> bytes:
    return _changed(lambda document: document["data"].update(fields))


def _with_raw(field_: str) -> bytes:
    """The good event with one more, verbatim, member in `data`."""
    return BODY.replace(b'"data":{', b'"data":{' + field_.encode() + b",", 1)


def _foreign(name: str, headers: dict[str, Any], body: bytes) -> Shape:
    """A message as some Celery client would send it."""
    celery = {"content_type": "application/json", "content_encoding": "utf-8", "headers": headers}
    return Shape(name, body, RefusalReason.NOT_AN_EVENT, celery)


_WORDS = key_of(PUSH).split(".")
_OTHER_REPO = ".".join([*_WORDS[:2], "acme:other", *_WORDS[3:]])
_SCAN_WORDS = key_of(SCAN).split(".")
_OTHER_CHECK = ".".join([*_SCAN_WORDS[:3], "safety", *_SCAN_WORDS[4:]])
_CE = {
    "ce-specversion": "1.0",
    "ce-id": PUSH.id,
    "ce-source": PUSH.source,
    "ce-type": PUSH.type.wire,
    "ce-subject": PUSH.subject,
    "ce-time": "2026-03-02T09:30:00Z",
    "ce-correlationid": PUSH.correlationid,
}
_DATA = json.dumps(json.loads(BODY)["data"]).encode()
_TASK = {"task": "devsecops_eda.worker.scan", "id": "6f1e", "lang": "py"}


def _binary(name: str, reason: RefusalReason, body: bytes = _DATA, **changed: object) -> Shape:
    arrives = changed.pop("arrives", True) is True
    headers: dict[str, object] = {**_CE, **{f"ce-{key}": each for key, each in changed.items()}}
    headers = {name: value for name, value in headers.items() if value is not ABSENT}
    properties = {"content_type": "application/json", "headers": headers}
    return Shape(name, body, reason, properties, arrives=arrives)


BINARY_GOOD = Delivery(
    _DATA, content_type="application/json", headers=_CE, routing_key=key_of(PUSH)
)
"""The same push in binary mode, which is taken."""

ABSENT = object()
"""In place of a header's value: the header is not there."""
_BAD_NAME: dict[str, Any] = {"not-a-name": "x"}

R = RefusalReason
SHAPES: tuple[Shape, ...] = (
    _shape("empty body", R.NOT_JSON, b""),
    _shape("blank body", R.NOT_JSON, b" \r\n\t"),
    _shape("broken JSON", R.NOT_JSON, BODY[:-5]),
    _shape("two events in one body", R.NOT_JSON, BODY + b"\n" + BODY),
    _shape("raw control character", R.NOT_JSON, _with_raw('"x":"a\x00b"')),
    _shape("latin-1", R.NOT_UTF8, _with_raw('"x":"caf\xe9"').replace("\xe9".encode(), b"\xe9")),
    _shape("byte order mark", R.NOT_UTF8, b"\xef\xbb\xbf" + BODY),
    _shape("UTF-16", R.NOT_UTF8, BODY.decode().encode("utf-16")),
    _shape(
        "raw surrogate",
        R.NOT_UTF8,
        _with_raw('"x":"\u2028"').replace(b"\xe2\x80\xa8", b"\xed\xa0\x80"),
    ),
    _shape("charset of another kind", R.NOT_UTF8, content_type=STRUCTURED + "; charset=latin1"),
    _shape("129 KiB", R.TOO_LARGE, _with_raw(f'"x":"{"y" * 129 * 1024}"')),
    _shape("over 1 MiB", R.TOO_LARGE, _with_raw(f'"x":"{"y" * 1024 * 1024}"')),
    _shape("too deep", R.TOO_DEEP, _with_raw('"x":' + "[" * 1100 + "]" * 1100)),
    _shape("too deep and never closed", R.TOO_DEEP, b"[" * 100_000),
    _shape("too many items", R.TOO_MANY_ITEMS, _with_raw('"x":[' + "0," * 5000 + "0]")),
    _shape("one key twice", R.DUPLICATE_KEY, BODY[:-1] + b',"type":"devsecops.scan.completed.v1"}'),
    _shape("NaN", R.BAD_NUMBER, _with_raw('"x":NaN')),
    _shape("Infinity", R.BAD_NUMBER, _with_raw('"x":-Infinity')),
    _shape("1e400", R.BAD_NUMBER, _with_raw('"x":1e400')),
    _shape("integer beyond 2^53", R.BAD_NUMBER, _with_raw('"x":9007199254740993')),
    _shape("integer of 5 000 digits", R.BAD_NUMBER, _with_raw('"x":' + "9" * 5000)),
    _shape("lone surrogate", R.BAD_TEXT, _with_raw(r'"x":"\ud800"')),
    _shape("lone surrogate in a key", R.BAD_TEXT, _with_raw(r'"\udfff":1')),
    _shape("NUL", R.BAD_TEXT, _with_raw(r'"x":"a\u0000b"')),
    _shape("list", R.NOT_AN_EVENT, b"[" + BODY + b"]"),
    _shape("text", R.NOT_AN_EVENT, b'"commit.pushed"'),
    _shape("object that is no event", R.NOT_AN_EVENT, b"{}"),
    _shape("type is no text", R.NOT_AN_EVENT, _with(type=["devsecops.commit.pushed.v1"])),
    _shape("CloudEvents of another version", R.NOT_AN_EVENT, _with(specversion="0.3")),
    _shape("no content type", R.NOT_AN_EVENT, content_type=None),
    _shape("content type of plain JSON", R.NOT_AN_EVENT, content_type="application/json"),
    _shape("batch", R.NOT_AN_EVENT, content_type="application/cloudevents-batch+json"),
    _shape("unknown type", R.UNKNOWN_TYPE, _with(type="com.example.build.finished")),
    _shape("unknown major", R.UNKNOWN_TYPE, _with(type="devsecops.commit.pushed.v2")),
    _shape("schema of another type", R.UNKNOWN_TYPE, _with(dataschema=SCAN.type.dataschema)),
    _shape("no sha", R.SCHEMA, _changed(lambda document: document["data"].pop("sha"))),
    _shape("data is no object", R.SCHEMA, _with(data=[1])),
    _shape("sha with a newline", R.SCHEMA, _with_data(sha="a" * 40 + "\n")),
    _shape("sha in Arabic digits", R.SCHEMA, _with_data(sha="\u0661" * 40)),
    _shape("ref that looks like an option", R.SCHEMA, _with_data(ref="--upload-pack=x")),
    _shape("bad time", R.SCHEMA, _with(time="yesterday")),
    _shape("time before the years begin", R.SCHEMA, _with(time="0001-01-01T00:00:00+14:00")),
    _shape("flow is no UUID", R.SCHEMA, _with(correlationid="build 4711")),
    _shape("subject of another commit", R.SCHEMA, _with(subject="acme/app@" + "0" * 40)),
    _shape("repository of another key", R.KEY_MISMATCH, routing_key=_OTHER_REPO),
    _shape("key of too few words", R.KEY_MISMATCH, routing_key="commit.pushed.acme:app"),
    _shape("no key", R.KEY_MISMATCH, routing_key="", arrives=False),
    _shape(
        "outcome of another check than the key",
        R.KEY_MISMATCH,
        encode(SCAN),
        routing_key=_OTHER_CHECK,
        user_id="devsecops-worker-safety",
        arrives=False,
    ),
    _shape("CC header", R.COPIED, headers={"CC": ["decision.made.acme:app._.allow._"]}),
    _shape("bcc header", R.COPIED, headers={"bcc": ["decision.made.acme:app._.allow._"]}),
    _shape("outcome without a user", R.NOT_AUTHORISED, encode(SCAN), routing_key=key_of(SCAN)),
    _shape(
        "outcome from another check's worker",
        R.NOT_AUTHORISED,
        encode(SCAN),
        routing_key=key_of(SCAN),
        user_id="devsecops-worker-safety",
        arrives=False,
    ),
    _shape(
        "replayed outcome",
        R.NOT_REPLAYABLE,
        encode(SCAN),
        routing_key=topology.queue_name(topology.GATE_CHECK),
        exchange=topology.REPLAY,
        headers={topology.KEY_HEADER: key_of(SCAN)},
        user_id="devsecops-worker-semgrep",
        arrives=False,
    ),
    _shape(
        "replayed without its key",
        R.KEY_MISMATCH,
        routing_key=topology.queue_name("semgrep"),
        exchange=topology.REPLAY,
        arrives=False,
    ),
    _shape("vote without a user", R.NOT_AUTHORISED, encode(VOTE), routing_key=key_of(VOTE)),
    _shape(
        "vote in another repository than the key",
        R.KEY_MISMATCH,
        encode(VOTE),
        routing_key=key_of(VOTE).replace("acme:app", "acme:other"),
    ),
    _shape(
        "replayed vote",
        R.NOT_REPLAYABLE,
        encode(VOTE),
        routing_key=topology.queue_name(topology.GATE_CHECK),
        exchange=topology.REPLAY,
        headers={topology.KEY_HEADER: key_of(VOTE)},
        user_id="ada",
        arrives=False,
    ),
    _shape(
        "grant of an approval that is not the gate's",
        R.NOT_AUTHORISED,
        encode(golden("approval.granted", "short")),
        routing_key=key_of(golden("approval.granted", "short")),
        user_id="ada",
        arrives=False,
    ),
    _shape(
        "artifact from who is no builder",
        R.NOT_AUTHORISED,
        encode(ARTIFACT),
        routing_key=key_of(ARTIFACT),
        user_id="ci-acme",
        arrives=False,
    ),
    _shape(
        "artifact of one repository built from another's commit",
        R.SCHEMA,
        _changed(
            lambda document: document["data"]["built_from"].update(repo="acme/other"),
            encode(ARTIFACT),
        ),
        routing_key=key_of(ARTIFACT),
    ),
    # The three that kill the main process of a Celery worker: no 3-list, no id, a bad timelimit.
    _foreign("Celery task whose body is no list of three", _TASK, b'{"args": []}'),
    _foreign("Celery task without id", {"task": _TASK["task"], "lang": "py"}, b"[[], {}, {}]"),
    _foreign("Celery task with a bad timelimit", {**_TASK, "timelimit": "x"}, b"[[], {}, {}]"),
    _foreign("Celery task of ours", _TASK, b"[[1], {}, {}]"),
    _foreign("Celery task whose id is a table", {**_TASK, "id": {"a": [1]}}, b"[[], {}, {}]"),
    _foreign("Celery protocol 1", {}, b'{"task":"x","id":"1","args":[],"kwargs":{}}'),
    Shape(
        "pickle", b"\x80\x04N.", R.NOT_AN_EVENT, {"content_type": "application/x-python-serialize"}
    ),
    _binary("binary mode without id", R.NOT_AN_EVENT, id=ABSENT),
    _binary("binary mode without time", R.NOT_AN_EVENT, time=ABSENT),
    _binary("binary mode with an empty id", R.NOT_AN_EVENT, id=None),
    _binary("binary mode with a number", R.NOT_AN_EVENT, specversion=1.0),
    _binary("binary mode with bytes", R.NOT_AN_EVENT, source=b"\xff"),
    _binary("binary mode with a table", R.NOT_AN_EVENT, subject={"a": [1]}),
    _binary("binary mode with a long header", R.NOT_AN_EVENT, source="x" * 2000),
    _binary("binary mode with a bad name", R.NOT_AN_EVENT, **_BAD_NAME),
    _binary("binary mode with data in a header", R.NOT_AN_EVENT, data="x"),
    _binary("binary mode with a bad time", R.NOT_AN_EVENT, time="soon"),
    _binary("binary mode with one header twice", R.NOT_AN_EVENT, ID="other"),
    _binary("binary mode with a week date", R.SCHEMA, time="2026-W10-1T09:30:00Z"),
    _binary("binary mode with a lone surrogate", R.BAD_TEXT, subject="\ud800", arrives=False),
    _binary("binary mode with deep data", R.TOO_DEEP, b"[" * 1100),
    _binary("binary mode with broken data", R.NOT_JSON, b"{"),
    _binary("binary mode with a list as data", R.SCHEMA, b"[]"),
)
