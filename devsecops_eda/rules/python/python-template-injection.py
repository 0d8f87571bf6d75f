import string

from flask import render_template, render_template_string, request
from jinja2 import Environment, Template


def hello():
    name = request.args["name"]
    # ruleid: python-template-injection
    render_template_string("<h1>Hello " + name + "</h1>")
    # ruleid: python-template-injection
    Environment().from_string(f"Hello {name}").render()
    # ok: python-template-injection
    render_template_string("<h1>Hello {{ name }}</h1>", name=name)
    # ok: python-template-injection
    return render_template("hello.html", name=name)


def mail(body, env):
    # ruleid: python-template-injection
    Template(body).render()
    # ruleid: python-template-injection
    env.from_string(body)
    # ok: python-template-injection
    string.Template(body).substitute(x=1)
    # ok: python-template-injection
    return Template("Hello {{ name }}").render(name=body)
