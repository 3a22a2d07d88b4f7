package dbd

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// pool is the connections of one child to one database, for all servers that
// mean the same.
type pool struct {
	name    string
	driver  *dbDriver
	config  *config
	subject server.Subject
	prepare map[string]string // statements by label, of all servers
	net     *network

	mu      sync.Mutex
	outside connectorFunc // of a SQLite file that the jail has not; nil else
	db      *sql.DB
}

// pools makes a pool for each database that servers name, as long as they keep
// their connections.
func pools(g *server.Generation) []*pool {
	var list []*pool
	for _, v := range g.Servers() {
		c := slot.EditServer(v)
		name, ok := c.driver.Get()
		if !ok || c.pool != nil {
			continue
		}
		for _, p := range list {
			if p.config.same(c) && c.persist.Else(true) && p.config.persist.Else(true) {
				maps.Copy(p.prepare, c.prepared)
				c.pool = p
				break
			}
		}
		if c.pool == nil {
			c.pool = &pool{name: name, driver: drivers[name], config: c, subject: server.ServerSubject(g, v),
				prepare: maps.Clone(c.prepared), net: &network{g}}
			if c.pool.prepare == nil {
				c.pool.prepare = map[string]string{}
			}
			list = append(list, c.pool)
		}
	}
	return list
}

// openOutside opens SQLite files that the jail will not have.
func openOutside(g *server.Generation) error {
	if !g.Jail.Jailed() {
		return nil
	}
	for _, p := range pools(g) {
		if p.name != "sqlite3" || p.config.real == "" {
			continue
		}
		if _, in := g.Jail.Inside(p.config.real); in {
			continue
		}
		p.outside = openSQLiteOutside(p.config.real)
		if p.start(p.limit(), p.subject) == nil {
			elog.Notice(p.subject).Msgf("%s lies outside of the jail: it can be read, and not be written", p.config.real)
		}
	}
	return nil
}

// open makes the connections that there are at least; the rest follow when they
// are needed.
func open(g *server.Generation) error {
	pools(g)
	seen := map[*pool]bool{}
	for _, v := range g.Servers() {
		p := slot.Of(v).pool
		if p == nil || seen[p] || p.db != nil || p.outside != nil || !p.config.persist.Else(true) {
			continue
		}
		seen[p] = true
		main := server.ServerSubject(g, g.Config.Main)
		if err := p.start(p.least(), main); err != nil {
			elog.Crit(main).Err(server.ErrGeneral).Msg("AH00636: child init failed!")
		}
	}
	return nil
}

// shut closes all connections.
func shut(g *server.Generation) error {
	for _, v := range g.Servers() {
		if p := slot.Of(v).pool; p != nil {
			p.mu.Lock()
			if p.db != nil {
				p.db.Close()
			}
			p.mu.Unlock()
		}
	}
	return nil
}

// limit is how many connections there may be.
func (p *pool) limit() int { return max(p.config.max.Else(defaultMax), 1) }

// least is how many connections there are from the start.
func (p *pool) least() int { return min(p.config.min.Else(defaultMin), p.limit()) }

// start opens the pool with n connections, for s. It has said why it failed.
func (p *pool) start(n int, s server.Subject) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.db != nil {
		return nil
	}
	db, err := p.newDB()
	if err != nil {
		return err
	}
	var conns []*sql.Conn
	for range n {
		var c *sql.Conn
		if c, err = db.Conn(context.Background()); err != nil {
			break
		}
		conns = append(conns, c)
	}
	for _, c := range conns {
		c.Close() // back to the pool
	}
	if err != nil {
		p.failed(err)
		elog.Error(s).Err(server.ErrGeneral).Msg("AH00633: failed to initialise")
		db.Close()
		return err
	}
	p.db = db
	return nil
}

