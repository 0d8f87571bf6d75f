const _ = require("lodash");

app.post("/settings", (req, res) => {
  // ruleid: javascript-prototype-pollution
  _.merge(settings, req.body);
  // ruleid: javascript-prototype-pollution
  _.set(settings, req.body.path, req.body.value);
  // ruleid: javascript-prototype-pollution
  settings[req.params.section][req.params.key] = req.body.value;
  // ok: javascript-prototype-pollution
  _.merge(settings, { theme: String(req.body.theme) });
  // ok: javascript-prototype-pollution
  settings.theme = req.body.theme;
  // ok: javascript-prototype-pollution
  _.set(settings, "theme", req.body.theme);
});
