package dbd

import (
	"database/sql"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

func TestParseStatement(t *testing.T) {
	for _, c := range []struct {
		query    string
		numbered bool
		want     statement
	}{
		{"SELECT 1", false, statement{"SELECT 1", 0}},
		{"a = %s AND b = %lld", false, statement{"a = ? AND b = ?", 2}},
		{"a = %s AND b = %hhu, %pDt%x", true, statement{"a = $1 AND b = $2, $3$4", 4}},
		{"LIKE 'x%%' AND y = '%' AND 5 % 2 %", false, statement{"LIKE 'x%' AND y = '%' AND 5 % 2 %", 0}},
		{"%lx%hx%pDq", false, statement{"?x?x?Dq", 3}},
		{"%%s", true, statement{"%s", 0}},
	} {
		if diff := cmp.Diff(c.want, parseStatement(c.query, c.numbered), cmp.AllowUnexported(statement{})); diff != "" {
			t.Errorf("%q: %s", c.query, diff)
		}
	}
}

// FuzzParseStatement: as many parameters are written as are counted, and a query
// without a percent sign stays as it is.
func FuzzParseStatement(f *testing.F) {
	f.Add("SELECT a FROM b WHERE c = %s AND d = %lld -- 5%%")
	f.Fuzz(func(t *testing.T, query string) {
		plain, numbered := parseStatement(query, false), parseStatement(query, true)
		if plain.params != numbered.params {
			t.Errorf("%q: %d and %d parameters", query, plain.params, numbered.params)
		}
		if n := strings.Count(plain.query, "?") - strings.Count(query, "?"); n != plain.params {
			t.Errorf("%q: %d parameters, %d written", query, plain.params, n)
		}
		if n := numbered.params; n > 0 && !strings.Contains(numbered.query, "$"+strconv.Itoa(n)) {
			t.Errorf("%q: no parameter %d in %q", query, n, numbered.query)
		}
		if !strings.Contains(query, "%") && plain.query != query {
			t.Errorf("%q became %q", query, plain.query)
		}
	})
}

func TestParamWords(t *testing.T) {
	got := paramWords("host=db.example;user=ann, pass=a=b\tport=3307|flags=CLIENT_FOUND_ROWS junk")
	want := map[string]string{"host": "db.example", "user": "ann", "pass": "a=b", "port": "3307", "flags": "CLIENT_FOUND_ROWS"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestFloat(t *testing.T) {
	for f, want := range map[float64]string{2: "2.0", 0.1: "0.1", 1e300: "1.0e+300", -1.5: "-1.5", 1234567.25: "1234567.25"} {
		if got := float(f); got != want {
			t.Errorf("%v: %s, want %s", f, got, want)
		}
	}
}

// testPool is a pool of an SQLite file with one table.
func testPool(t *testing.T, c config) *pool {
	t.Helper()
	file := filepath.Join(t.TempDir(), "a%20b?c.db") // a name that has to be escaped
	c.real, c.inside = file, file
	c.driver = directives.Given("sqlite3")
	p := &pool{name: "sqlite3", driver: drivers["sqlite3"], config: &c, prepare: map[string]string{}}
	first, err := p.driver.connector(&c, nil)
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(first)
	defer db.Close()
	if _, err := db.Exec("CREATE TABLE t (a TEXT, b INTEGER); INSERT INTO t VALUES ('x', 1), ('y', NULL)"); err != nil {
		t.Fatal(err)
	}
	p.prepare["select"] = "SELECT a, b FROM t WHERE a = %s OR b IS NULL ORDER BY b DESC"
	p.prepare["insert"] = "INSERT INTO t VALUES (%s, %lld)"
	p.prepare["off"] = ""
	t.Cleanup(func() {
		if p.db != nil {
			p.db.Close()
		}
	})
	return p
}

func TestPool(t *testing.T) {
	p := testPool(t, config{max: directives.Given(2)})
	c := p.take(nil)
	if c == nil {
		t.Fatal("no connection")
	}
	if !c.Prepared("select") || c.Prepared("off") || c.Prepared("nosuch") {
		t.Error("what is prepared is not as configured")
	}
	rows, err := c.Select("select", "x", "one too many")
	want := &server.DBRows{Columns: []string{"a", "b"}, Rows: [][]server.DBValue{{{Text: "x", Valid: true}, {Text: "1", Valid: true}}, {{Text: "y", Valid: true}, {}}}}
	if diff := cmp.Diff(want, rows); diff != "" || err != nil {
		t.Error(err, diff)
	}
	if n, err := c.Exec("insert", "z", int64(5)); n != 1 || err != nil {
		t.Error(n, err)
	}
	if _, err := c.Exec("insert"); err != nil { // NULLs
		t.Error(err)
	}
	if _, err := c.Select("nosuch"); err == nil {
		t.Error("a statement that is not there was run")
	}
	second := p.take(nil)
	if second == nil {
		t.Fatal("no second connection")
	}
	if got := p.db.Stats().OpenConnections; got != 2 {
		t.Errorf("%d connections are open", got)
	}
	c.release()
	second.release()
	if got := p.db.Stats().InUse; got != 0 {
		t.Errorf("%d connections are in use", got)
	}
}

func TestPoolOnce(t *testing.T) {
	p := testPool(t, config{persist: directives.Given(false)})
	c := p.take(nil)
	if c == nil || p.db != nil {
		t.Fatalf("%v, pool %v", c, p.db)
	}
	c.release()
	if err := c.once.Ping(); err == nil {
		t.Error("the connection outlived its request")
	}
}

func TestPoolCannotPrepare(t *testing.T) {
	p := testPool(t, config{})
	p.prepare["bad"] = "SELECT nosuch FROM t"
	if p.take(nil) != nil {
		t.Error("a connection whose statements cannot be prepared was given")
	}
}

func TestReadOnlyOutside(t *testing.T) {
	p := testPool(t, config{})
	p.outside = openSQLiteOutside(p.config.real)
	c := p.take(nil)
	if c == nil {
		t.Fatal("no connection")
	}
	defer c.release()
	if rows, err := c.Select("select", "x"); err != nil || len(rows.Rows) != 2 {
		t.Error(rows, err)
	}
	if _, err := c.Exec("insert", "z", int64(5)); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Error(err)
	}
}

func TestMessage(t *testing.T) {
	for in, want := range map[string]string{
		"SQL logic error: no such table: x (1)": "no such table: x",
		"unable to open database file (14)":     "unable to open database file",
		"plain":                                 "plain",
	} {
		if got := sqliteMessage(stringError(in)); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

type stringError string

func (e stringError) Error() string { return string(e) }
