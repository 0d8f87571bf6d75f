// Prints what AsyncAPI's own parser says about the document on standard input, as JSON.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const { Parser } = createRequire(process.argv[2])("@asyncapi/parser");
const { document, diagnostics } = await new Parser().parse(readFileSync(0, "utf8"));
const complaints = diagnostics.map(({ code, severity, message, path }) => (
  { code, severity, message, path: path.join("/") }));
process.stdout.write(JSON.stringify({
  complaints,
  operations: document ? document.operations().all().length : null,
  messages: document ? document.components().messages().all().length : null,
}));
