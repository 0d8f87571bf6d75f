import os

from Crypto.Cipher import AES
from cryptography.hazmat.primitives.ciphers import modes


def encrypt(key):
    # ruleid: python-static-iv
    AES.new(key, AES.MODE_CBC, b"0123456789abcdef")
    # ruleid: python-static-iv
    modes.CBC(b"\x00" * 16)
    # ok: python-static-iv
    AES.new(key, AES.MODE_CBC, os.urandom(16))
    nonce = os.urandom(12)
    # ok: python-static-iv
    return modes.GCM(nonce)
