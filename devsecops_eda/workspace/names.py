"""Names of files: how a repository's are written down, and what they are called in our tree.

Pure: no file is touched here.
"""

from __future__ import annotations

import re
from enum import StrEnum


class Reason(StrEnum):
    """Why an entry is not in the scan tree, or what is to be known about one that is."""

    LINK = "link"
    SUBMODULE = "submodule"
    LFS_POINTER = "lfs_pointer"
    SCANNER_CONFIGURATION = "scanner_configuration"
    VERSION_CONTROL = "version_control"
    TOO_BIG = "too_big"
    TOO_DEEP = "too_deep"
    SPECIAL_FILE = "special_file"
    NESTED_REPOSITORY = "nested_repository"
    SPARSE = "sparse"
    UNREADABLE = "unreadable"

    TRANSCODED = "transcoded"
    DECLARED_CODING = "declared_coding"


MEANINGS = {
    Reason.LINK: "a symbolic link: what it points to is looked at where it is itself",
    Reason.SUBMODULE: "another repository: judge it as one of its own",
    Reason.LFS_POINTER: "Git LFS has the content; only the pointer to it is in git",
    Reason.SCANNER_CONFIGURATION: "it would tell a scanner what not to look at, so none sees it",
    Reason.VERSION_CONTROL: "it lies in a folder of version control",
    Reason.TOO_BIG: "larger than a file may be in a scan",
    Reason.TOO_DEEP: "deeper in folders than is looked",
    Reason.SPECIAL_FILE: "a pipe, socket or device, or one that changed while it was read",
    Reason.NESTED_REPOSITORY: "a repository inside the checkout that is no submodule",
    Reason.SPARSE: "a sparse checkout left it out",
    Reason.UNREADABLE: "it could not be read",
    Reason.TRANSCODED: "looked at as UTF-8; the file itself is UTF-16 or UTF-32",
    Reason.DECLARED_CODING: "the source declares a coding that a scanner may read otherwise",
}
"""What each reason means to a reader."""


_PLAIN = re.compile(rb"[ -\[\]-~]+")
_SAFE_FOLDER = re.compile(rb"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_SAFE_FILE = re.compile(rb"[A-Za-z0-9._][A-Za-z0-9._-]{0,119}")
_EXTENSION = re.compile(rb"\.[A-Za-z0-9]{1,15}\Z")

_MAX_DEPTH = 24
_MAX_FOLDER_CHARS = 240

# How these scanners are told what not to look at (facts: each of them blinds one).
_SCANNER_CONFIGURATION = frozenset(
    [
        b".bandit",
        b".checkov.yaml",
        b".checkov.yml",
        b".gitleaks.toml",
        b".gitleaksignore",
        b".hadolint.yaml",
        b".hadolint.yml",
        b".ruff.toml",
        b".safety-policy.yaml",
        b".safety-policy.yml",
        b".safety-project.ini",
        b".secrets.baseline",
        b".trivyignore",
        b".trivyignore.yaml",
        b"hadolint.yaml",
        b"ruff.toml",
        b"trivy-secret.yaml",
        b"trivy.yaml",
        b"zizmor.yaml",
        b"zizmor.yml",
    ]
)
# Windows and old file systems of macOS take the odd ones for `.git` as well.
_VERSION_CONTROL = re.compile(rb"(?:\A|/)(?:\.git|git~1|\.hg|\.svn)[. ]*(?:/|\Z)", re.IGNORECASE)

# Lists of what to ignore are read for secrets like any file, but under a name nobody obeys. `HEAD`
# makes a folder with `objects` and `refs` a git repository whose configuration would be obeyed.
_RENAMED = frozenset([b".gitignore", b".gitattributes", b".gitmodules", b".ignore", b".rgignore"])
_RENAMED_IN_ANY_CASE = frozenset([b"head", b"commondir"])


def printable_path(raw: bytes) -> str:
    """Return a path out of a repository as text that can stand anywhere; no two become one.

    A backslash is doubled; bytes that are no UTF-8 become ``\\xNN``, characters that do not print
    (controls, line ends, marks that turn the direction of writing) ``\\xNN``, ``\\uNNNN`` or
    ``\\UNNNNNNNN``.
    """
    if _PLAIN.fullmatch(raw):
        return raw.decode("ascii")
    # Stray bytes come out as lone surrogates, which a valid text cannot hold.
    return "".join(map(_printable, raw.decode("utf-8", "surrogateescape")))


def _printable(character: str) -> str:
    if character == "\\":
        return "\\\\"
    if character.isprintable():
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def refused(raw: bytes) -> Reason | None:
    """Return why a file of that path is not written into a tree, None when it may be."""
    name = raw.rpartition(b"/")[2].lower()
    if name in _SCANNER_CONFIGURATION or name.startswith(b".semgrep"):
        return Reason.SCANNER_CONFIGURATION
    if _VERSION_CONTROL.search(raw):
        return Reason.VERSION_CONTROL
    return None


class SafeNames:
    """Gives every path of a repository a path that is safe to write and to show to a scanner.

    Folders and base names stay where they are harmless, for rules look at them; the extension
    stays in any case. What is generated begins with an underscore and a number. No two paths get
    one name, also where case does not count.
    """

    def __init__(self) -> None:
        self._folders: dict[bytes, str] = {b"": ""}
        self._taken: set[str] = set()
        self._unmade: list[str] = []
        self._generated = 0

    def new_folders(self) -> list[str]:
        """Return the folders given since the last call, each after the one that holds it."""
        new, self._unmade = self._unmade, []
        return new

    def place(self, raw: bytes) -> str:
        """Return the path inside the tree for the repository path ``raw``."""
        folder, _, name = raw.rpartition(b"/")
        inside = self._folders.get(folder)
        if inside is None:
            inside = self._folder(folder)
        if _is_safe_file(name):
            wanted = inside + name.decode("ascii")
            if self._free(wanted):
                return wanted
        extension = _EXTENSION.search(name)
        return self._new(inside, extension[0].decode("ascii") if extension else "")

    def _folder(self, raw: bytes) -> str:
        """Return the folder for ``raw``, ending in a slash, and remember it and those above."""
        inside, done = "", b""
        for depth, part in enumerate(raw.split(b"/")):
            done = part if depth == 0 else done + b"/" + part
            known = self._folders.get(done)
            if known is None:
                known = self._below(inside, part, depth)
                self._folders[done] = known
                self._unmade.append(known)
            inside = known
        return inside

    def _below(self, inside: str, part: bytes, depth: int) -> str:
        if depth >= _MAX_DEPTH or len(inside) > _MAX_FOLDER_CHARS:
            return self._new("", "") + "/"
        if _SAFE_FOLDER.fullmatch(part):
            wanted = inside + part.decode("ascii")
            if self._free(wanted):
                return wanted + "/"
        return self._new(inside, "") + "/"

    def _free(self, wanted: str) -> bool:
        folded = wanted.lower()
        if folded in self._taken:
            return False
        self._taken.add(folded)
        return True

    def _new(self, inside: str, extension: str) -> str:
        while True:
            self._generated += 1
            wanted = f"{inside}_{self._generated}{extension}"
            if self._free(wanted):
                return wanted


def _is_safe_file(name: bytes) -> bool:
    return (
        _SAFE_FILE.fullmatch(name) is not None
        and name not in _RENAMED
        and name.lower() not in _RENAMED_IN_ANY_CASE
        and name.strip(b".") != b""
    )
