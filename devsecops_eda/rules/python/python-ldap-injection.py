import ldap
from ldap.filter import escape_filter_chars


def find(connection, name, base):
    # ruleid: python-ldap-injection
    connection.search_s(base, ldap.SCOPE_SUBTREE, "(uid=" + name + ")")
    query = f"(&(uid={name})(active=1))"
    # ruleid: python-ldap-injection
    connection.search_s(base, ldap.SCOPE_SUBTREE, query)
    # ok: python-ldap-injection
    connection.search_s(base, ldap.SCOPE_SUBTREE, f"(uid={escape_filter_chars(name)})")
    # ok: python-ldap-injection
    return connection.search_s(base, ldap.SCOPE_SUBTREE, "(uid=admin)")
