const libxmljs = require("libxmljs");

function read(xml) {
  // ruleid: javascript-xxe
  libxmljs.parseXml(xml, { noent: true });
  // ruleid: javascript-xxe
  libxmljs.parseXmlString(xml, { noblanks: true, noent: true });
  // ok: javascript-xxe
  libxmljs.parseXml(xml, { noent: false });
  // ok: javascript-xxe
  return libxmljs.parseXml(xml);
}
