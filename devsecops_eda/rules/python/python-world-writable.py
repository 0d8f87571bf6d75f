import os
from pathlib import Path


def share(path):
    # ruleid: python-world-writable
    os.chmod(path, 0o777)
    # ruleid: python-world-writable
    Path(path).chmod(0o666)
    # ok: python-world-writable
    os.chmod(path, 0o750)
    # ok: python-world-writable
    os.chmod(path, 0o644)
    # ok: python-world-writable
    os.makedirs(path, mode=0o777)
