const ejs = require("ejs");
const nunjucks = require("nunjucks");

app.post("/mail", (req, res) => {
  // ruleid: javascript-template-injection
  ejs.render(req.body.template, {});
  // ruleid: javascript-template-injection
  nunjucks.renderString("Hello " + req.query.name);
  // ok: javascript-template-injection
  ejs.render("Hello <%= name %>", { name: req.query.name });
  // ok: javascript-template-injection
  res.render("hello", { name: req.query.name });
});
