import os

from flask import Flask

app = Flask(__name__)
# ruleid: python-flask-debug
app.debug = True
# ruleid: python-flask-debug
app.config["DEBUG"] = True
# ok: python-flask-debug
app.debug = bool(os.environ.get("APP_DEBUG"))

if __name__ == "__main__":
    # ruleid: python-flask-debug
    app.run(host="127.0.0.1", debug=True)
    # ok: python-flask-debug
    app.run(host="127.0.0.1")
    # ok: python-flask-debug
    app.run(debug=False)
