// ruleid: javascript-cors-credentials
app.use(cors({ origin: true, credentials: true }));
app.use((req, res, next) => {
  // ruleid: javascript-cors-credentials
  res.setHeader("Access-Control-Allow-Origin", req.headers.origin);
  // ok: javascript-cors-credentials
  res.setHeader("Access-Control-Allow-Origin", "https://app.internal");
  next();
});
// ok: javascript-cors-credentials
app.use(cors());
// ok: javascript-cors-credentials
app.use(cors({ origin: ["https://app.internal"], credentials: true }));
