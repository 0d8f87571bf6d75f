import os
import shutil
import tarfile
import zipfile
from pathlib import Path


def unpack(archive, target):
    with tarfile.open(archive) as tar:
        # ruleid: python-archive-extraction
        tar.extractall(target)
    # ruleid: python-archive-extraction
    tarfile.open(archive).extractall(path=target)
    with tarfile.open(archive) as tar:
        # ok: python-archive-extraction
        tar.extractall(target, filter="data")
    with zipfile.ZipFile(archive) as z:
        # ok: python-archive-extraction
        z.extractall(target)
        for member in z.infolist():
            # ruleid: python-archive-extraction
            with open(os.path.join(target, member.filename), "wb") as out:
                shutil.copyfileobj(z.open(member), out)
        for name in z.namelist():
            # ruleid: python-archive-extraction
            (Path(target) / name).write_bytes(z.read(name))
        for name in z.namelist():
            # ok: python-archive-extraction
            with open(os.path.join(target, os.path.basename(name)), "wb") as out:
                out.write(z.read(name))
