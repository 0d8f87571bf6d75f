app.get("/login", (req, res) => {
  // ruleid: javascript-open-redirect
  res.redirect(req.query.next);
  const { target } = req.query;
  // ruleid: javascript-open-redirect
  res.redirect(302, target);
  // ok: javascript-open-redirect
  res.redirect("/search?q=" + req.query.q);
  // ok: javascript-open-redirect
  res.redirect(`/users/${req.params.id}`);
  // ok: javascript-open-redirect
  res.redirect("/home");
  if (!isLocal(target)) {
    return res.redirect("/");
  }
  // ok: javascript-open-redirect
  return res.redirect(target);
});
// ruleid: javascript-open-redirect
window.location.href = new URLSearchParams(location.search).get("next");
