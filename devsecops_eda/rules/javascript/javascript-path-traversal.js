const fs = require("fs");
const path = require("path");

app.get("/file", (req, res) => {
  // ruleid: javascript-path-traversal
  res.sendFile(path.join(__dirname, "files", req.query.name));
  // ruleid: javascript-path-traversal
  fs.readFileSync("files/" + req.params.name);
  // ruleid: javascript-path-traversal
  fs.createReadStream(`files/${req.query.name}`).pipe(res);
  // ok: javascript-path-traversal
  res.sendFile(req.query.name, { root: "/srv/files" });
  // ok: javascript-path-traversal
  fs.readFileSync("files/" + path.basename(req.params.name));
  // ok: javascript-path-traversal
  fs.readFileSync("files/index.html");
  const target = path.resolve("/srv/files", req.query.name);
  if (!target.startsWith("/srv/files/")) {
    return res.sendStatus(400);
  }
  // ok: javascript-path-traversal
  fs.createReadStream(target).pipe(res);
});
