package lua

import (
	"fmt"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// databaseFuncs reach databases.
var databaseFuncs = map[string]func(*call) int{"dbacquire": dbAcquire}

// database is a connection as a script has it (lua_db_handle).
type database struct {
	conn  server.DBScriptConn
	own   bool // it is closed when the script closes it, not given back
	alive bool
}

// Codes of apr_dbd_get_driver's errors.
const errNoDriver = 20019 // APR_EDSOOPEN

// dbAcquire gives the request's connection to the database of the configuration, or makes
// one: dbacquire(type, parameters).
func dbAcquire(c *call) int {
	r := c.request(1)
	kind := cString(c.optText(2, "mod_dbd"))
	failed := func(text string) int { return c.push(lua.LNil, lua.LString(text)) }
	if kind == "mod_dbd" {
		if !r.HasDBD() {
			return failed("mod_dbd doesn't seem to have been loaded.")
		}
		conn, ok := r.DBD().(server.DBScriptConn)
		if !ok {
			return failed("Could not acquire connection from mod_dbd. If your database is running, this may indicate a permission problem.")
		}
		return c.push(databaseTable(c.L, &database{conn: conn, alive: true}))
	}
	params := ""
	if s, ok := c.L.Get(3).(lua.LString); ok {
		params = cString(string(s))
	}
	conn, known, err := r.OpenDBD(kind, params)
	switch {
	case !known:
		return c.push(lua.LNil, lua.LString("can't find driver for "+kind), lua.LNumber(errNoDriver))
	case params == "":
		c.str(3)
		return failed("No database connection string was specified.")
	case err != nil:
		return failed(err.Error())
	}
	d := &database{conn: conn, own: true, alive: true}
	r.AtEnd(d.close)
	return c.push(databaseTable(c.L, d))
}

func (d *database) close() {
	if d.alive && d.own {
		d.conn.Close()
	}
	d.alive = false
}

// databaseTable is what a script gets: functions, and the connection as element 0.
func databaseTable(L *lua.LState, d *database) *lua.LTable {
	t := L.NewTable()
	u := L.NewUserData()
	u.Value = d
	t.RawSet(lua.LNumber(0), u)
	for name, f := range map[string]func(*call, *database) int{
		"close": dbClose, "active": dbActive, "query": dbQuery, "select": dbSelect, "escape": dbEscape, "prepare": dbPrepare, "prepared": dbPrepared,
	} {
		L.SetField(t, name, L.NewFunction(func(L *lua.LState) int {
			c := &call{L, name}
			d, ok := element0(c).(*database)
			if !ok {
				c.wrong(1, "table")
			}
			return f(c, d)
		}))
	}
	return t
}

// element0 is what stands behind a table of ours, the first argument.
func element0(c *call) any {
	if t, ok := c.L.Get(1).(*lua.LTable); ok {
		if u, ok := t.RawGet(lua.LNumber(0)).(*lua.LUserData); ok {
			return u.Value
		}
	}
	c.wrong(1, "table")
	return nil
}

func dbClose(c *call, d *database) int {
	d.close()
	return c.push(lua.LNumber(0))
}

func dbActive(c *call, d *database) int { return c.pushBool(d.alive && d.conn.Alive()) }

// dbQuery is db:query(r, statement): how many rows it changed; -1 on a connection that is
// closed.
func dbQuery(c *call, d *database) int {
	sql := c.cStr(3)
	if !d.alive {
		return c.push(lua.LNumber(-1))
	}
	n, err := d.conn.ExecText(sql)
	if err != nil {
		return c.push(lua.LNil, lua.LString(err.Error()))
	}
	return c.push(lua.LNumber(n))
}

// dbSelect is db:select(r, statement).
func dbSelect(c *call, d *database) int {
	c.request(2)
	sql := c.cStr(3)
	if !d.alive {
		return c.pushBool(false)
	}
	rows, err := d.conn.SelectText(sql)
	switch {
	case err != nil:
		return c.push(lua.LNil, lua.LString(err.Error()))
	case len(rows.Columns) == 0:
		return 0
	}
	return c.push(resultSet(c.L, rows))
}

func dbEscape(c *call, d *database) int {
	c.request(2)
	s := c.cStr(3)
	if !d.alive {
		return c.push(lua.LNil)
	}
	return c.pushText(d.conn.Escape(s))
}

// dbPrepare is db:prepare(r, statement).
func dbPrepare(c *call, d *database) int {
	c.request(2)
	text := c.cStr(3)
	if !d.alive {
		return c.push(lua.LNil)
	}
	sql, params, err := d.conn.Parameters(text)
	if err != nil {
		return c.push(lua.LNil, lua.LString(err.Error()))
	}
	s := &statement{d: d, want: wanted(text), params: params,
		rows: func(args []any) (*server.DBRows, error) { return d.conn.SelectText(sql, args...) },
		exec: func(args []any) (int64, error) { return d.conn.ExecText(sql, args...) }}
	return c.push(s.table(c.L))
}

// wanted is how many arguments mod_lua believes a statement to have: percent signs that
// are not doubled.
func wanted(text string) int {
	return strings.Count(strings.ReplaceAll(text, "%%", ""), "%")
}

// dbPrepared is db:prepared(r, label), for DBDPrepareSQL.
func dbPrepared(c *call, d *database) int {
	c.request(2)
	label := c.cStr(3)
	if !d.alive || !d.conn.Prepared(label) {
		return c.push(lua.LNil, lua.LString(fmt.Sprintf("Could not find any prepared statement called %s!", label)))
	}
	s := &statement{d: d, want: -1, params: -1,
		rows: func(args []any) (*server.DBRows, error) { return d.conn.Select(label, args...) },
		exec: func(args []any) (int64, error) { return d.conn.Exec(label, args...) }}
	return c.push(s.table(c.L))
}

// statement is one that was prepared (lua_db_prepared_statement).
type statement struct {
	d            *database
	want, params int // arguments; -1: as many as come
	rows         func(args []any) (*server.DBRows, error)
	exec         func(args []any) (int64, error)
}

func (s *statement) table(L *lua.LState) *lua.LTable {
	t := L.NewTable()
	u := L.NewUserData()
	u.Value = s
	t.RawSet(lua.LNumber(0), u)
	for name, f := range map[string]func(*call, *statement, []any) int{"select": statementSelect, "query": statementQuery} {
		L.SetField(t, name, L.NewFunction(func(L *lua.LState) int {
			c := &call{L, name}
			s, ok := element0(c).(*statement)
			if !ok {
				c.wrong(1, "table")
			}
			var args []any
			for i := 2; i <= L.GetTop(); i++ {
				args = append(args, argument(L.Get(i)))
			}
			if s.want >= 0 && len(args) < s.want {
				return c.push(lua.LFalse, lua.LString(fmt.Sprintf("Error in executing prepared statement: Expected %d arguments, got %d.", s.want, len(args))))
			}
			if s.params >= 0 {
				for len(args) < s.params {
					args = append(args, nil)
				}
				args = args[:s.params]
			}
			if !s.d.alive {
				return c.push(lua.LFalse, lua.LString("Database connection seems to be closed, please reacquire it."))
			}
			return f(c, s, args)
		}))
	}
	return t
}

// argument is a value as text; nil for what is none.
func argument(v lua.LValue) any {
	switch v := v.(type) {
	case lua.LString:
		return cString(string(v))
	case lua.LNumber:
		return numberText(v)
	}
	return nil
}

func statementSelect(c *call, s *statement, args []any) int {
	rows, err := s.rows(args)
	if err != nil {
		return c.push(lua.LNil, lua.LString(err.Error()))
	}
	return c.push(resultSet(c.L, rows))
}

func statementQuery(c *call, s *statement, args []any) int {
	n, err := s.exec(args)
	if err != nil {
		return c.push(lua.LNil, lua.LString(err.Error()))
	}
	return c.push(lua.LNumber(n))
}

// resultSet is rows as a script has them: set(n) is the n-th, set() all that were not taken
// yet, and a second argument has columns go by their names (lua_db_get_row).
func resultSet(L *lua.LState, rows *server.DBRows) *lua.LTable {
	t := L.NewTable()
	next := 0
	row := func(L *lua.LState, i int, names bool) *lua.LTable {
		out := L.NewTable()
		for x, v := range rows.Rows[i] {
			switch {
			case !v.Valid:
			case names:
				out.RawSetString(rows.Columns[x], lua.LString(v.Text))
			default:
				out.RawSetInt(x+1, lua.LString(v.Text))
			}
		}
		return out
	}
	mt := L.NewTable()
	L.SetField(mt, "__call", L.NewFunction(func(L *lua.LState) int {
		c := &call{L, "select"}
		n := int(c.optInteger(2, 0))
		names := c.flag(3)
		if n == 0 {
			all := L.NewTable()
			for ; next < len(rows.Rows); next++ {
				all.Append(row(L, next, names))
			}
			return c.push(all)
		}
		if n < 0 {
			n = next + 1
		}
		if n > len(rows.Rows) {
			return 0
		}
		next = n
		return c.push(row(L, n-1, names))
	}))
	t.Metatable = mt
	return t
}
