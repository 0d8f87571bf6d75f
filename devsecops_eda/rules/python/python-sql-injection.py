from psycopg2 import sql
from sqlalchemy import text

COLUMNS = {"name": "name", "age": "age"}


def find(cursor, name, ids, order):
    # ruleid: python-sql-injection
    cursor.execute("SELECT * FROM users WHERE name = '" + name + "'")
    # ruleid: python-sql-injection
    cursor.execute(f"SELECT * FROM users WHERE name = '{name}'")
    # ruleid: python-sql-injection
    cursor.execute("SELECT * FROM users WHERE name = '%s'" % name)
    statement = "SELECT * FROM users"
    statement += " WHERE name = '" + name + "'"
    # ruleid: python-sql-injection
    cursor.execute(statement)
    # ruleid: python-sql-injection
    cursor.execute("SELECT * FROM users WHERE id IN (%s)" % ",".join(ids))
    # ok: python-sql-injection
    cursor.execute("SELECT * FROM users WHERE name = %s", (name,))
    # ok: python-sql-injection
    cursor.execute("SELECT * FROM users WHERE id = %d" % int(name))
    # ok: python-sql-injection
    cursor.execute("SELECT * FROM users WHERE id IN (%s)" % ",".join("?" * len(ids)), ids)
    marks = ", ".join(["%s"] * len(ids))
    # ok: python-sql-injection
    cursor.execute(f"SELECT * FROM users WHERE id IN ({marks})", ids)
    # ok: python-sql-injection
    cursor.execute("SELECT * FROM users ORDER BY " + COLUMNS[order])
    # ok: python-sql-injection
    cursor.execute(sql.SQL("SELECT {} FROM users").format(sql.Identifier(order)))
    if order not in ("name", "age"):
        order = "name"
    # ok: python-sql-injection
    cursor.execute(f"SELECT * FROM users ORDER BY {order}")


def run(cursor, statement):
    # ok: python-sql-injection
    cursor.execute(statement)


def search(request, session):
    # ruleid: python-sql-injection
    session.execute(text("SELECT 1 FROM t WHERE n = '{}'".format(request.GET["n"])))
    # ruleid: python-sql-injection
    User.objects.raw("SELECT * FROM auth_user WHERE username = '%s'" % request.POST["u"])
    # ok: python-sql-injection
    User.objects.raw("SELECT * FROM auth_user WHERE username = %s", [request.POST["u"]])


def rename(connection, table, name):
    with connection.cursor() as cursor:
        # ok: python-sql-injection
        cursor.execute("DROP TABLE %s" % connection.ops.quote_name(name))
