import hashlib


def store(user, password, body):
    # ruleid: python-weak-password-hash
    user.digest = hashlib.md5(password.encode()).hexdigest()
    # ruleid: python-weak-password-hash
    user.digest = hashlib.new("sha1", password.encode()).hexdigest()
    # ruleid: python-weak-password-hash
    user.digest = hashlib.sha256((user.salt + user.password).encode()).hexdigest()
    # ok: python-weak-password-hash
    user.digest = hashlib.scrypt(password.encode(), salt=user.salt, n=16384, r=8, p=1)
    # ok: python-weak-password-hash
    user.digest = hashlib.pbkdf2_hmac("sha256", password.encode(), user.salt, 600_000)
    # ok: python-weak-password-hash
    return hashlib.md5(body, usedforsecurity=False).hexdigest()
