"""The sandbox: what a program sees in it, and how it ends."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from devsecops_eda import sandbox
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.sandbox import Limits
from devsecops_eda.settings import SandboxMode
from tests.rig.sandboxed import BUBBLEWRAP, MODES, python, refused, run, running
from tests.rig.waiting import eventually


@MODES
def test_both_modes_work_here(mode: SandboxMode) -> None:
    assert sandbox.missing(mode) is None


@MODES
def test_output_and_return_code_come_back(mode: SandboxMode, empty: Path) -> None:
    done = run("/bin/sh", "-c", "echo out; echo err >&2; exit 7", empty=empty, mode=mode)
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    assert done.duration_s > 0


@MODES
def test_nothing_of_our_environment_comes_in(
    mode: SandboxMode, empty: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_WORKER", "hunter2")
    done = run("/usr/bin/env", empty=empty, mode=mode, env={"SAID": "yes"})
    assert b"SAID=yes" in done.stdout
    assert b"hunter2" not in done.stdout


def test_only_what_is_named_is_seen(empty: Path, tmp_path: Path) -> None:
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "a.py").write_text("x = 1\n")
    (tmp_path / "secret").write_text("hunter2")
    done = run(
        "/bin/sh",
        "-c",
        f"cd {tmp_path}; cat tree/a.py secret; cat /etc/passwd /etc/shadow; ls /home /root",
        empty=empty,
        read_only=(tmp_path / "tree",),
    )
    assert done.stdout == b"x = 1\n"
    assert done.stderr.count(b"No such file") == 5


def test_nothing_can_be_written_but_tmp_and_what_is_named(empty: Path, tmp_path: Path) -> None:
    tree, out = tmp_path / "tree", tmp_path / "out"
    tree.mkdir()
    out.mkdir()
    (tree / "a.py").write_text("x = 1\n")
    places = [f"{tree}/new", f"{tree}/a.py", f"{empty}/new", "/new", "/usr/new", "/dev/new"]
    script = "; ".join(f"echo x > {place} && echo {place}" for place in [*places, "/tmp/new"])
    done = run(
        "/bin/sh",
        "-c",
        f"({script}) 2>/dev/null; echo x > {out}/new",
        empty=empty,
        read_only=(tree,),
        writable=(out,),
    )
    assert done.stdout == b"/tmp/new\n"
    assert (out / "new").exists()
    assert (tree / "a.py").read_text() == "x = 1\n"
    assert not Path("/tmp/new").exists()


def test_there_is_no_network_and_no_other_process(empty: Path) -> None:
    code = """
        import os, socket
        print(len([n for n in os.listdir("/proc") if n.isdigit()]) <= 3)
        for address in [("127.0.0.1", 22), ("192.0.2.1", 80)]:
            try:
                socket.create_connection(address, timeout=5)
                print("connected")
            except OSError as error:
                print(error.strerror)
    """
    done = python(code, empty=empty)
    assert done.stdout.split(b"\n")[:3] == [
        b"True",
        b"Connection refused",
        b"Network is unreachable",
    ]


def test_no_namespace_can_be_made_inside(empty: Path) -> None:
    done = run("/usr/bin/unshare", "--user", "true", empty=empty)
    assert done.returncode != 0


@MODES
def test_a_program_that_is_not_there_is_said_to_be_missing(mode: SandboxMode, empty: Path) -> None:
    refused(FailureReason.TOOL_MISSING, "/opt/no/such/scanner", empty=empty, mode=mode)


@MODES
def test_a_signal_of_its_own_shows_in_the_return_code(mode: SandboxMode, empty: Path) -> None:
    assert run("/bin/sh", "-c", "kill -ABRT $$", empty=empty, mode=mode).returncode == 134


def test_a_folder_that_is_not_there_is_no_sandbox(empty: Path) -> None:
    error = refused(
        FailureReason.NO_SANDBOX, "/bin/true", empty=empty, read_only=(Path("/opt/no/such"),)
    )
    assert "/opt/no/such" in error.detail


def test_without_bubblewrap_it_says_so(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "prlimit").symlink_to(shutil.which("prlimit") or "")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert sandbox.missing(BUBBLEWRAP) == "bubblewrap (bwrap) is not installed"
    assert sandbox.missing(SandboxMode.NONE) is None


def test_bubblewrap_is_found_wherever_the_path_leads(
    empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unpacked = tmp_path / "unpacked"
    unpacked.mkdir()
    found = shutil.which("bwrap")
    assert found is not None
    shutil.copy(found, unpacked / "bwrap")
    (unpacked / "prlimit").symlink_to(shutil.which("prlimit") or "")
    monkeypatch.setenv("PATH", str(unpacked))
    done = run("/bin/echo", "yes", empty=empty, env={"PATH": "/nowhere:/usr/bin"})
    assert done.stdout == b"yes\n"


@MODES
def test_it_can_be_stopped_from_another_thread(
    mode: SandboxMode, empty: Path, name_of_its_own: str
) -> None:
    stop = threading.Event()
    caught: list[FailureReason] = []

    def scan() -> None:
        try:
            run("/bin/sleep", name_of_its_own, empty=empty, mode=mode, stop=stop)
        except CheckError as error:
            caught.append(error.reason)

    thread = threading.Thread(target=scan)
    thread.start()
    eventually(lambda: running(name_of_its_own), timeout_s=20, what="the child runs")
    stop.set()
    thread.join(timeout=20)
    assert caught == [FailureReason.OTHER]


@MODES
def test_several_threads_do_not_disturb_each_other(mode: SandboxMode, empty: Path) -> None:
    answers: dict[int, bytes] = {}

    def scan(number: int) -> None:
        answers[number] = run(
            *("/bin/sh", "-c", f"sleep 0.1; echo {number}"), empty=empty, mode=mode
        ).stdout

    threads = [threading.Thread(target=scan, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: b"%d\n" % number for number in range(8)}


PARENT = """
import sys
from pathlib import Path
from devsecops_eda import sandbox
from devsecops_eda.settings import SandboxMode
sandbox.run(["/bin/sleep", sys.argv[2]], mode=SandboxMode(sys.argv[1]), limits=sandbox.Limits(),
            read_only=(), cwd=Path(sys.argv[3]), env={})
