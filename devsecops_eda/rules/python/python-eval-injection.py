import ast
import builtins

from flask import request

LIMIT = "10 * 1024"


def price(formula):
    # ruleid: python-eval-injection
    return eval(formula)


def setting():
    # ruleid: python-eval-injection
    exec("value = " + request.form["value"])
    # ruleid: python-eval-injection
    builtins.eval(request.args["f"])
    # ok: python-eval-injection
    eval(LIMIT)
    # ok: python-eval-injection
    exec("answer = 42")
    # ok: python-eval-injection
    return ast.literal_eval(request.form["value"])


def score(model, name):
    # ok: python-eval-injection
    model.eval(name)
    # ok: python-eval-injection
    return eval("{'a': 1}", {"x": int(name)})
