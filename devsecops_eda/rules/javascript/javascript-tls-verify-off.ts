import https from "https";

export function agents(ca: Buffer) {
  // ruleid: javascript-tls-verify-off
  const open = new https.Agent({ rejectUnauthorized: false });
  // ruleid: javascript-tls-verify-off
  process.env.NODE_TLS_REJECT_UNAUTHORIZED = "0";
  // ok: javascript-tls-verify-off
  const strict = new https.Agent({ rejectUnauthorized: true });
  // ok: javascript-tls-verify-off
  const own = new https.Agent({ ca });
  return [open, strict, own];
}
