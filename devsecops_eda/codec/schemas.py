"""The schemas in ``events/`` as a judge: the first thing wrong, in a sentence that names the mend.

``jsonschema`` is the authority and writes the sentence. As it takes 200 µs for a small event and a
second to load where all its formats are installed, ``jsonschema_rs`` first says whether there is
anything to complain of at all; a test holds the two to one opinion. Two habits of the authority
are set right: ``$`` in Python also stands before a trailing newline, which no pattern of ours
means; and ``format`` is checked only where somebody brings a checker, so ours is brought along
and is the same function that reads times.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from devsecops_eda.codec.strict import kind_of, pointer, refusal
from devsecops_eda.codec.times import parse_time
from devsecops_eda.errors import RefusalReason
from devsecops_eda.model import EventType

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

ENVELOPE = "envelope"
COMMON = "common"
NAMES = (ENVELOPE, COMMON, *(type_.value for type_ in EventType))

_NOT_TEXT = re.compile("[\\0\ud800-\udfff]")
_KINDS = {
    "object": "an object",
    "array": "a list",
    "string": "text",
    "integer": "an integer",
    "boolean": "true or false",
}


@cache
def document(name: str) -> Mapping[str, Any]:
    """Return the schema of that name (an event type, ``envelope`` or ``common``) as it ships."""
    folder = resources.files("devsecops_eda.events")
    text = folder.joinpath(name, "1.0.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


def check(name: str, value: object, *, at: tuple[str, ...] = ()) -> None:
    """Let ``value`` pass if it follows the schema called ``name``.

    Raises:
        InvalidEventError: it does not (``schema``); ``at`` leads the path.
    """
    if _quick(name).is_valid(value):
        return
    error: ValidationError | None = next(authority(name).iter_errors(value), None)
    if error is not None:
        path = [*at, *error.absolute_path]
        if error.validator in ("required", "dependentRequired"):
            path.append(_missing(error))
        sentence = f"{_label(path)} {_complaint(error)}"
        raise refusal(RefusalReason.SCHEMA, sentence, path=pointer(path))


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ``schema`` with what it refers to beneath what it says itself."""
    if "$ref" not in schema:
        return schema
    target = document(COMMON)["$defs"][schema["$ref"].rpartition("/")[2]]
    return {**target, **schema}


def description_of(schema: Mapping[str, Any]) -> str:
    """Return what the field with this schema means."""
    described: str = resolved(schema).get("description", "")
    return described


def cut_to_fit(name: str, value: object) -> object:
    """Return ``value`` with free texts and lists cut to the bounds of the schema called ``name``.

    Text with a pattern is left alone: cut, it would name something else.
    """
    return _cut(document(name), value)


def _cut(schema: Mapping[str, Any], value: object) -> object:
    schema = resolved(schema)
    match value:
        case dict():
            known = schema.get("properties", {})
            return {key: _cut(known.get(key, {}), child) for key, child in value.items()}
        case list():
            items = schema.get("items", {})
            return [_cut(items, child) for child in value[: schema.get("maxItems")]]
        case str() if "maxLength" in schema and not schema.keys() & {"pattern", "format"}:
            clean = _NOT_TEXT.sub("\ufffd", value)
            limit: int = schema["maxLength"]
            return clean if len(clean) <= limit else clean[: limit - 1] + "…"
        case _:
            return value


@cache
def _quick(name: str) -> jsonschema_rs.Draft202012Validator:
    resources_ = [(uri, dict(each)) for uri, each in _documents().items()]
    return jsonschema_rs.Draft202012Validator(
        dict(document(name)),
        registry=jsonschema_rs.Registry(resources_),
        formats={"date-time": _is_time},
        validate_formats=True,
        offline=True,
    )


@cache
def authority(name: str) -> Any:
    """Return the validator of ``jsonschema`` that has the last word, built once per process."""
    # Imported here: a program that never refuses anything never waits for it.
    from jsonschema import Draft202012Validator, FormatChecker
    from jsonschema.exceptions import ValidationError
    from jsonschema.validators import extend
    from referencing import Registry, Resource

    def pattern(
        _: Any, expression: str, text: object, __: Mapping[str, Any]
    ) -> Iterator[ValidationError]:
        if isinstance(text, str) and _compiled(expression).fullmatch(text) is None:
            yield ValidationError("does not look right")

    formats = FormatChecker(formats=())
    formats.checks("date-time")(_is_time)
    registry: Registry[Any] = Registry().with_resources(
        (uri, Resource.from_contents(dict(each))) for uri, each in _documents().items()
    )
    extended: Any = extend(Draft202012Validator, {"pattern": pattern})  # type: ignore[no-untyped-call]
    return extended(dict(document(name)), registry=registry, format_checker=formats)


def _documents() -> Mapping[str, Mapping[str, Any]]:
    return {each["$id"]: each for each in map(document, NAMES)}


def _is_time(text: object) -> bool:
    if not isinstance(text, str):
        return True
    try:
        parse_time(text)
    except ValueError:
        return False
    return True


@cache
def _compiled(expression: str) -> re.Pattern[str]:
    return re.compile(expression)


def _missing(error: ValidationError) -> str:
    required: Any = error.validator_value
    given: Any = error.instance
    if isinstance(required, dict):
        required = [name for key, names in required.items() if key in given for name in names]
    return next(str(name) for name in required if name not in given)


def _label(path: Sequence[str | int]) -> str:
    """Return the innermost name on ``path``; the schema only knows names of ours."""
    return next((part for part in reversed(path) if isinstance(part, str)), "the event")


def _complaint(error: ValidationError) -> str:
    wanted: Any = error.validator_value
    given: Any = error.instance
    meaning = _description(error)
    match error.validator:
        case "required":
            return f"is missing. {meaning}"
        case "type":
            return f"is {kind_of(given)}, not {_KINDS[wanted]}. {meaning}"
        case "enum":
            return f"must be one of {', '.join(wanted)}. {meaning}"
        case "const":
            return f"must be {wanted}. {meaning}"
        case "maxLength" | "maxItems":
            return f"has a length of {len(given)}, at most {wanted} is taken. {meaning}"
        case "minLength":
            return f"must not be empty. {meaning}"
        case "minimum" | "maximum":
            return f"is beyond the {error.validator} of {wanted}. {meaning}"
        case "dependentRequired":
            return "is missing: dataref and datadigest go together, send both or none."
        case "format":
            return f"is no time. {meaning}"
        case _:
            return f"does not look right. {meaning}"


def _description(error: ValidationError) -> str:
    schema: Any = error.schema
    if error.validator == "required":
        schema = schema["properties"][_missing(error)]
    return description_of(schema)
