"""What a pool's children report when they are recycled and killed, over HTTP as it is scraped."""

import json
import subprocess
import sys
from pathlib import Path


def test_a_thousand_recycled_and_fifty_killed_children_leave_counts_that_are_right() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.rig.recycled", "1000", "50"],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=True,
        timeout=120,
    )
    found = json.loads(done.stdout)
    assert found["scans"] == found["observed"] == 1000
    assert found["findings"] >= 50
    assert found["falls"] == []
    assert found["took_s"] < 0.1
    # One histogram came to life: its buckets, sum and count.
    assert found["grown"] == 17
    assert found["descriptors"] == 0
    assert done.stderr == b""
