"""What of a dead letter is shown to a person: readable, bounded, and without a secret.

Nobody knows what a refused message holds: a job that sends its environment by mistake ends here
too. So values under names that sound like secrets are masked, as is what looks like a credential
wherever it stands; what is no text is shown as the first of its bytes.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devsecops_eda import redaction
from devsecops_eda.reports import plain

MASK = redaction.MASK
MAX_TEXT_CHARS = 4096
MAX_HEX_BYTES = 256
MAX_VALUE_CHARS = 300
MAX_HEADERS = 100
OURS = "x-devsecops-"
"""How the names of those headers begin that say why and whence; a letter tells of them."""
_OF_LOOKING = ("x-delivery-count", "x-acquired-count")
"""What the broker counts up each time that somebody looks."""

_NAMES = (
    r"pass(?:wor[dt]|wd|phrase|code)?s?(?![a-z])|pwd|secret|token|credential|authori[sz]ation"
    r"|api[-_ ]?key|access[-_ ]?key|private[-_ ]?key|ssh[-_ ]?key|signing[-_ ]?key"
    r"|encryption[-_ ]?key|cookie|session[-_ ]?id|signature|bearer"
)
_NAME = re.compile(rf"(?i){_NAMES}|(?:^|[-_.])(?:auth|pin|otp)$|(?:^|(?<!routing)[-_.])key$")
# Where the value has no quotes the rest of its line goes with it, and where it is a list or a
# block all that comes: rather a line less to read than a word too much.
_ASSIGNED = re.compile(
    rf"(?i)((?:{_NAMES})[\w.-]{{0,64}}[\"']?\s*[:=]\s*|\bpass(?:word|wd)\s+)"
    r"(\"(?:[^\"\\]|\\.)*\"?|'(?:[^'\\]|\\.)*'?|(?s:[\[{|>].*)|[^\s\"'][^\r\n&]*)"
)
_CREDENTIAL = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z0-9 ]{0,40}-----|\Z)"
    r"|\b(?:gh[pousr]|github_pat|glpat|glptt|xox[abeprs]|npm|pypi|hvs|dop_v1|sk|rk|pk)[-_]"
    r"[A-Za-z0-9_=-]{12,}"
    r"|\b(?:AKIA|ASIA|AROA|AIza)[A-Za-z0-9_-]{12,}"
    r"|\beyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*){0,4}"
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}",
    re.DOTALL,
)
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,20}://[^\s\"'<>]+")


@dataclass(frozen=True, slots=True)
class Shown:
    """An excerpt: ``kind`` is json, text, hex or empty; ``cut`` says that there is more."""

    kind: str
    text: str
    cut: bool = False


def shown_body(body: bytes, *, size: int) -> Shown:
    """Return what is shown of ``body``, the beginning of a message of ``size`` bytes; pure."""
    if not body:
        return Shown("empty", "")
    if size == len(body) and (document := _document(body)) is not None:
        return _cut("json", document, whole=True)
    text = _text(body)
    if text is not None:
        # Masked before it is cut: half a token has no shape any more.
        return _cut("text", masked_text(text), whole=size <= 4 * MAX_TEXT_CHARS)
    # One byte is one character in Latin-1, so what is masked there is masked here.
    seen = masked_text(body[: 4 * MAX_HEX_BYTES].decode("latin-1")).encode("latin-1")
    return Shown("hex", _hex(seen[:MAX_HEX_BYTES]), cut=size > MAX_HEX_BYTES)


def shown_headers(headers: Mapping[Any, Any]) -> dict[str, str]:
    """Return the sender's and the broker's headers as harmless texts, masked and bounded; pure."""
    shown = {}
    for name, value in list(headers.items())[:MAX_HEADERS]:
        if str(name).startswith(OURS) or name in _OF_LOOKING:
            continue
        text = value if isinstance(value, str) else _value(value)
        kept = MASK if _NAME.search(str(name)) else masked_text(text[:MAX_TEXT_CHARS])
        shown[plain(masked_text(str(name)[:MAX_VALUE_CHARS]))] = plain(kept[:MAX_VALUE_CHARS])
    return shown


def masked_text(text: str) -> str:
    """Return ``text`` with everything masked that looks like a credential."""
    seen = _CREDENTIAL.sub(MASK, text)
    seen = _URL.sub(lambda match: redaction.masked(match[0]), redaction.masked_urls(seen))
    return _ASSIGNED.sub(rf"\g<1>{MASK}", seen)


def _value(value: object) -> str:
    try:
        return json.dumps(value, default=str)
    except (TypeError, ValueError, RecursionError):
        # A name that is no text, a table in itself.
        return repr(value)


def _document(body: bytes) -> str | None:
    """Return ``body`` as indented JSON with its secrets masked, None where it is none."""
    try:
        document = json.loads(body.decode(), object_pairs_hook=_object)
        return json.dumps(_masked(document), indent=2)
    except (ValueError, RecursionError):
        return None


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object in which a key that stands there twice is seen twice."""
    found: dict[str, Any] = {}
    for number, (name, value) in enumerate(pairs):
        found[f"{name} (again, as {number})" if name in found else name] = value
    return found


def _masked(value: Any) -> Any:
    match value:
        case dict():
            return {
                masked_text(name): MASK if _NAME.search(name) else _masked(inner)
                for name, inner in value.items()
            }
        case list():
            return [_masked(inner) for inner in value]
        case str():
            return masked_text(value)
    return value


def _text(body: bytes) -> str | None:
    """Return the beginning of ``body`` as a text, None where it is none that can be read."""
    most = 4 * MAX_TEXT_CHARS
    try:
        # The excerpt may end inside a character, the whole may not.
        text = codecs.getincrementaldecoder("utf-8")().decode(body[:most], len(body) < most)
    except UnicodeDecodeError:
        return None
    odd = sum(not char.isprintable() and char not in "\r\n\t" for char in text)
    return text if odd * 10 <= len(text) else None


def _cut(kind: str, text: str, *, whole: bool) -> Shown:
    lines = "\n".join(plain(line) for line in text[:MAX_TEXT_CHARS].splitlines())
    return Shown(kind, lines, cut=not whole or len(text) > MAX_TEXT_CHARS)


def _hex(body: bytes) -> str:
    rows = (body[at : at + 16] for at in range(0, len(body), 16))
    return "\n".join(f"{16 * number:04x}  {row.hex(' ')}" for number, row in enumerate(rows))
