import socket


def serve(app):
    server = socket.socket()
    # ruleid: python-bind-all-interfaces
    server.bind(("0.0.0.0", 8080))
    # ruleid: python-bind-all-interfaces
    app.run(host="0.0.0.0", port=8080)
    # ok: python-bind-all-interfaces
    server.bind(("127.0.0.1", 8080))
    # ok: python-bind-all-interfaces
    app.run(host="127.0.0.1", port=8080)