"""


def sleeping(number: str) -> bool:
    """Whether /bin/sleep itself runs, and not only what leads to it."""
    for pid in running(number):
        with suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"/bin/sleep\0"):
                return True
    return False


@MODES
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_it_dies_with_its_parent(
    mode: SandboxMode, how: signal.Signals, empty: Path, name_of_its_own: str
) -> None:
    script = [sys.executable, "-c", PARENT, mode.value, name_of_its_own, str(empty)]
    argv = ["env", "--default-signal=INT", *script]
    with subprocess.Popen(argv, stderr=subprocess.PIPE) as parent:
        # Before that the child has not said yet that it wants to die with its parent: it is a copy
        # of the parent, or just becoming bubblewrap.
        eventually(lambda: sleeping(name_of_its_own), timeout_s=20, what="the program runs")
        parent.send_signal(how)
        parent.communicate(timeout=20)
    eventually(lambda: not running(name_of_its_own), timeout_s=20, what="nothing is left")


def test_it_works_for_a_user_without_rights(name_of_its_own: str) -> None:
    if os.getuid() != 0:
        assert sandbox.missing(BUBBLEWRAP) is None
        return
    # Python itself may stand where that user cannot read it: the probe's command line is enough.
    from devsecops_eda.sandbox.running import _prlimit, _view

    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        argv = ["bwrap", *_view(Limits(), (), (), Path(folder)), "--", *_prlimit(Limits())]
        done = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *argv, "id", "-u"],
            capture_output=True,
            check=False,
        )
    assert (done.returncode, done.stdout) == (0, b"65534\n"), done.stderr
