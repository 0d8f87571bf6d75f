from django.http import HttpResponse
from django.utils.html import escape, format_html
from django.utils.safestring import mark_safe
from flask import Flask
from flask import request as flask_request

app = Flask(__name__)


@app.route("/hello/<name>")
def hello(name):
    # ruleid: python-xss
    return f"<h1>Hello {name}</h1>"


@app.route("/bye/<name>")
def bye(name):
    # ok: python-xss
    return f"<h1>Bye {escape(name)}</h1>"


def search(request):
    q = request.GET["q"]
    # ruleid: python-xss
    mark_safe("<b>" + q + "</b>")
    # ruleid: python-xss
    HttpResponse(f"nothing found for {q}")
    # ok: python-xss
    mark_safe("<b>" + escape(q) + "</b>")
    # ok: python-xss
    format_html("<b>{}</b>", q)
    # ok: python-xss
    mark_safe("<b>none</b>")
    # ok: python-xss
    return HttpResponse("none")
