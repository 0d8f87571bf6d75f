import os

# ruleid: python-django-debug
DEBUG = True
# ok: python-django-debug
DEBUG = False
# ok: python-django-debug
DEBUG = os.environ.get("DJANGO_DEBUG") == "1"
if os.environ.get("CI"):
    # ruleid: python-django-debug
    DEBUG = True
ROOT_URLCONF = "site.urls"
INSTALLED_APPS = ["django.contrib.auth"]
