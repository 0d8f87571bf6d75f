"""Takes secrets out of text: those it was told of, and what looks like one. Pure.

Whoever repeats the words of others (a git server, a driver, a sender) or writes a log line asks
here; so what counts as a secret is said once.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

MASK = "***"
MIN_SECRET = 8
"""A shorter secret is masked in URLs alone: it may be part of any other word."""

_SECRET_QUERY = re.compile(
    # Bounded: each of these words in the name of a parameter is looked past no further than that.
    r"((?:password|passwd|secret|token|key)[^=&#]{0,64}=)[^&#]*",
    re.IGNORECASE,
)
_USERINFO = re.compile(
    # Bounded: each place where a URL may begin is looked at no further than that. A password may
    # hold an @ or / that nobody escaped: after a colon everything up to the last @ is taken.
    r"(?P<scheme>\b[A-Za-z][A-Za-z0-9+.-]{0,30}://)(?P<user>[^\s/?#:@'\"]{0,256})"
    r"(?P<rest>:[^\s'\"]{0,512})?@"
)
_USERS_ARE_SHOWN = frozenset(("amqp", "amqps", "postgres", "postgresql", "postgresql+psycopg"))
"""With others a token may stand where the user does."""
_MAYBE_TOKENS = frozenset(("http", "https"))
"""Here one may stand without any colon."""
_ASSIGNED = re.compile(
    # Also as it stands in JSON inside of other text, and where Python shows bytes.
    r"((?:password|passwd|passphrase|secret(?:[_-](?:access[_-])?key)?|token|(?:api|private)[_-]?key"
    r"|authorization)\\{0,4}[\"']?\s*[=:]\s*\\{0,4}(?:b(?=[\"']))?[\"']?"
    r"(?:(?:basic|bearer|token|negotiate|ntlm|digest)\s+)?)[^\s\"'&,;)}\]]+",
    re.IGNORECASE,
)
_TOKENS = re.compile(
    r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|xox[abprs]-[\w-]{10,}"
    # Bounded: another one may begin at each - of it, and would be looked for to the end as well.
    r"|A[KS]IA[0-9A-Z]{16}|eyJ[\w-]{10,1024}\.eyJ[\w-]{10,}\.[\w-]+)"
)


class Redaction:
    """Takes secrets out of text: those it was told, and what looks like one."""

    def __init__(self, secrets: Iterable[str] = (), *, shortest: int = MIN_SECRET) -> None:
        """Know these ``secrets``, as ``hide`` does, where they are no shorter than that."""
        self._shortest = shortest
        self._known: re.Pattern[str] | None = None
        self.hide(secrets)

    def hide(self, secrets: Iterable[str]) -> None:
        """Mask these and no others from now on, in each form in which they are written."""
        forms = {form for one in secrets for form in _forms(one) if len(one) >= self._shortest}
        # The longest first: the one may be the beginning of the other.
        long = sorted(forms, key=len, reverse=True)
        self._known = re.compile("|".join(long)) if long else None

    def redacted(self, text: str) -> str:
        """Return ``text`` without secrets."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return masked_text(text)


def masked_text(text: str) -> str:
    """Return ``text`` without what looks like a secret: in URLs, behind telling names, as a token.

    Takes time in proportion to its length, whoever wrote it.
    """
    return _TOKENS.sub(MASK, _ASSIGNED.sub(rf"\g<1>{MASK}", masked_urls(text)))


def masked_urls(text: str) -> str:
    """Return ``text`` without the password, or what may be a token, in any URL in it."""
    return _USERINFO.sub(_without_userinfo, text) if "@" in text else text


def masked(url: str) -> str:
    """Return ``url``, of our own configuration, with every password in it replaced by ``***``."""
    # A password may hold an unescaped @ or /: everything up to the last @ counts as userinfo.
    head, at, tail = url.rpartition("@")
    scheme, sep, userinfo = head.partition("://")
    user, colon, _ = userinfo.partition(":")
    if at and sep and colon:
        url = f"{scheme}://{user}:{MASK}@{tail}"
    return _SECRET_QUERY.sub(rf"\g<1>{MASK}", url)


def login_forms(user: str, password: str) -> tuple[str, ...]:
    """Return a password, and what says it with its user: in a URL, and in HTTP's and AMQP's way."""
    basic = base64.b64encode(_bytes(f"{user}:{password}")).decode()
    plain = base64.b64encode(_bytes(f"\0{user}\0{password}")).decode()
    return password, f"{user}:{password}", basic, plain


def _forms(secret: str) -> Iterator[str]:
    """Yield patterns of a secret: as it is written, whatever was escaped in it, and in base64."""
    yield "".join(map(_ways, secret))
    yield re.escape(base64.b64encode(_bytes(secret)).decode())


def _ways(char: str) -> str:
    """Return a pattern of one character, plain and as URLs, JSON, Python and shells escape it."""
    if char.isascii() and char.isalnum():
        return char
    code = quote(_bytes(char), safe="")
    whole = "".join(f"%{one:02X}" for one in _bytes(char))
    python = (repr(char)[1:-1], ascii(char)[1:-1], repr(_bytes(char))[2:-1])
    ways = {char, code, code.lower(), whole, json.dumps(char)[1:-1], f"\\{char}", *python}
    return f"(?:{'|'.join(map(re.escape, sorted(ways, key=len, reverse=True)))})"


def _bytes(text: str) -> bytes:
    # The environment gives us lone surrogates for bytes that are no text.
    return text.encode(errors="surrogateescape")


def _without_userinfo(found: re.Match[str]) -> str:
    scheme = found["scheme"].removesuffix("://").lower()
    if found["rest"] is None:
        # ssh and the broker know users without secrets.
        return f"{found['scheme']}{MASK}@" if scheme in _MAYBE_TOKENS else found[0]
    user = f"{found['user']}:" if scheme in _USERS_ARE_SHOWN else ""
    return f"{found['scheme']}{user}{MASK}@"
