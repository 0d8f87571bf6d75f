"""The pages of the shop."""

import sqlite3
import subprocess

from flask import Flask, redirect, render_template_string, request, send_file

from shop import accounts, stock

app = Flask(__name__)


def connection():
    return sqlite3.connect("shop.db")


@app.route("/search")
def search():
    term = request.args["q"]
    cursor = connection().cursor()
    cursor.execute("SELECT name, price FROM articles WHERE name LIKE '%" + term + "%'")
    return {"found": cursor.fetchall()}


@app.route("/article/<number>")
def article(number):
    cursor = connection().cursor()
    # The good twin of the line above: it is not reported.
    cursor.execute("SELECT name, price FROM articles WHERE number = ?", (number,))
    return {"article": cursor.fetchone()}


@app.route("/hello")
def hello():
    return render_template_string("<h1>Welcome back, " + request.args["name"] + "</h1>")


@app.route("/invoice")
def invoice():
    return send_file("/srv/invoices/" + request.args["file"])


@app.route("/thumbnail")
def thumbnail():
    name = request.args["image"]
    subprocess.run(f"convert {name} -resize 64x64 thumb.png", shell=True, check=True)
    return send_file("thumb.png")


@app.route("/login", methods=["POST"])
def login():
    if accounts.check(request.form["user"], request.form["password"]):
        return redirect(request.args["next"])
    return "no such user", 403


@app.route("/price")
def price():
    return {"price": stock.price(request.args["supplier"])}


if __name__ == "__main__":
    app.run(host="127.0.0.1", debug=True)
