app.get("/hello", (req, res) => {
  // ruleid: javascript-xss-response
  res.send("<h1>Hello " + req.query.name + "</h1>");
  // ruleid: javascript-xss-response
  res.status(404).send(`<p>${req.originalUrl} is not here</p>`);
  // ok: javascript-xss-response
  res.send("<h1>Hello " + escapeHtml(req.query.name) + "</h1>");
  // ruleid: javascript-xss-response
  res.send(req.query.name);
  // ok: javascript-xss-response
  res.send(escapeHtml(req.query.name));
  // ok: javascript-xss-response
  res.json({ name: req.query.name });
  // ok: javascript-xss-response
  res.send("<h1>Hello</h1>");
});
