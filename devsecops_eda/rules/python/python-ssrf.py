import urllib.request
from urllib.parse import urlparse

import requests
from flask import request

ALLOWED = {"img.internal"}


def preview():
    url = request.args["url"]
    # ruleid: python-ssrf
    requests.get(url, timeout=5)
    # ruleid: python-ssrf
    urllib.request.urlopen("http://" + request.args["host"] + "/status")
    # ok: python-ssrf
    requests.get("https://img.internal/" + request.args["name"], timeout=5)
    # ok: python-ssrf
    requests.get(f"https://img.internal/{request.args['name']}", timeout=5)
    # ok: python-ssrf
    requests.get("https://img.internal/", params={"name": url}, timeout=5)
    # ok: python-ssrf
    requests.post("https://img.internal/", json=request.get_json(), timeout=5)
    if urlparse(url).hostname not in ALLOWED:
        raise ValueError(url)
    # ok: python-ssrf
    return requests.get(url, timeout=5)


def hook(request, client):
    # ruleid: python-ssrf
    client.post(request.POST["callback"], json={})
