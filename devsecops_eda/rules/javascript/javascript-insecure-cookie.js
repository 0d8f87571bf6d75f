app.post("/login", (req, res) => {
  // ruleid: javascript-insecure-cookie
  res.cookie("session", value, { httpOnly: false });
  // ruleid: javascript-insecure-cookie
  res.cookie("auth_token", value);
  // ok: javascript-insecure-cookie
  res.cookie("session", value, { httpOnly: true, secure: true });
  // ok: javascript-insecure-cookie
  res.cookie("theme", "dark");
});
