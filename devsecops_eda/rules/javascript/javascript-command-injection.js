const child_process = require("child_process");
const { exec, execFile, spawn } = require("child_process");

app.get("/lookup", (req, res) => {
  // ruleid: javascript-command-injection
  exec("nslookup " + req.query.host, (err, out) => res.send(out));
  // ruleid: javascript-command-injection
  child_process.execSync(`ping -c 1 ${req.query.host}`);
  // ok: javascript-command-injection
  execFile("nslookup", [req.query.host], (err, out) => res.send(out));
  // ok: javascript-command-injection
  exec("uptime", (err, out) => res.send(out));
  // ok: javascript-command-injection
  exec("sleep " + parseInt(req.query.seconds, 10));
});

function archive(name) {
  // ruleid: javascript-command-injection
  spawn("tar czf " + name, { shell: true });
  // ruleid: javascript-command-injection
  spawn("sh", ["-c", `tar czf ${name}`]);
  // ok: javascript-command-injection
  spawn("tar", ["czf", name]);
  // ok: javascript-command-injection
  return /a+/.exec(name);
}
