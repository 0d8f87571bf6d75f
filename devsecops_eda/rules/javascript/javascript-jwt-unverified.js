const jwt = require("jsonwebtoken");

function user(req, key) {
  // ruleid: javascript-jwt-unverified
  jwt.verify(req.token, key, { algorithms: ["HS256", "none"] });
  // ruleid: javascript-jwt-unverified
  jwt.sign({ sub: "a" }, "", { algorithm: "none" });
  // ruleid: javascript-jwt-unverified
  req.user = jwt.decode(req.token);
  // ok: javascript-jwt-unverified
  req.user = jwt.verify(req.token, key, { algorithms: ["HS256"] });
  // ok: javascript-jwt-unverified
  const header = jwt.decode(req.token, { complete: true }).header;
  return header;
}
