package server

import (
	"fmt"

	"github.com/donjon-httpd/donjon/directives"
)

// DBD is what the module that knows databases offers to others (mod_dbd's
// optional functions).
type DBD struct {
	// Prepare adds a statement under a label to the server that cmd stands in
	// (ap_dbd_prepare). %s and its like in query are parameters.
	Prepare func(cmd *directives.Cmd, query, label string)
	// Acquire gives the connection of a request, the same until the request ends;
	// nil when there is none, and the log says why (ap_dbd_acquire).
	Acquire func(r *Request) DBConn
	// Open makes a connection for a script, by the name of a driver and what
	// DBDParams would say. known is false for a driver that there is not; an error is
	// the database's words. The connection must be closed.
	Open func(r *Request, driver, params string) (conn DBScriptConn, known bool, err error)
}

// DBScriptConn is a connection that also runs statements which nobody prepared.
type DBScriptConn interface {
	DBConn
	// SelectText and ExecText run a statement as it stands (apr_dbd_select, apr_dbd_query).
	SelectText(sql string, args ...any) (*DBRows, error)
	ExecText(sql string, args ...any) (rows int64, err error)
	// Parameters writes a statement with %s and its like in the database's own form, and
	// counts them; an error is the database's, who cannot prepare it.
	Parameters(query string) (sql string, params int, err error)
	// Escape writes a text so that it may stand between quotes (apr_dbd_escape).
	Escape(s string) string
	// Alive tells whether the database still answers (apr_dbd_check_conn).
	Alive() bool
	Close()
}

// DBConn is a connection to a database, with the statements that were prepared.
type DBConn interface {
	// Prepared tells whether a statement has that label.
	Prepared(label string) bool
	// Select asks a statement for rows (apr_dbd_pvselect). An argument is a string
	// or an int64. Errors are the database's words.
	Select(label string, args ...any) (*DBRows, error)
	// Exec runs a statement and tells how many rows it changed (apr_dbd_pvquery).
	Exec(label string, args ...any) (rows int64, err error)
}

// DBRows is the answer to a query.
type DBRows struct {
	Columns []string
	Rows    [][]DBValue
}

// DBValue is an entry of a row; one that is NULL is not Valid.
type DBValue struct {
	Text  string
	Valid bool
}

func findDBD(active []*Module) *DBD {
	for _, m := range active {
		if m.DBD != nil {
			return m.DBD
		}
	}
	return nil
}

// PrepareDBD adds a statement of a directive's, under a new label that begins
// with prefix. function is what the error names when no module knows databases.
func PrepareDBD(cmd *directives.Cmd, prefix, function, query string) (label string, err error) {
	d := findDBD(ActiveModules(cmd))
	if d == nil {
		return "", &directives.Hinted{Err: fmt.Errorf("You must load mod_dbd to enable %s functions", function),
			Hint: "LoadModule dbd_module modules/mod_dbd.so brings them"}
	}
	n := dbdLabels.Edit(cmd)
	if cmd.Server.Main != nil {
		n = dbdLabels.EditServer(cmd.Server.Main)
	}
	if *n == nil {
		*n = map[string]int{}
	}
	(*n)[prefix]++
	label = fmt.Sprintf("%s_%d", prefix, (*n)[prefix])
	d.Prepare(cmd, query, label)
	return label, nil
}

// PrepareNamedDBD adds a statement under a label of the caller's, if a module
// knows databases.
func PrepareNamedDBD(cmd *directives.Cmd, query, label string) {
	if d := findDBD(ActiveModules(cmd)); d != nil {
		d.Prepare(cmd, query, label)
	}
}

// dbdLabels counts the labels that were made, by prefix. It belongs to the main server.
var dbdLabels = directives.NewServerSlot(func(base, _ map[string]int) map[string]int { return base })

// HasDBD tells whether a module that knows databases is active.
func HasDBD(cmd *directives.Cmd) bool { return findDBD(ActiveModules(cmd)) != nil }

// HasDBD tells whether a module that knows databases is active.
func (r *Request) HasDBD() bool { return findDBD(r.Gen.Modules) != nil }

// DBD gives r's connection to the database; nil when there is none, and the log
// says why if a module knows databases.
func (r *Request) DBD() DBConn {
	if d := findDBD(r.Gen.Modules); d != nil {
		return d.Acquire(r)
	}
	return nil
}

// OpenDBD makes a connection for a script; see [DBD.Open]. Without a module that
// knows databases no driver is known.
func (r *Request) OpenDBD(driver, params string) (conn DBScriptConn, known bool, err error) {
	if d := findDBD(r.Gen.Modules); d != nil && d.Open != nil {
		return d.Open(r, driver, params)
	}
	return nil, false, nil
}
