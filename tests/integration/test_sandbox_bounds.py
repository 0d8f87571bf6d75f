"""The sandbox against programs that misbehave in every way we could think of."""

from pathlib import Path

import pytest

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.sandbox import Limits
from devsecops_eda.settings import SandboxMode
from tests.rig.sandboxed import MODES, python, refused, run, running


@MODES
def test_who_is_too_slow_is_ended_with_all_it_started(
    mode: SandboxMode, empty: Path, name_of_its_own: str
) -> None:
    error = refused(
        FailureReason.TIMEOUT,
        *("/bin/sh", "-c", f"trap '' TERM INT; sleep {name_of_its_own} & sleep {name_of_its_own}"),
        empty=empty,
        mode=mode,
        limits=Limits(timeout_s=0.5),
    )
    assert error.detail == "sh took longer than 0.5 s"
    assert not running(name_of_its_own)


@MODES
@pytest.mark.parametrize("stream", ["1", "2"])
def test_a_flood_is_cut(mode: SandboxMode, stream: str, empty: Path) -> None:
    refused(
        FailureReason.OUTPUT_LIMIT,
        *("/bin/sh", "-c", f"exec yes >&{stream}"),
        empty=empty,
        mode=mode,
        limits=Limits(timeout_s=60, output_bytes=1_000_000),
    )


@MODES
def test_a_short_flood_is_seen_too(mode: SandboxMode, empty: Path) -> None:
    refused(
        FailureReason.OUTPUT_LIMIT,
        *("/bin/sh", "-c", "head -c 2000 /dev/zero"),
        empty=empty,
        mode=mode,
        limits=Limits(timeout_s=60, output_bytes=1000),
    )


@MODES
def test_daemons_do_not_outlive_it(mode: SandboxMode, empty: Path, name_of_its_own: str) -> None:
    daemon = f"""
        import os, subprocess
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                subprocess.Popen(["sleep", "{name_of_its_own}"], start_new_session=True)
            os._exit(0)
        os.wait()
        print("started")
    """
    assert python(daemon, empty=empty, mode=mode).stdout == b"started\n"
    assert not running(name_of_its_own)


@MODES
def test_a_fork_bomb_is_ended(mode: SandboxMode, empty: Path, name_of_its_own: str) -> None:
    bomb = f"while true; do sleep {name_of_its_own} & done"
    refused(
        FailureReason.RESOURCE_LIMIT,
        *("/bin/sh", "-c", bomb),
        empty=empty,
        mode=mode,
        limits=Limits(timeout_s=60, processes=50),
    )
    assert not running(name_of_its_own)


@MODES
def test_who_wants_too_much_memory_is_told_apart(mode: SandboxMode, empty: Path) -> None:
    with pytest.raises(CheckError) as caught:
        python(
            "held = bytearray(3 * 1024**3)",
            empty=empty,
            mode=mode,
            limits=Limits(timeout_s=60, memory_bytes=1024**3),
        )
    assert caught.value.reason is FailureReason.RESOURCE_LIMIT


@MODES
def test_who_is_killed_from_outside_has_no_verdict(mode: SandboxMode, empty: Path) -> None:
    refused(FailureReason.RESOURCE_LIMIT, "/bin/sh", "-c", "kill -9 $$", empty=empty, mode=mode)


@MODES
def test_a_file_over_its_bound_is_no_verdict(mode: SandboxMode, empty: Path) -> None:
    refused(
        FailureReason.RESOURCE_LIMIT,
        *("/bin/sh", "-c", "exec head -c 5000000 /dev/zero > $TMPDIR/big"),
        empty=empty,
        mode=mode,
        limits=Limits(timeout_s=60, file_bytes=1_000_000),
    )


def test_tmp_is_bounded(empty: Path) -> None:
    done = run(
        *("/bin/sh", "-c", "head -c 50000000 /dev/zero > /tmp/big || exit 3"),
        empty=empty,
        limits=Limits(timeout_s=60, tmp_bytes=1_000_000),
    )
    assert done.returncode == 3
    assert b"No space left" in done.stderr
