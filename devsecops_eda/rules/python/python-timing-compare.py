import hashlib
import hmac


def verify(key, body, signature):
    # ruleid: python-timing-compare
    if hmac.new(key, body, hashlib.sha256).hexdigest() == signature:
        return True
    expected = "sha256=" + hmac.new(key, body, hashlib.sha256).hexdigest()
    # ruleid: python-timing-compare
    if signature != expected:
        return False
    # ok: python-timing-compare
    if hmac.compare_digest(expected, signature):
        return True
    # ok: python-timing-compare
    return hashlib.sha256(body).hexdigest() == signature
