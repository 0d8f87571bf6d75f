const serialize = require("node-serialize");
const yaml = require("js-yaml");

app.post("/profile", (req, res) => {
  // ruleid: javascript-unsafe-deserialization
  const profile = serialize.unserialize(req.cookies.profile);
  // ruleid: javascript-unsafe-deserialization
  const settings = yaml.load(req.body, { schema: yaml.DEFAULT_FULL_SCHEMA });
  // ok: javascript-unsafe-deserialization
  const data = JSON.parse(req.body);
  // ok: javascript-unsafe-deserialization
  const config = yaml.load(req.body);
  res.json([profile, settings, data, config]);
});
