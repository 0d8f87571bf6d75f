"""How metrics are reported from the children of a pool to the process that counts them."""

import json
import logging
import os
import re
import subprocess
import sys
import time

import pytest

from devsecops_eda.metrics import Gathering, table
from devsecops_eda.metrics.table import Stage
from tests.unit.test_metrics import ROOT, value, worker

# In another process: a child would inherit all that the tests have loaded.
CHILDREN = """
import json, os, sys
from devsecops_eda.metrics import Gathering, Meters, Program, table

def child(work):
    pid = os.fork()
    if not pid:
        work()
        os._exit(0)
    return pid

meters = Meters(Program.WORKER, queue="q", words={"check": ["semgrep"]})
gathering = Gathering(meters)

def flood():
    for _ in range(40_000):
        gathering.count(table.FINDINGS, "semgrep", "high")
    gathering.count(table.SCANS, "x" * 9000, "completed")

# Nobody reads yet: the pipe fills up, and the child goes on.
os.waitpid(child(flood), 0)
with gathering:
    pass
full = meters.scraped().decode()
"""


def test_a_full_pipe_holds_nobody_up_and_what_got_through_is_right() -> None:
    code = CHILDREN + "print(json.dumps(full))"
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, timeout=60, cwd=ROOT
    )
    assert time.monotonic() - begun < 20
    text = json.loads(done.stdout)
    found = re.search(r'findings_total\{check="semgrep",queue="q",severity="high"\} (\S+)', text)
    assert found is not None
    assert 5_000 < float(found[1]) < 40_000
    assert done.stderr == b""


def test_a_child_whose_parent_is_gone_goes_on() -> None:
    gathering = Gathering(worker())
    gathering._owner = -1  # as a child sees it
    os.close(gathering._read)
    gathering.count(table.GIVEN_BACK)
    gathering.observe(table.STAGE_SECONDS, 1.0, Stage.TREE, "ok")
    os.close(gathering._write)
    gathering.count(table.GIVEN_BACK)


def test_lost_reports_are_counted_when_the_next_one_gets_through() -> None:
    meters = worker()
    gathering = Gathering(meters)
    gathering._owner = -1
    for filling in (b"x" * 4000 + b"\n", b"x\n"):
        while gathering._put(filling):
            pass
    gathering.count(table.GIVEN_BACK)
    gathering.count(table.GIVEN_BACK)
    read = gathering._read
    os.read(read, 2**20)
    gathering.count(table.GIVEN_BACK)
    said = os.read(read, 2**20).split(b"\n")
    assert [json.loads(line) for line in said if line.startswith(b"[")] == [
        [table.GIVEN_BACK.name, [], 1.0],
        [table.LOST_REPORTS.name, [], 2],
    ]
    os.close(gathering._read)
    os.close(gathering._write)


def test_a_report_that_is_none_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    meters = worker()
    lines = [b"{}", b"[]", b'["x", [], 1]', b"\xff", b'["devsecops_given_back_total", [], -1]']
    with caplog.at_level(logging.CRITICAL), Gathering(meters) as gathering:
        for line in lines:
            assert gathering._put(line + b"\n")
        assert gathering._put(b'["devsecops_given_back_total", [], 2]\n')
    assert value(meters, "devsecops_given_back_total") == 2
