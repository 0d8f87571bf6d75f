"""Which configured repository a CI job is about."""

from __future__ import annotations

import pytest

from devsecops_eda.cli.ci_job import Fact, Job
from devsecops_eda.cli.ci_repository import key_of, place_of
from devsecops_eda.errors import ConfigurationError
from devsecops_eda.settings import Repository


def job_of(slug: str | None, url: str | None) -> Job:
    return Job("x", slug=Fact(slug, "S") if slug else None, url=Fact(url, "U") if url else None)


def repositories(**urls: str) -> dict[str, Repository]:
    return {key.replace("_", "/"): Repository(key, url) for key, url in urls.items()}


@pytest.mark.parametrize(
    "url",
    [
        "https://git.example/acme/app.git",
        "https://git.example/Acme/App/",
        "https://token:x@git.example:8443/acme/app",
        "ssh://git@git.example/acme/app.git",
        "git@git.example:acme/app.git",
        "git.example:acme/app",
    ],
)
def test_a_url_is_the_same_repository_however_it_is_written(url: str) -> None:
    assert place_of(url) == ("git.example", "acme/app")


ONE, TWO = "https://one.example/acme/app", "https://two.example/acme/app"


@pytest.mark.parametrize(
    ("slug", "url", "known", "key"),
    [
        ("acme/app", ONE, {"a": "git@one.example:acme/app.git"}, "a"),
        ("acme/app", None, {"a": ONE}, "a"),
        ("acme/app", None, {"acme_app": "https://elsewhere.example/x.git"}, "acme/app"),
        (None, "https://git.example/b", {"a": ONE, "b": "https://git.example/b"}, "b"),
        # The URL decides between two of one path.
        ("acme/app", ONE, {"a": ONE, "b": TWO}, "a"),
    ],
)
def test_the_repository_is_found_by_url_path_or_key(
    slug: str | None, url: str | None, known: dict[str, str], key: str
) -> None:
    job = job_of(slug, url)
    assert key_of(job, repositories(**known)).value == key


@pytest.mark.parametrize(
    ("slug", "url", "known"),
    [
        ("acme/app", "https://user:hunter2@git.example/acme/app", {}),
        ("acme/app", None, {"a": ONE, "b": TWO}),
        (None, ONE, {"a": "https://one.example/acme/app2"}),
        (None, None, {"a": ONE}),
    ],
)
def test_a_repository_that_is_not_clear_is_refused_with_what_there_is(
    slug: str | None, url: str | None, known: dict[str, str]
) -> None:
    job = job_of(slug, url)
    with pytest.raises(ConfigurationError, match="--repo KEY") as refused:
        key_of(job, repositories(**known))
    assert "hunter2" not in str(refused.value)
    for key in known:
        assert key in str(refused.value)
