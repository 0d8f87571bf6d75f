# ruleid: python-insecure-cookie
SESSION_COOKIE_SECURE = False
# ok: python-insecure-cookie
SESSION_COOKIE_HTTPONLY = True


def answer(response, value, secure):
    # ruleid: python-insecure-cookie
    response.set_cookie("session", value)
    # ruleid: python-insecure-cookie
    response.set_cookie("auth_token", value, httponly=True)
    # ruleid: python-insecure-cookie
    response.set_cookie("theme", value, secure=False)
    # ok: python-insecure-cookie
    response.set_cookie("session", value, httponly=True, secure=True)
    # ok: python-insecure-cookie
    response.set_cookie("session", value, httponly=True, secure=secure)
    # ok: python-insecure-cookie
    response.set_cookie("theme", value)
