import jwt


def user(token, key):
    # ruleid: python-jwt-unverified
    jwt.decode(token, options={"verify_signature": False})
    # ruleid: python-jwt-unverified
    jwt.decode(token, key, algorithms=["HS256", "none"])
    # ruleid: python-jwt-unverified
    jwt.encode({"sub": "a"}, "", algorithm="none")
    # ok: python-jwt-unverified
    jwt.encode({"sub": "a"}, key, algorithm="HS256")
    # ok: python-jwt-unverified
    jwt.decode(token, key, algorithms=["HS256"], options={"verify_signature": True})
    # ok: python-jwt-unverified
    return jwt.decode(token, key, algorithms=["RS256"])
