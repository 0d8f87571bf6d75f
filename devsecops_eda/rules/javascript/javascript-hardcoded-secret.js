const jwt = require("jsonwebtoken");

// ruleid: javascript-hardcoded-secret
const apiKey = "Zq81mN77rTfAkeKey00";
const options = {
  user: "app",
  // ruleid: javascript-hardcoded-secret
  password: "fAke!Passw0rdInCode",
};
// ruleid: javascript-hardcoded-secret
app.use(session({ secret: "keyboard cat", resave: false }));
// ruleid: javascript-hardcoded-secret
const signed = jwt.sign({ sub: "a" }, "a word");
// ok: javascript-hardcoded-secret
const key = process.env.API_KEY_1;
// ok: javascript-hardcoded-secret
const passwordField = "passw0rd_input1";
// ok: javascript-hardcoded-secret
const messages = { password: "Enter your password, 8 characters" };
// ok: javascript-hardcoded-secret
const placeholder = { token: "<your-token-here-1>" };
// ok: javascript-hardcoded-secret
app.use(session({ secret: process.env.SESSION_SECRET, resave: false }));
// ok: javascript-hardcoded-secret
const good = jwt.sign({ sub: "a" }, process.env.JWT_KEY);
