"""Which configured repository a CI job is about."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devsecops_eda.cli.ci_job import Fact, Job
from devsecops_eda.errors import ConfigurationError
from devsecops_eda.redaction import masked_text
from devsecops_eda.settings import Repository

_SCP = re.compile(r"(?:[^@/\s]+@)?([^:/\s]+):(?!//)(.+)")
# After a colon up to the last @: a password may hold an @ or / that nobody escaped.
_USERINFO = re.compile(r"(?<=://)(?:[^/@\s:]*:\S*@|[^/@\s]*@)")
_URL = re.compile(r"[a-z][a-z0-9+.-]*://(?:[^@/]*@)?([^/]*)(/.*)?", re.IGNORECASE)


def key_of(job: Job, repositories: Mapping[str, Repository]) -> Fact:
    """Return the key of the one repository the job is about.

    Its URL decides, in whatever way it is written; else the path of it that the CI system names;
    else a key that is that name.

    Raises:
        ConfigurationError: there is none, or several; says what was looked for.
    """
    looked_for = []
    if job.url is not None:
        wanted = place_of(job.url.value)
        same = [key for key, one in repositories.items() if place_of(one.url) == wanted]
        if len(same) == 1:
            return Fact(same[0], f"[repositories], by its URL ({job.url.source})")
        looked_for.append(f"{shown(job.url.value)} ({job.url.source})")
    if job.slug is not None:
        name = job.slug.value.casefold()
        by_path = [key for key, one in repositories.items() if place_of(one.url)[1] == name]
        by_key = [key for key in repositories if key.casefold() == name]
        for found, how in ((by_path, "by its path"), (by_key, "by its key")):
            if len(found) == 1:
                return Fact(found[0], f"[repositories], {how} ({job.slug.source})")
        looked_for.append(f"{job.slug.value} ({job.slug.source})")
    about = " and ".join(looked_for) or "this checkout, which has no remote `origin`"
    known = ", ".join(sorted(repositories)) or "none"
    raise ConfigurationError(
        f"which repository is this? No one entry of [repositories] fits {about}; there are:"
        f" {known}. Say it with --repo KEY"
    )


def place_of(url: str) -> tuple[str, str]:
    """Return host and path of a repository's URL, the same for every way to write it.

    Scheme, user, port, the ending ``.git`` and the case of letters make no difference.
    """
    matched = _URL.fullmatch(url)
    if matched:
        host, path = matched[1], matched[2] or ""
    else:
        scp = _SCP.fullmatch(url)
        host, path = (scp[1], scp[2]) if scp else ("", url)
    host = re.sub(r":\d+$", "", host)
    return host.casefold(), path.strip("/").removesuffix(".git").casefold()


def shown(url: str) -> str:
    """Return a URL without user, password and what else looks like a secret in it."""
    return masked_text(_USERINFO.sub("", url))
