import hashlib
import hmac

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding


def seal(key, message):
    # ruleid: python-weak-signature-hash
    key.sign(message, padding.PKCS1v15(), hashes.SHA1())
    # ruleid: python-weak-signature-hash
    key.sign(message, padding.PKCS1v15(), hashes.MD5())
    # ruleid: python-weak-signature-hash
    hmac.new(b"k", message, hashlib.md5)
    # ok: python-weak-signature-hash
    key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    # ok: python-weak-signature-hash
    hmac.new(b"k", message, hashlib.sha256)
    # ok: python-weak-signature-hash
    return hmac.new(b"k", message, digestmod="sha256")
