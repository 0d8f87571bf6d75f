const axios = require("axios");

app.get("/preview", async (req, res) => {
  // ruleid: javascript-ssrf
  await axios.get(req.query.url);
  // ruleid: javascript-ssrf
  await fetch(`http://${req.query.host}/status`);
  const { callback } = req.body;
  // ruleid: javascript-ssrf
  await axios({ method: "post", url: callback });
  // ok: javascript-ssrf
  await axios.get("https://img.internal/" + req.query.name);
  // ok: javascript-ssrf
  await fetch(`https://img.internal/${req.query.name}`);
  // ok: javascript-ssrf
  await axios.get("https://img.internal/", { params: { name: req.query.name } });
  const url = new URL(req.query.url);
  if (!ALLOWED.includes(url.hostname)) {
    return res.sendStatus(400);
  }
  // ok: javascript-ssrf
  await fetch(url);
});
