import ssl

import aiohttp
import requests


def fetch(url, session):
    # ruleid: python-tls-verify-off
    requests.get(url, verify=False, timeout=5)
    # ruleid: python-tls-verify-off
    session.post(url, json={}, verify=False)
    # ruleid: python-tls-verify-off
    context = ssl._create_unverified_context()
    # ruleid: python-tls-verify-off
    context.verify_mode = ssl.CERT_NONE
    # ruleid: python-tls-verify-off
    aiohttp.TCPConnector(ssl=False)
    # ok: python-tls-verify-off
    requests.get(url, verify="/etc/ssl/own-ca.pem", timeout=5)
    # ok: python-tls-verify-off
    context = ssl.create_default_context()
    # ok: python-tls-verify-off
    context.check_hostname = True
    # ok: python-tls-verify-off
    return requests.get(url, timeout=5)
