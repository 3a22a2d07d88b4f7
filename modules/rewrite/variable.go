package rewrite

import (
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// variable is the inside of %{…}.
type variable struct {
	fixed  func(*context) string // one of the names that Apache has; else by kind
	kind   varKind
	name   string // of a field or variable; what a look-ahead asks for, as written
	behind *variable
}

type varKind uint8

const (
	emptyVar varKind = iota // no such name: the text is empty
	fixedVar
	fieldVar
	envVar
	tlsVar
	lookAheadURL
	lookAheadFile
)

// compileVariable finds what a name stands for (lookup_variable).
func compileVariable(name string) *variable {
	prefix := func(p string) bool {
		return len(name) > len(p) && strings.EqualFold(name[:len(p)], p)
	}
	switch {
	case len(name) < 4:
		return &variable{}
	case name[3] == ':':
		if prefix("ENV:") {
			return &variable{kind: envVar, name: name[4:]}
		}
		if prefix("SSL:") {
			return &variable{kind: tlsVar, name: name[4:]}
		}
		return &variable{}
	case len(name) > 4 && name[4] == ':':
		switch {
		case prefix("HTTP:"):
			return &variable{kind: fieldVar, name: name[5:]}
		case prefix("LA-U:"):
			return &variable{kind: lookAheadURL, name: name[5:], behind: compileVariable(name[5:])}
		case prefix("LA-F:"):
			return &variable{kind: lookAheadFile, name: name[5:], behind: compileVariable(name[5:])}
		}
		return &variable{}
	}
	name = strings.ToUpper(name)
	if field, ok := fieldVars[name]; ok {
		return &variable{kind: fieldVar, name: field}
	}
	if f := fixedVars[name]; f != nil {
		return &variable{kind: fixedVar, fixed: f}
	}
	return &variable{}
}

// fieldVars are names for fields of the request.
var fieldVars = map[string]string{
	"HTTP_HOST": "Host", "HTTP_ACCEPT": "Accept", "HTTP_COOKIE": "Cookie", "HTTP_REFERER": "Referer", "HTTP_FORWARDED": "Forwarded",
	"HTTP_USER_AGENT": "User-Agent", "HTTP_PROXY_CONNECTION": "Proxy-Connection",
}

// fixedVars are the variables of the request, the server and the clock.
var fixedVars = map[string]func(*context) string{
	"TIME": func(c *context) string {
		s := clock("20060102150405")(c)
		c.trace(1, c.perdir, "RESULT='%s'", s)
		return s
	},
	"TIME_YEAR": clock("2006"), "TIME_MON": clock("01"), "TIME_DAY": clock("02"),
	"TIME_HOUR": clock("15"), "TIME_MIN": clock("04"), "TIME_SEC": clock("05"),
	"TIME_WDAY": func(c *context) string {
		c.r.Unrepeatable()
		return strconv.Itoa(int(time.Now().Local().Weekday()))
	},
	"IPV6": func(c *context) string {
		c.r.DependsOnClient()
		a := c.r.Client
		s := onOff(a.Is6() && !a.Is4In6())
		c.trace(1, c.perdir, "IPV6='%s'", s)
		return s
	},
	"HTTPS":       func(c *context) string { return onOff(c.r.Conn.TLS) },
	"IS_SUBREQ":   func(c *context) string { return strconv.FormatBool(c.r.Main != nil) },
	"PATH_INFO":   func(c *context) string { return c.r.PathInfo },
	"AUTH_TYPE":   func(c *context) string { return c.r.AuthType },
	"SERVER_NAME": func(c *context) string { return c.r.ServerNameForURL() },
	"REMOTE_ADDR": func(c *context) string {
		c.r.DependsOnClient()
		return c.r.ClientIP
	},
	"SERVER_ADDR": func(c *context) string { return c.r.Conn.LocalIP },
	"THE_REQUEST": func(c *context) string { return c.r.TheRequest },
	"API_VERSION": func(*context) string { return "20120211:142" },
	"SERVER_PORT": func(c *context) string { return strconv.Itoa(c.r.ServerPort()) },
	"REMOTE_HOST": func(c *context) string { return c.r.ConnHost() },
	"REMOTE_PORT": func(c *context) string {
		c.r.Unrepeatable()
		return strconv.Itoa(int(c.r.Conn.Remote.Port()))
	},
	"REMOTE_USER": func(c *context) string { return c.r.User },
	"REMOTE_IDENT": func(c *context) string {
		name, _ := c.r.RemoteLogname()
		return name
	},
	"SCRIPT_USER":           func(c *context) string { return account(c.r, c.r.Finfo.UID, server.UserName) },
	"SCRIPT_GROUP":          func(c *context) string { return account(c.r, c.r.Finfo.GID, server.GroupName) },
	"REQUEST_URI":           func(c *context) string { return c.r.URI },
	"QUERY_STRING":          func(c *context) string { return c.r.Args },
	"SERVER_ADMIN":          func(c *context) string { return server.CoreServer.Of(c.r.Server).ServerAdmin.Else(server.DefaultAdmin) },
	"DOCUMENT_ROOT":         func(c *context) string { return c.r.DocumentRoot() },
	"CONTEXT_PREFIX":        func(c *context) string { return c.r.ContextPrefix },
	"CONTEXT_DOCUMENT_ROOT": func(c *context) string { return c.r.ContextRoot() },
	"REQUEST_METHOD":        func(c *context) string { return c.r.Method },
	"REQUEST_SCHEME":        func(c *context) string { return c.r.Scheme() },
	"SCRIPT_FILENAME":       func(c *context) string { return c.r.Filename },
	"REQUEST_FILENAME":      func(c *context) string { return c.r.Filename },
	"SERVER_PROTOCOL":       func(c *context) string { return c.r.Proto },
	"SERVER_SOFTWARE":       func(c *context) string { return c.r.Gen.Banner() },
	"CONN_REMOTE_ADDR": func(c *context) string {
		c.r.DependsOnClient()
		return c.r.Conn.ClientIP
	},
}

func clock(layout string) func(*context) string {
	return func(c *context) string {
		c.r.Unrepeatable()
		return time.Now().Local().Format(layout)
	}
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// account is the name of a file's owner or group.
func account(r *server.Request, id uint32, name func(uint32) string) string {
	if r.Finfo.Type == server.NoFile {
		return "<unknown>"
	}
	return name(id)
}

func (v *variable) value(c *context) string {
	switch v.kind {
	case fixedVar:
		return v.fixed(c)
	case fieldVar:
		return c.field(v.name)
	case tlsVar:
		c.r.Unrepeatable()
		return c.r.TLSVariable(v.name)
	case envVar:
		if s, ok := c.r.Notes.Lookup(v.name); ok {
			return s
		}
		if s, ok := c.r.Env.Lookup(v.name); ok {
			return s
		}
		return os.Getenv(v.name)
	case lookAheadURL, lookAheadFile:
		return v.lookAhead(c)
	}
	return ""
}

// field is a field of the request, on which the answer then depends; Host is
// left out of Vary (RFC 7231 section 7.1.4).
func (c *context) field(name string) string {
	s, ok := c.r.FieldIn(name)
	if ok && !strings.EqualFold(name, "Host") {
		if c.varyThis != "" {
			c.varyThis += ", "
		}
		c.varyThis += name
	}
	return s
}

// subrequestOK tells whether a subrequest would not ask for what is being
// asked, and not be one too many.
func subrequestOK(r *server.Request) bool {
	if r.Main != nil && r.Main.URI == r.URI {
		return false
	}
	switch n := r.Top().Mark(subrequest{}); {
	case n <= maxSubrequests:
		return true
	case n == maxSubrequests+1:
		elog.Error(r).Msgf("rules for %s ask more than %d subrequests; further ones are not asked", r.URI, maxSubrequests)
	}
	return false
}

// subrequest marks the client's request for each subrequest of ours.
type subrequest struct{}

// lookAhead asks a subrequest for the URL or file for the variable.
func (v *variable) lookAhead(c *context) string {
	r := c.r
	if !subrequestOK(r) {
		return ""
	}
	path := c.uri
	conf := slot.Of(r.Dir)
	var sub *server.Request
	switch {
	case v.kind == lookAheadURL:
		if c.perdir != "" && !strings.HasPrefix(path, "/") {
			path = conf.base.Else(conf.dir) + path
		}
		sub = r.SubRequestURI(path)
	case c.perdir != "" && strings.HasPrefix(path, "/"):
		sub = r.SubRequestURI(path) // no file is known for it
	default:
		if c.perdir != "" {
			path = conf.dir + path
		}
		sub = r.SubRequestFile(inJail(r, path))
	}
	c.r = sub
	s := v.behind.value(c)
	c.r = r
	c.trace(5, c.perdir, "lookahead: path=%s var=%s -> val=%s", path, v.name, s)
	return s
}

// inJail is what a path that was made for this request is called while serving.
func inJail(r *server.Request, file string) string {
	if !strings.HasPrefix(file, "/") {
		return file
	}
	file, _ = r.Gen.Jail.Request(file)
	return file
}
