from fastapi.middleware.cors import CORSMiddleware
from flask_cors import CORS

# ruleid: python-cors-credentials
CORS_ALLOW_ALL_ORIGINS = True
CORS_ALLOW_CREDENTIALS = True


def set_up(app):
    # ruleid: python-cors-credentials
    CORS(app, supports_credentials=True)
    # ruleid: python-cors-credentials
    app.add_middleware(CORSMiddleware, allow_origins=["*"], allow_credentials=True)
    # ok: python-cors-credentials
    CORS(app)
    # ok: python-cors-credentials
    CORS(app, origins=["https://app.internal"], supports_credentials=True)
    # ok: python-cors-credentials
    app.add_middleware(CORSMiddleware, allow_origins=["*"])
    # ok: python-cors-credentials
    app.add_middleware(CORSMiddleware, allow_origins=["https://a.internal"], allow_credentials=True)
