const vm = require("vm");

app.post("/calc", (req, res) => {
  // ruleid: javascript-eval-injection
  res.send(String(eval(req.body.formula)));
  // ruleid: javascript-eval-injection
  vm.runInNewContext(req.body.formula, {});
  // ruleid: javascript-eval-injection
  const f = new Function("x", "return " + req.body.formula);
  // ok: javascript-eval-injection
  const data = JSON.parse(req.body.formula);
  // ok: javascript-eval-injection
  eval("1 + 1");
  // ok: javascript-eval-injection
  setTimeout(() => res.send(f(data)), 10);
});
