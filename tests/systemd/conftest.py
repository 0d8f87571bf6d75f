"""One host for all tests of the units: installed once, under one systemd."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conftest import Vhost
from tests.rig.deployed import ALONE, Deployed, install
from tests.rig.programs import Programs
from tests.rig.site import Site
from tests.rig.systemd import Systemd


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make install` installed, below a DESTDIR."""
    folder = tmp_path_factory.mktemp("installed")
    install(folder)
    return folder


@pytest.fixture(scope="session")
def machine(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Systemd]:
    """A host on which an operator has done what docs/systemd.md says."""
    with Systemd(tmp_path_factory.mktemp("machine"), over=installed) as started:
        started.run("systemd-sysusers")
        started.run("systemd-tmpfiles", "--create", "devsecops-eda.conf")
        started.run("systemctl", "daemon-reload")
        yield started


@pytest.fixture
def deployed(
    machine: Systemd, vhost: Vhost, programs: Programs, tmp_path: Path
) -> Iterator[Deployed]:
    with Site(vhost, programs, tmp_path, checks=("nap",)) as site:
        made = Deployed(machine, site)
        yield made
        made.tear_down()


@pytest.fixture
def committed(deployed: Deployed) -> Callable[..., str]:
    """Commit one file and set the host up on it; return the sha."""

    def commit(file: str = "quick", *, checks: str = "[checks.nap]\nslots = 1\n") -> str:
        sha = deployed.site.commit({file: ""})
        deployed.set_up(checks + ALONE)
        return sha

    return commit
