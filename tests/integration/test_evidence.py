"""The evidence store on a real folder."""

import hashlib
import os
import resource
import signal
import stat
import threading
from pathlib import Path

import pytest

from devsecops_eda.errors import ConfigurationError, EvidenceMissingError, UnavailableError
from devsecops_eda.evidence import Evidence, open_evidence


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "evidence store"


@pytest.fixture
def store(root: Path) -> Evidence:
    return open_evidence(root.as_uri())


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def test_what_was_put_can_be_got_by_its_digest(store: Evidence) -> None:
    uri, digest = store.put(b"a report")
    assert digest == "sha256:" + hashlib.sha256(b"a report").hexdigest()
    assert store.get(digest) == b"a report"
    assert uri.startswith("file:///")


def test_opening_touches_nothing(root: Path, store: Evidence) -> None:
    assert not root.exists()


def test_the_same_bytes_are_kept_once(root: Path, store: Evidence) -> None:
    assert store.put(b"x") == store.put(b"x")
    assert len(files(root)) == 1


def test_only_the_owner_can_read(root: Path, store: Evidence) -> None:
    old = os.umask(0)
    try:
        store.put(b"x")
    finally:
        os.umask(old)
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in files(root)} == {0o600}


def test_damage_is_seen_and_mended_by_the_next_who_has_the_bytes(
    root: Path, store: Evidence
) -> None:
    _, digest = store.put(b"x")
    files(root)[0].write_bytes(b"y")
    with pytest.raises(EvidenceMissingError, match="damaged"):
        store.get(digest)
    store.put(b"x")
    assert store.get(digest) == b"x"


@pytest.mark.parametrize(
    "digest",
    [
        "",
        "sha256:",
        "../../etc/passwd",
        "sha256:../../../../etc/passwd",
        "sha256:" + "A" * 64,
        "sha256:" + "a" * 63,
        "md5:" + "a" * 32,
        "sha256:" + "a" * 64 + "\n",
    ],
)
def test_what_is_no_digest_names_nothing(store: Evidence, digest: str) -> None:
    store.put(b"x")
    with pytest.raises(EvidenceMissingError, match="is no digest"):
        store.get(digest)


def test_what_was_never_put_is_missing(store: Evidence) -> None:
    store.put(b"x")
    with pytest.raises(EvidenceMissingError, match="does not hold"):
        store.get("sha256:" + "0" * 64)


def test_a_store_that_is_not_there_is_away_not_empty(store: Evidence) -> None:
    with pytest.raises(UnavailableError):
        store.get("sha256:" + "0" * 64)


def test_a_store_that_cannot_be_written_is_away(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(UnavailableError):
        open_evidence((tmp_path / "file" / "store").as_uri()).put(b"x")


def test_a_full_disk_is_away_and_leaves_nothing_half_written(root: Path, store: Evidence) -> None:
    store.put(b"x")
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, old[1]))
    try:
        with pytest.raises(UnavailableError):
            store.put(b"y" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert len(files(root)) == 1


def test_many_may_put_the_same_at_once(root: Path, store: Evidence) -> None:
    threads = [threading.Thread(target=store.put, args=(b"z" * 10**6,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(files(root)) == 1
    assert store.get("sha256:" + hashlib.sha256(b"z" * 10**6).hexdigest()) == b"z" * 10**6


@pytest.mark.parametrize(
    "url", ["s3://bucket/x", "/var/lib/x", "file://host/x", "file:relative", "https://x/y", ""]
)
def test_another_url_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        open_evidence(url)
