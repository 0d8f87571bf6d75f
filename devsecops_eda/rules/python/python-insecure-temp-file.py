import os
import tempfile


def scratch():
    # ruleid: python-insecure-temp-file
    name = tempfile.mktemp(suffix=".txt")
    # ruleid: python-insecure-temp-file
    other = os.tempnam("/tmp")
    # ok: python-insecure-temp-file
    handle, path = tempfile.mkstemp()
    # ok: python-insecure-temp-file
    folder = tempfile.TemporaryDirectory()
    return name, other, handle, path, folder
