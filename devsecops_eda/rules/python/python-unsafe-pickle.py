import json
import pickle
import shelve
from pickle import loads as revive

import jsonpickle
import pandas as pd


def session(cookie, path):
    # ruleid: python-unsafe-pickle
    pickle.loads(cookie)
    # ruleid: python-unsafe-pickle
    revive(cookie)
    # ruleid: python-unsafe-pickle
    jsonpickle.decode(cookie)
    # ruleid: python-unsafe-pickle
    shelve.open(path)
    # ruleid: python-unsafe-pickle
    pd.read_pickle(path)
    # ok: python-unsafe-pickle
    json.loads(cookie)
    # ok: python-unsafe-pickle
    pickle.dumps(cookie)
    # ok: python-unsafe-pickle
    return pickle.loads(pickle.dumps(cookie))
