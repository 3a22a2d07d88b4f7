package dbd

import (
	"context"
	"database/sql/driver"
	"errors"
	"net"
	"net/netip"
	"regexp"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	"modernc.org/sqlite"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/backend"
)

// dbDriver is a kind of database that DBDriver can name.
type dbDriver struct {
	numbered bool // parameters are $1, $2 …
	// connector reads DBDParams; net makes its connections.
	connector func(c *config, net *network) (driver.Connector, error)
	// message is what the database itself said of an error.
	message func(error) string
}

var drivers = map[string]*dbDriver{
	"sqlite3": {connector: openSQLite, message: sqliteMessage},
	"mysql":   {connector: openMySQL, message: mysqlMessage},
	"pgsql":   {connector: openPostgreSQL, numbered: true, message: pgMessage},
}

// connectorFunc is a driver.Connector that makes connections by a function.
type connectorFunc func(context.Context) (driver.Conn, error)

func (f connectorFunc) Connect(ctx context.Context) (driver.Conn, error) { return f(ctx) }
func (f connectorFunc) Driver() driver.Driver                            { return nil }

// busyTimeout is how long a statement waits for a file that is locked, in
// milliseconds: APR tries 15 times.
const busyTimeout = "1500"

// openSQLite: the parameters are the name of the file.
func openSQLite(c *config, _ *network) (driver.Connector, error) {
	name := "file:" + sqliteEscaper.Replace(c.inside) + "?_pragma=busy_timeout(" + busyTimeout + ")"
	if c.inside == ":memory:" {
		name = c.inside
	}
	return connectorFunc(func(context.Context) (driver.Conn, error) {
		conn, err := (&sqlite.Driver{}).Open(name)
		if err != nil {
			return nil, err
		}
		return conn, nil
	}), nil
}

// openSQLiteOutside is openSQLite for a file that a jail has not: it is read
// through descriptors that are open already, and cannot be written.
func openSQLiteOutside(file string) connectorFunc {
	name := "file:" + sqliteEscaper.Replace(file) + "?mode=ro&_pragma=busy_timeout(" + busyTimeout + ")"
	return func(context.Context) (driver.Conn, error) { return (&sqlite.Driver{}).Open(name) }
}

// sqliteEscaper writes a path for a URI of SQLite's.
var sqliteEscaper = strings.NewReplacer("%", "%25", "?", "%3f", "#", "%23")

var sqliteWrapped = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z -]*: )?(.*) \(\d+\)$`)

// sqliteMessage is the text of sqlite3_errmsg without what the driver puts
// around it.
func sqliteMessage(err error) string {
	if m := sqliteWrapped.FindStringSubmatch(err.Error()); m != nil {
		return m[1]
	}
	return err.Error()
}

// words splits parameters of the form key=value at white space, ';', '|' and ','
// (apr_dbd_mysql).
func paramWords(params string) map[string]string {
	m := map[string]string{}
	isEnd := func(r rune) bool { return strings.ContainsRune(" \r\n\t;|,", r) }
	for _, w := range strings.FieldsFunc(params, isEnd) {
		if k, v, ok := strings.Cut(w, "="); ok {
			m[strings.ToLower(k)] = v
		}
	}
	return m
}

// openMySQL: host, port, user, pass, dbname, sock, flags, fldsz, group,
// reconnect, connecttimeout, readtimeout, writetimeout.
func openMySQL(c *config, n *network) (driver.Connector, error) {
	p := paramWords(c.params)
	cfg := mysql.NewConfig()
	cfg.User, cfg.Passwd, cfg.DBName = p["user"], p["pass"], p["dbname"]
	cfg.Logger = mysql.Logger(quiet{})
	cfg.DialFunc = n.dial
	cfg.ClientFoundRows = strings.Contains(p["flags"], "CLIENT_FOUND_ROWS")
	cfg.Timeout, cfg.ReadTimeout, cfg.WriteTimeout = seconds(p["connecttimeout"]), seconds(p["readtimeout"]), seconds(p["writetimeout"])
	switch host := p["host"]; {
	case p["sock"] != "":
		cfg.Net, cfg.Addr = "unix", p["sock"]
	case host == "" || host == "localhost":
		cfg.Net, cfg.Addr = "unix", defaultMySQLSocket
	default:
		port := p["port"]
		if port == "" || port == "0" {
			port = "3306"
		}
		cfg.Net, cfg.Addr = "tcp", net.JoinHostPort(host, port)
	}
	return mysql.NewConnector(cfg)
}

// defaultMySQLSocket is where Debian's MySQL and MariaDB listen.
const defaultMySQLSocket = "/run/mysqld/mysqld.sock"

// quiet is a logger that says nothing: what fails is told where it matters.
type quiet struct{}

func (quiet) Print(...any) {}

func seconds(s string) time.Duration {
	d, _ := time.ParseDuration(s + "s")
	return max(d, 0)
}

func mysqlMessage(err error) string {
	var m *mysql.MySQLError
	if errors.As(err, &m) {
		return m.Message
	}
	return err.Error()
}

// openPostgreSQL: the parameters are a conninfo string of libpq's.
func openPostgreSQL(c *config, n *network) (driver.Connector, error) {
	params := c.params
	if !strings.Contains(params, "sslmode") && !strings.Contains(params, "://") {
		params += " sslmode=prefer" // libpq's default
	}
	conn, err := pq.NewConnector(params)
	if err != nil {
		return nil, err
	}
	conn.Dialer(n)
	return conn, nil
}

func pgMessage(err error) string {
	var e *pq.Error
	if errors.As(err, &e) {
		return e.Severity + ":  " + e.Message + "\n"
	}
	return err.Error()
}

// socketTimeout bounds each wait for an answer that comes through a socket file.
const socketTimeout = 5 * time.Minute

// network makes connections from where the jail allows: names are looked up as
// outside, sockets that lie outside are connected by the parent.
type network struct{ g *server.Generation }

var _ pq.Dialer = (*network)(nil)

func (n *network) dial(ctx context.Context, kind, addr string) (net.Conn, error) {
	if kind == "unix" {
		return n.g.DialSocket(addr, backend.Options{Timeout: socketTimeout})
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	}
	addrs, err := server.Resolver().LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	err = errors.New("no address of " + host)
	for _, a := range addrs {
		var c net.Conn
		if c, err = (&net.Dialer{}).DialContext(ctx, "tcp", net.JoinHostPort(a.Unmap().String(), port)); err == nil {
			return c, nil
		}
	}
	return nil, err
}

// Dial is for the driver of PostgreSQL.
func (n *network) Dial(kind, addr string) (net.Conn, error) {
	return n.dial(context.Background(), kind, addr)
}

// DialTimeout is Dial with a limit.
func (n *network) DialTimeout(kind, addr string, limit time.Duration) (net.Conn, error) {
	ctx := context.Background()
	if limit > 0 {
		var cancel func()
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	return n.dial(ctx, kind, addr)
}
