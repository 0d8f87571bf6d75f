const crypto = require("crypto");

// ruleid: javascript-weak-random-token
const token = Math.random().toString(36).slice(2);

function generatePassword() {
  // ruleid: javascript-weak-random-token
  return Math.random().toString(36);
}

function login(user) {
  // ruleid: javascript-weak-random-token
  user.otp = Math.floor(Math.random() * 1000000);
  // ok: javascript-weak-random-token
  const delay = Math.random() * 1000;
  // ok: javascript-weak-random-token
  const sessionId = crypto.randomUUID();
  return [delay, sessionId];
}