// newDB is an empty pool as the directives size it.
func (p *pool) newDB() (*sql.DB, error) {
	c := p.config
	var inner driver.Connector = p.outside
	if p.outside == nil {
		var err error
		if inner, err = p.driver.connector(c, p.net); err != nil {
			p.failed(&connectError{err})
			return nil, err
		}
	}
	db := sql.OpenDB(connectorFunc(func(ctx context.Context) (driver.Conn, error) { return p.connect(ctx, inner) }))
	db.SetMaxOpenConns(p.limit())
	if p.outside != nil {
		db.SetMaxIdleConns(p.limit()) // they cannot be opened again
		return db, nil
	}
	db.SetMaxIdleConns(max(c.keep.Else(defaultKeep), c.min.Else(defaultMin), 1))
	db.SetConnMaxIdleTime(time.Duration(c.exptime.Else(defaultExptime)) * time.Second)
	return db, nil
}

// Errors of making a connection, by what failed.
type (
	connectError struct{ error }
	prepareError struct{ error }
)

func (e *connectError) Unwrap() error { return e.error }
func (e *prepareError) Unwrap() error { return e.error }

// failed says why there is no connection.
func (p *pool) failed(err error) {
	var connect *connectError
	var prepare *prepareError
	switch {
	case errors.As(err, &connect):
		elog.Error(p.subject).Err(server.ErrGeneral).Msgf("AH00629: Can't connect to %s: %s", p.name, p.driver.message(connect.error))
	case errors.As(err, &prepare):
		elog.Error(p.subject).Err(server.ErrGeneral).Msgf("AH00632: failed to prepare SQL statements: %s", p.driver.message(prepare.error))
	default:
		elog.Error(p.subject).Msgf("AH00639: DBD [%s] Error: %s", p.name, p.driver.message(err))
	}
}

// link is a connection with its statements.
type link struct {
	driver.Conn
	statements map[string]prepared
}

type prepared struct {
	driver.Stmt
	params int
}

// connect makes a connection, prepares its statements and then runs those of
// DBDInitSQL (dbd_construct).
func (p *pool) connect(ctx context.Context, inner driver.Connector) (driver.Conn, error) {
	conn, err := inner.Connect(ctx)
	if err != nil {
		return nil, &connectError{err}
	}
	l := &link{conn, map[string]prepared{}}
	for label, query := range p.prepare {
		if query == "" {
			continue // of the main server, taken back
		}
		s := parseStatement(query, p.driver.numbered)
		stmt, err := conn.Prepare(s.query)
		if err != nil {
			conn.Close()
			return nil, &prepareError{err}
		}
		l.statements[label] = prepared{stmt, s.params}
	}
	for _, q := range p.config.init {
		if err := execute(ctx, conn, q); err != nil { // Apache says nothing and serves
			elog.Debug(p.subject).Msgf("DBDInitSQL failed: %s", p.driver.message(err))
			break
		}
	}
	return l, nil
}

// execute runs a statement that has no parameters.
func execute(ctx context.Context, conn driver.Conn, query string) error {
	if e, ok := conn.(driver.ExecerContext); ok {
		_, err := e.ExecContext(ctx, query, nil)
		if err != driver.ErrSkip {
			return err
		}
	}
	stmt, err := conn.Prepare(query)
	if err != nil {
		return err
	}
	defer stmt.Close()
	_, err = stmt.(driver.StmtExecContext).ExecContext(ctx, nil)
	return err
}

// IsValid and ResetSession ask the driver whether the connection still holds.
func (l *link) IsValid() bool {
	v, ok := l.Conn.(driver.Validator)
	return !ok || v.IsValid()
}

