const crypto = require("crypto");

function encrypt(key, iv) {
  // ruleid: javascript-weak-cipher
  crypto.createCipheriv("des-ede3-cbc", key, iv);
  // ruleid: javascript-weak-cipher
  crypto.createCipheriv("aes-128-ecb", key, null);
  // ruleid: javascript-weak-cipher
  crypto.createCipher("aes-256-cbc", "word");
  // ok: javascript-weak-cipher
  crypto.createCipheriv("aes-256-gcm", key, iv);
  // ok: javascript-weak-cipher
  return crypto.createCipheriv("chacha20-poly1305", key, iv);
}
