"""What a private PostgreSQL finds in its folder, and whom it runs as."""

import os
import pwd
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from tests.rig.provide import CACHE, CannotProvideError, Database
from tests.rig.servers import ServerError

ADMIN = "rig"


@dataclass(frozen=True, slots=True)
class Unprivileged:
    """Whom the server runs as: it refuses root. Anybody else runs it himself."""

    uid: int
    gid: int

    @classmethod
    def found(cls) -> Self:
        """Return ourselves, or whom root becomes for it."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        for name in ("postgres", "nobody"):
            try:
                entry = pwd.getpwnam(name)
            except KeyError:
                continue
            return cls(entry.pw_uid, entry.pw_gid)
        raise CannotProvideError("neither postgres nor nobody is a user of this machine")

    def own(self, folder: Path) -> None:
        """Give a folder and all in it to this user."""
        if os.geteuid() == 0:
            for path in (folder, *folder.rglob("*")):
                os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def options(self) -> dict[str, Any]:
        """Return how ``subprocess`` starts a program as this user."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def environment(database: Database) -> dict[str, str]:
    return {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC", **dict(database.environment)}


def copy_template(database: Database, user: Unprivileged, data: Path) -> str:
    """Copy the data of a server that never ran to ``data``; return its administrator's password.

    They are made once and kept in the cache: making them takes longer than many tests.
    """
    version = database.bin.parent.name
    template = CACHE / f"postgres-{version}-{user.uid}"
    if not (template / "password").exists():
        with tempfile.TemporaryDirectory(prefix="devsecops-eda-initdb-") as folder:
            made = Path(folder)
            password = made / "password"
            password.write_text(secrets.token_urlsafe(16))
            user.own(made)
            _run_as(user, _initdb(database, made / "data", password), database, made)
            CACHE.mkdir(parents=True, exist_ok=True)
            shutil.copytree(made, near := CACHE / f".{template.name}-{secrets.token_hex(4)}")
        try:
            near.rename(template)
        except OSError:
            # Somebody else made it meanwhile.
            shutil.rmtree(near)
    shutil.copytree(template / "data", data)
    return (template / "password").read_text()


def _initdb(database: Database, data: Path, password: Path) -> tuple[str, ...]:
    options = ("--no-sync", "--encoding=UTF8", "--locale=C", "--auth=scram-sha-256")
    who = (f"--username={ADMIN}", f"--pwfile={password}")
    return (str(database.bin / "initdb"), f"--pgdata={data}", *who, *options)


def _run_as(user: Unprivileged, argv: Sequence[str], database: Database, cwd: Path) -> None:
    done = subprocess.run(
        argv,
        env=environment(database),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **user.options(),
    )
    if done.returncode != 0:
        raise ServerError(f"{argv[0]}: {done.stdout[-2000:]}{done.stderr[-2000:]}")
