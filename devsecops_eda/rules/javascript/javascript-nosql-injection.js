app.post("/login", async (req, res) => {
  // ruleid: javascript-nosql-injection
  await User.findOne({ name: req.body.name, password: req.body.password });
  // ruleid: javascript-nosql-injection
  await db.collection("orders").find(req.query).toArray();
  const { id } = req.body;
  // ruleid: javascript-nosql-injection
  await Order.deleteMany({ id });
  // ok: javascript-nosql-injection
  await User.findOne({ name: String(req.body.name) });
  // ok: javascript-nosql-injection
  await User.findOne({ name: { $eq: req.body.name } });
  // ok: javascript-nosql-injection
  res.json([1, 2].find((x) => x === req.body.x));
});
