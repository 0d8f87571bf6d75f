from django.http import HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from flask import redirect, request, url_for


def login():
    # ruleid: python-open-redirect
    return redirect(request.args.get("next", "/"))


def home():
    # ok: python-open-redirect
    redirect(url_for("home", page=request.args["page"]))
    # ok: python-open-redirect
    redirect("/search?q=" + request.args["q"])
    # ok: python-open-redirect
    return redirect(f"/users/{request.args['id']}")


def back(request):
    target = request.GET["next"]
    # ruleid: python-open-redirect
    HttpResponseRedirect(target)
    if not url_has_allowed_host_and_scheme(target, allowed_hosts=None):
        target = "/"
    # ok: python-open-redirect
    return HttpResponseRedirect(target)
