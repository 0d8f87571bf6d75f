import asyncio
import os
import shlex
import subprocess

from flask import request


def lookup():
    host = request.args["host"]
    # ruleid: python-command-injection
    os.system("nslookup " + host)
    # ok: python-command-injection
    subprocess.run(["nslookup", host], check=True)


def archive(name, level: int, *parts):
    # ruleid: python-command-injection
    subprocess.check_output(f"tar czf {name}.tgz .", shell=True)
    # ruleid: python-command-injection
    subprocess.run(["bash", "-c", "tar czf %s ." % name])
    # ruleid: python-command-injection
    os.popen("ls " + " ".join(parts))
    # ok: python-command-injection
    os.system("ls -la")
    # ok: python-command-injection
    os.system("gzip -{} data".format(level))
    # ok: python-command-injection
    subprocess.run(f"tar czf {shlex.quote(name)} .", shell=True)
    # ok: python-command-injection
    subprocess.run(["tar", "czf", name], shell=False)
    if name not in ("daily", "weekly"):
        raise ValueError(name)
    # ok: python-command-injection
    os.system("backup " + name)


class Image:
    async def convert(self):
        # ruleid: python-command-injection
        await asyncio.create_subprocess_shell("convert " + self.path)
        # ok: python-command-injection
        await asyncio.create_subprocess_exec("convert", self.path)
