app.get("/search", (req, res) => {
  // ruleid: javascript-regex-injection
  const found = names.filter((n) => new RegExp(req.query.q).test(n));
  const { q } = req.query;
  // ruleid: javascript-regex-injection
  const pattern = new RegExp("^" + q, "i");
  // ok: javascript-regex-injection
  const safe = new RegExp(escapeRegExp(req.query.q));
  // ok: javascript-regex-injection
  const fixed = new RegExp("^[a-z]+$");
  res.json([found, pattern, safe, fixed]);
});
