from lxml import etree


def user(tree, name, number: int):
    # ruleid: python-xpath-injection
    tree.xpath("//user[@name='" + name + "']")
    # ruleid: python-xpath-injection
    etree.XPath(f"//user[@name='{name}']")
    # ok: python-xpath-injection
    tree.xpath("//user[@name=$name]", name=name)
    # ok: python-xpath-injection
    tree.xpath(f"//user[{number}]")
    # ok: python-xpath-injection
    return tree.xpath("//user")
