import os
from pathlib import Path

from flask import Flask, request, send_file, send_from_directory
from werkzeug.utils import secure_filename

app = Flask(__name__)
ROOT = Path("/srv/files")


@app.route("/file/<path:name>")
def file(name):
    # ruleid: python-path-traversal
    return send_file(os.path.join("/srv/files", name))


@app.get("/page/{number}")
def page(number: int):
    # ok: python-path-traversal
    return send_file(f"/srv/files/{number}.html")


def show():
    # ruleid: python-path-traversal
    with open("/srv/files/" + request.args["name"]) as page:
        pass
    # ruleid: python-path-traversal
    text = (ROOT / request.args["name"]).read_text()
    # ok: python-path-traversal
    with open("/srv/files/" + secure_filename(request.args["name"])) as page:
        pass
    # ok: python-path-traversal
    send_from_directory("/srv/files", request.args["name"])
    # ok: python-path-traversal
    with open("/srv/files/index.html") as page:
        pass
    target = (ROOT / request.args["name"]).resolve()
    if not target.is_relative_to(ROOT):
        raise ValueError(target)
    # ok: python-path-traversal
    return text + page.read() + target.read_text()


def upload(request):
    upload = request.files["document"]
    # ruleid: python-path-traversal
    upload.save("/srv/files/" + upload.filename)
    # ok: python-path-traversal
    upload.save("/srv/files/" + os.path.basename(upload.filename))
