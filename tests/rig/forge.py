"""A git server with TLS on port 443, for hosts that have a network of their own.

``python -m tests.rig.forge FOLDER CERTIFICATE KEY`` serves every repository below FOLDER to
everybody, as plain files (``git update-server-info`` makes them fit for that).
"""

import functools
import ssl
import sys
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

ADDRESS = ("127.0.0.5", 443)

if __name__ == "__main__":
    folder, certificate, key = sys.argv[1:]
    handler = functools.partial(SimpleHTTPRequestHandler, directory=folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with ThreadingHTTPServer(ADDRESS, handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.serve_forever()
