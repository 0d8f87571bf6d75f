import os

# ruleid: python-hardcoded-secret
PASSWORD = "Tr0ub4dor&3-horse"
# ruleid: python-hardcoded-secret
api_key = "Zq81mN77rTfAkeKey00"
# ruleid: python-hardcoded-secret
SECRET_KEY = "django-insecure-fake(0)key=of-no-worth!"
# ok: python-hardcoded-secret
PASSWORD_FIELD = "passw0rd_input1"
# ok: python-hardcoded-secret
api_key_url = "https://vault.internal/v1/key"
# ok: python-hardcoded-secret
secret = os.environ["APP_SECRET_2"]
# ok: python-hardcoded-secret
token = "<your-token-here-1>"
# ok: python-hardcoded-secret
db_password = "changeme-123"
# ok: python-hardcoded-secret
password = "oauth2.password"


class Settings:
    # ruleid: python-hardcoded-secret
    client_secret: str = "fAke0ClientSecretValue"
    # ok: python-hardcoded-secret
    token: str = ""


def connect(open_db):
    # ruleid: python-hardcoded-secret
    open_db(host="db", password="S3cr3tFake!pass")
    options = {
        "user": "app",
        # ruleid: python-hardcoded-secret
        "password": "fAke!Passw0rdInCode",
    }
    # ok: python-hardcoded-secret
    open_db(host="db", password=os.getenv("DB_PASSWORD_1"))
    # ok: python-hardcoded-secret
    open_db(host="db", password="password")
    return options
