from jinja2 import Environment, select_autoescape


def environments(app, loader):
    # ruleid: python-autoescape-off
    Environment(loader=loader, autoescape=False)
    # ruleid: python-autoescape-off
    app.jinja_env.autoescape = False
    # ok: python-autoescape-off
    app.jinja_env.autoescape = True
    # ok: python-autoescape-off
    Environment(loader=loader, autoescape=select_autoescape())
