import { pool } from "./pool";

app.get("/users", async (req, res) => {
  // ruleid: javascript-sql-injection
  await pool.query("SELECT * FROM users WHERE name = '" + req.query.name + "'");
  // ruleid: javascript-sql-injection
  await pool.query(`SELECT * FROM users WHERE id = ${req.params.id}`);
  const statement = `SELECT * FROM users WHERE mail = '${req.body.mail}'`;
  // ruleid: javascript-sql-injection
  await pool.query(statement);
  // ok: javascript-sql-injection
  await pool.query("SELECT * FROM users WHERE name = $1", [req.query.name]);
  // ok: javascript-sql-injection
  await pool.query(`SELECT * FROM users WHERE id = ${Number(req.params.id)}`);
  // ok: javascript-sql-injection
  await pool.query("SELECT * FROM users WHERE name = " + pool.escape(req.query.name));
});

async function find(db: Database, name: string, ids: number[]) {
  // ruleid: javascript-sql-injection
  await db.execute("SELECT * FROM users WHERE name = '" + name + "'");
  // ok: javascript-sql-injection
  await db.execute(`SELECT * FROM users WHERE id IN (${ids.map(() => "?").join(",")})`, ids);
}
