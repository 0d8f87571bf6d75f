from flask import request


def login(db):
    body = request.get_json()
    # ruleid: python-nosql-injection
    db.users.find_one({"name": body["name"], "password": body["password"]})
    # ruleid: python-nosql-injection
    db.users.find({"name": request.json["name"]})
    # ruleid: python-nosql-injection
    db.users.delete_many(body)
    # ok: python-nosql-injection
    db.users.find_one({"name": str(body["name"])})
    # ok: python-nosql-injection
    db.users.find_one({"name": request.args["name"]})
    # ok: python-nosql-injection
    return "a,b".find(body["name"])
