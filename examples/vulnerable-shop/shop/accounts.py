"""Who the customers are."""

import hashlib
import pickle
import random

USERS = {}


def check(user, password):
    return USERS.get(user) == hashlib.md5(password.encode()).hexdigest()


def reset_token():
    token = "%032x" % random.getrandbits(128)
    return token


def basket(cookie):
    return pickle.loads(bytes.fromhex(cookie))