func (l *link) ResetSession(ctx context.Context) error {
	if r, ok := l.Conn.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

var (
	_ driver.Validator       = (*link)(nil)
	_ driver.SessionResetter = (*link)(nil)
)

// held is the connection that a request has; there may be one for each server
// that it came to.
type held struct {
	of   *pool
	conn *dbConn
}

var holds server.RequestSlot[held]

// acquire gives a request its connection.
func acquire(r *server.Request) server.DBConn {
	c := slot.Of(r.Server)
	r.Unrepeatable()
	if c.pool == nil {
		elog.Error(server.ServerSubject(r.Gen, r.Server)).Msg("AH02654: not configured")
		return nil
	}
	top := r.Top()
	if h := holds.Of(top); h != nil && h.of == c.pool {
		return h.conn
	}
	conn := c.pool.take(server.ServerSubject(r.Gen, r.Server))
	if conn == nil {
		return nil
	}
	holds.Set(top, &held{c.pool, conn})
	r.AtEnd(conn.release)
	return conn
}

// take gets a connection out of the pool for s, or nil, and has said why.
func (p *pool) take(s server.Subject) *dbConn {
	once := !p.config.persist.Else(true) && p.outside == nil
	var db *sql.DB
	if once {
		var err error
		if db, err = p.newDB(); err != nil {
			return nil
		}
	} else {
		if p.start(p.least(), s) != nil {
			return nil
		}
		db = p.db
	}
	conn, err := db.Conn(context.Background())
	if err != nil {
		p.failed(err)
		if once {
			db.Close()
		} else {
			elog.Error(p.subject).Err(server.ErrGeneral).Msg("AH02655: Failed to acquire DBD connection from pool!")
		}
		return nil
	}
	c := &dbConn{pool: p, conn: conn}
	if once {
		c.once = db
	}
	return c
}

// dbConn is a connection while a request has it.
type dbConn struct {
	pool *pool
	mu   sync.Mutex
	conn *sql.Conn
	once *sql.DB // closed with it; nil for a pool
}

var _ server.DBConn = (*dbConn)(nil)

func (c *dbConn) release() {
	c.conn.Close()
	if c.once != nil {
		c.once.Close()
	}
}

func (c *dbConn) Prepared(label string) bool { return c.pool.prepare[label] != "" }

// with calls f with a prepared statement and the arguments it wants.
func (c *dbConn) with(label string, args []any, f func(driver.Stmt, []driver.NamedValue) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := c.conn.Raw(func(dc any) error {
		s, ok := dc.(*link).statements[label]
		if !ok {
			return fmt.Errorf("no statement %s", label)
		}
		values := make([]driver.NamedValue, s.params)
		for i := range values {
			values[i].Ordinal = i + 1
			if i < len(args) {
				values[i].Value = args[i]
			}
		}
		return f(s.Stmt, values)
	})
	if err != nil {
		return errors.New(c.pool.driver.message(err))
	}
	return nil
}

func (c *dbConn) Select(label string, args ...any) (*server.DBRows, error) {
	out := &server.DBRows{}
	err := c.with(label, args, func(s driver.Stmt, values []driver.NamedValue) error { return query(s, values, out) })
	if err != nil {
		return nil, err
	}
	return out, nil
}

// query takes in the rows that a statement gives.
func query(s driver.Stmt, values []driver.NamedValue, out *server.DBRows) error {
	rows, err := s.(driver.StmtQueryContext).QueryContext(context.Background(), values)
	if err != nil {
		return err
	}
	defer rows.Close()
	out.Columns = rows.Columns()
	row := make([]driver.Value, len(out.Columns))
	kinds, _ := rows.(driver.RowsColumnTypeDatabaseTypeName)
	for {
		switch err := rows.Next(row); {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		texts := make([]server.DBValue, len(row))
		for i, v := range row {
			kind := ""
			if _, ok := v.(time.Time); ok && kinds != nil {
				kind = kinds.ColumnTypeDatabaseTypeName(i)
			}
			texts[i] = text(v, kind)
		}
		out.Rows = append(out.Rows, texts)
	}
}

func (c *dbConn) Exec(label string, args ...any) (int64, error) {
	var changed int64
	err := c.with(label, args, func(s driver.Stmt, values []driver.NamedValue) (err error) {
		changed, err = exec(s, values)
		return err
	})
	return changed, err
}

// exec runs a statement and tells how many rows it changed.
func exec(s driver.Stmt, values []driver.NamedValue) (int64, error) {
	res, err := s.(driver.StmtExecContext).ExecContext(context.Background(), values)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
