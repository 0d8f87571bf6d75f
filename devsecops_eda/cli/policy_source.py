"""Which policy holds, and reading it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from devsecops_eda.errors import InvalidPolicyError
from devsecops_eda.policy import Policy, PolicyText, default_policy_text, load_policies
from devsecops_eda.policy.loading.document import MAX_POLICY_BYTES
from devsecops_eda.settings import DEFAULT_CHECKS, Settings

BUILT_IN = "the built-in policy"
DOCUMENT = ".yaml"
CASES = ".test.yaml"
"""How the name of a file of cases ends; it lies beside the policy, and is no document itself."""


def configured_policy(
    settings: Settings, file: Path | None = None, *, local: bool = False
) -> Policy:
    """Return the policy of ``file``, else of the settings, else the built-in one.

    ``local``: nobody will be asked. Where the configuration names no groups, any group is taken.

    Raises:
        InvalidPolicyError: it cannot be read, or something in it is wrong.
    """
    texts = policy_texts(settings, file)
    groups = settings.people.groups
    return load_policies(
        texts, checks=settings.checks, groups=None if local and not groups else groups
    )


def policy_texts(settings: Settings, file: Path | None = None) -> tuple[PolicyText, ...]:
    """Return the documents that policy is made of: one file, or each ``*.yaml`` of a folder.

    Raises:
        InvalidPolicyError: one cannot be read, or there is none.
    """
    source = file or settings.gate.policy
    if source is None:
        missing = sorted(set(DEFAULT_CHECKS) - set(settings.checks))
        if missing:
            raise InvalidPolicyError(
                f"the built-in policy judges by {', '.join(missing)}, which the configuration "
                "turns off: name a policy of your own ([gate] policy, or --policy)"
            )
        return (PolicyText(BUILT_IN, default_policy_text()),)
    files = tuple(_documents(source)) if source.is_dir() else (source,)
    return tuple(PolicyText(str(one), _text(one)) for one in files)


def _documents(folder: Path) -> Iterator[Path]:
    """Yield the documents of a folder by name; hidden files, cases and folders are none."""
    found = False
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise InvalidPolicyError(f"{folder}: cannot be read: {error.strerror}") from error
    for one in entries:
        if one.name.startswith(".") or one.is_dir() or one.name.endswith(CASES):
            continue
        if one.suffix == ".yml":
            # Left out without a word, its rules would be missed by nobody.
            raise InvalidPolicyError(f"{one}: the documents of a folder end in {DOCUMENT}")
        if one.suffix == DOCUMENT:
            found = True
            yield one
    if not found:
        raise InvalidPolicyError(f"{folder}: there is no policy document (*{DOCUMENT}) in it")


def _text(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_POLICY_BYTES + 1)
        if len(data) > MAX_POLICY_BYTES:
            raise InvalidPolicyError(f"{file}: has more than {MAX_POLICY_BYTES} bytes")
        return data.decode("utf-8")
    except OSError as error:
        raise InvalidPolicyError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InvalidPolicyError(f"{file}: cannot be read: it is no UTF-8") from error
