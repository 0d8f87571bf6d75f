from django.views.decorators.csrf import csrf_exempt, csrf_protect

# ruleid: python-csrf-off
WTF_CSRF_ENABLED = False
# ok: python-csrf-off
WTF_CSRF_TIME_LIMIT = None


# ruleid: python-csrf-off
@csrf_exempt
def transfer(request):
    return request


# ok: python-csrf-off
@csrf_protect
def pay(request):
    return request


# ruleid: python-csrf-off
view = csrf_exempt(pay)
# ok: python-csrf-off
other = csrf_protect(pay)
