import xml.etree.ElementTree as ET
from xml.dom import minidom

import defusedxml.ElementTree
from flask import request
from lxml import etree


def feed():
    # ruleid: python-xml-untrusted
    ET.fromstring(request.data)
    body = request.get_data()
    # ruleid: python-xml-untrusted
    minidom.parseString(body)
    # ruleid: python-xml-untrusted
    etree.fromstring(body)
    # ok: python-xml-untrusted
    defusedxml.ElementTree.fromstring(body)
    # ok: python-xml-untrusted
    etree.fromstring(body, etree.XMLParser(resolve_entities=False))
    # ok: python-xml-untrusted
    return ET.fromstring("<a/>")
