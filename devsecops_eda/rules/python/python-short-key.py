from Crypto.PublicKey import RSA
from cryptography.hazmat.primitives.asymmetric import rsa

BITS = 1024


def keys():
    # ruleid: python-short-key
    rsa.generate_private_key(public_exponent=65537, key_size=1024)
    # ruleid: python-short-key
    RSA.generate(512)
    # ruleid: python-short-key
    RSA.generate(BITS)
    # ok: python-short-key
    rsa.generate_private_key(public_exponent=65537, key_size=3072)
    # ok: python-short-key
    return RSA.generate(4096)
