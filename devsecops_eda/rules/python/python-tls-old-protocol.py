import ssl


def contexts():
    # ruleid: python-tls-old-protocol
    old = ssl.SSLContext(ssl.PROTOCOL_TLSv1)
    # ruleid: python-tls-old-protocol
    old.minimum_version = ssl.TLSVersion.TLSv1_1
    # ok: python-tls-old-protocol
    new = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # ok: python-tls-old-protocol
    new.minimum_version = ssl.TLSVersion.TLSv1_2
    return old, new
