package dbd

import (
	"context"
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// Connections as scripts use them: with statements that nobody prepared.

var _ server.DBScriptConn = (*dbConn)(nil)

// openFor makes a connection that belongs to no pool. A path in params is one of the jail.
func openFor(r *server.Request, name, params string) (server.DBScriptConn, bool, error) {
	d := drivers[name]
	if d == nil {
		return nil, false, nil
	}
	r.Unrepeatable()
	p := &pool{name: name, driver: d, config: &config{params: params, inside: params}, subject: r, net: &network{r.Gen}}
	if _, err := d.connector(p.config, p.net); err != nil { // newDB would log it
		return nil, true, errors.New(d.message(err))
	}
	db, err := p.newDB()
	if err != nil {
		return nil, true, errors.New(d.message(err))
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		db.Close()
		var cause *connectError
		if errors.As(err, &cause) {
			err = cause.error
		}
		return nil, true, errors.New(d.message(err))
	}
	return &dbConn{pool: p, conn: conn, once: db}, true, nil
}

// Close gives the connection back.
func (c *dbConn) Close() { c.release() }

// Alive asks the database.
func (c *dbConn) Alive() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.conn.PingContext(context.Background()) == nil
}

// withText calls f with a statement that is prepared for this one time.
func (c *dbConn) withText(sql string, args []any, f func(driver.Stmt, []driver.NamedValue) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.conn.Raw(func(dc any) error {
		s, err := dc.(*link).Conn.Prepare(sql)
		if err != nil {
			return err
		}
		defer s.Close()
		values := make([]driver.NamedValue, len(args))
		for i := range values {
			values[i] = driver.NamedValue{Ordinal: i + 1, Value: args[i]}
		}
		return f(s, values)
	})
	if err != nil {
		return errors.New(c.pool.driver.message(err))
	}
	return nil
}

// SelectText is in [server.DBScriptConn].
func (c *dbConn) SelectText(sql string, args ...any) (*server.DBRows, error) {
	out := &server.DBRows{}
	err := c.withText(sql, args, func(s driver.Stmt, values []driver.NamedValue) error { return query(s, values, out) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// ExecText is in [server.DBScriptConn].
func (c *dbConn) ExecText(sql string, args ...any) (int64, error) {
	var changed int64
	err := c.withText(sql, args, func(s driver.Stmt, values []driver.NamedValue) (err error) {
		changed, err = exec(s, values)
		return err
	})
	return changed, err
}

// Parameters is in [server.DBScriptConn].
func (c *dbConn) Parameters(query string) (string, int, error) {
	s := parseStatement(query, c.pool.driver.numbered)
	err := c.withText(s.query, nil, func(driver.Stmt, []driver.NamedValue) error { return nil })
	return s.query, s.params, err
}

// Escape is in [server.DBScriptConn]: the quotation mark is doubled; MySQL's backslash and
// what is unsafe with it are escaped too.
func (c *dbConn) Escape(s string) string {
	if c.pool.name == "mysql" {
		return strings.NewReplacer("\x00", `\0`, "\n", `\n`, "\r", `\r`, `\`, `\\`, "'", `\'`, `"`, `\"`, "\x1a", `\Z`).Replace(s)
	}
	return strings.ReplaceAll(s, "'", "''")
}
