// The search box's suggestions.
const express = require("express");
const { exec } = require("child_process");

const app = express();

app.get("/suggest", (req, res) => {
  exec("grep -i " + req.query.q + " words.txt", (error, found) => res.json(found));
});

app.listen(3000, "127.0.0.1");
