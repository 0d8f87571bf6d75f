import xml.sax
from xml.sax import handler

from lxml import etree


def parsers():
    # ruleid: python-xxe-parser
    etree.XMLParser(resolve_entities=True)
    # ruleid: python-xxe-parser
    etree.XMLParser(no_network=False)
    sax = xml.sax.make_parser()
    # ruleid: python-xxe-parser
    sax.setFeature(handler.feature_external_ges, True)
    # ok: python-xxe-parser
    sax.setFeature(handler.feature_external_ges, False)
    # ok: python-xxe-parser
    sax.setFeature(handler.feature_namespaces, True)
    # ok: python-xxe-parser
    return etree.XMLParser(resolve_entities=False, no_network=True)
