from Crypto.Cipher import AES, ARC4, DES
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes


def encrypt(key, nonce, iv):
    # ruleid: python-weak-cipher
    DES.new(key, DES.MODE_CBC, iv)
    # ruleid: python-weak-cipher
    ARC4.new(key)
    # ruleid: python-weak-cipher
    AES.new(key, AES.MODE_ECB)
    # ruleid: python-weak-cipher
    Cipher(algorithms.Blowfish(key), modes.CBC(iv))
    # ruleid: python-weak-cipher
    Cipher(algorithms.AES(key), modes.ECB())
    # ok: python-weak-cipher
    AES.new(key, AES.MODE_GCM, nonce=nonce)
    # ok: python-weak-cipher
    Cipher(algorithms.AES(key), modes.GCM(nonce))
