import random
import secrets
import string


def generate_password(length):
    # ruleid: python-weak-random-token
    return "".join(random.choice(string.ascii_letters) for _ in range(length))


def login(user):
    # ruleid: python-weak-random-token
    token = "%032x" % random.getrandbits(128)
    # ruleid: python-weak-random-token
    user.otp = random.randint(100000, 999999)
    # ok: python-weak-random-token
    session_id = secrets.token_urlsafe()
    # ok: python-weak-random-token
    delay = random.uniform(0, 1)
    # ok: python-weak-random-token
    api_key = random.SystemRandom().getrandbits(128)
    return token, session_id, delay, api_key
