function above(threshold, limit) {
  // ruleid: javascript-nosql-where-code
  db.stocks.find({ $where: `this.stocks > '${threshold}'` });
  // ruleid: javascript-nosql-where-code
  Stock.find().$where("this.stocks > " + threshold);
  // ok: javascript-nosql-where-code
  db.stocks.find({ $where: "this.stocks > 10" });
  // ok: javascript-nosql-where-code
  db.stocks.find({ $where: `this.stocks > ${Number(limit)}` });
  // ok: javascript-nosql-where-code
  return db.stocks.find({ stocks: { $gt: threshold } });
}
