import * as crypto from "crypto";

export function store(user: User, password: string, body: string) {
  // ruleid: javascript-weak-password-hash
  user.digest = crypto.createHash("md5").update(password).digest("hex");
  // ruleid: javascript-weak-password-hash
  user.digest = crypto.createHash("sha256").update(user.salt + user.password).digest("hex");
  // ok: javascript-weak-password-hash
  user.digest = crypto.scryptSync(password, user.salt, 64).toString("hex");
  // ok: javascript-weak-password-hash
  user.etag = crypto.createHash("sha1").update(body).digest("hex");
}
