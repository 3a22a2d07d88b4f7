package lua

import (
	"fmt"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// started is when this process was, for one without a scoreboard.
var started = time.Now()

// given makes a text that may be empty one that is nil then.
func given(s string) (string, bool) { return s, s != "" }

// fields are what r has, by name.
var fields map[string]field

func init() {
	text := func(f func(r *request) (string, bool)) field { return field{text: f} }
	num := func(f func(r *request) int64) field { return field{num: f} }
	flag := func(f func(r *request) bool) field { return field{flag: f} }
	fields = map[string]field{
		"document_root":         text(func(r *request) (string, bool) { return r.DocumentRoot(), true }),
		"context_prefix":        text(func(r *request) (string, bool) { return r.ContextPrefix, true }),
		"context_document_root": text(func(r *request) (string, bool) { return r.ContextRoot(), true }),
		"is_https":              flag(func(r *request) bool { return r.Conn.TLS }),
		"assbackwards":          flag(func(r *request) bool { return r.Simple }),
		"status":                num(func(r *request) int64 { return int64(r.Status) }),
		"protocol":              text(func(r *request) (string, bool) { return protocol(r.Request), true }),
		// Nobody sets r->range before the byterange filter, behind all scripts.
		"range":            text(func(*request) (string, bool) { return "", false }),
		"content_type":     text(func(r *request) (string, bool) { return given(r.ContentType) }),
		"content_encoding": text(func(r *request) (string, bool) { return given(r.ContentEncoding) }),
		"ap_auth_type":     text(func(r *request) (string, bool) { return given(r.AuthType) }),
		"unparsed_uri":     text(func(r *request) (string, bool) { return r.UnparsedURI, true }),
		"user":             text(func(r *request) (string, bool) { return r.User, r.User != "" || r.UserSet }),
		"filename":         text(func(r *request) (string, bool) { return given(r.Filename) }),
		"canonical_filename": text(func(r *request) (string, bool) {
			return r.Filename, r.Finfo.Type != server.NoFile || r.PathInfo != ""
		}),
		"path_info":    text(func(r *request) (string, bool) { return r.PathInfo, r.PathInfo != "" || walked(r.Request) }),
		"args":         text(func(r *request) (string, bool) { return r.Args, r.HasArgs }),
		"handler":      text(func(r *request) (string, bool) { return given(r.Handler) }),
		"hostname":     text(func(r *request) (string, bool) { return given(r.Hostname) }),
		"uri":          text(func(r *request) (string, bool) { return given(r.URI) }),
		"the_request":  text(func(r *request) (string, bool) { return r.TheRequest, true }),
		"log_id":       text(func(r *request) (string, bool) { return given(r.LogID) }),
		"useragent_ip": text(func(r *request) (string, bool) { return given(r.ClientIP) }),
		"method":       text(func(r *request) (string, bool) { return r.Method, true }),
		"proxyreq":     text(func(r *request) (string, bool) { return proxyreq(r.Request), true }),
		"port":         num(func(r *request) int64 { return int64(r.ServerPort()) }),
		"banner":       text(func(r *request) (string, bool) { return r.Gen.Banner(), true }),
		"options":      text(func(r *request) (string, bool) { return options(r.Options()), true }),
		"allowoverrides": text(func(r *request) (string, bool) {
			return overrides(server.CoreDir.Of(r.Dir).Override), true
		}),
		"started": num(func(r *request) int64 {
			if b := r.Gen.Board; b != nil {
				return b.Restarted.Load() / 1e6
			}
			return started.Unix()
		}),
		"basic_auth_pw":      text(basicPassword),
		"limit_req_body":     num(func(r *request) int64 { return server.CoreDir.Of(r.Dir).LimitRequestBody.Else(1 << 30) }),
		"server_built":       text(func(*request) (string, bool) { return server.Built, true }),
		"is_initial_req":     flag(func(r *request) bool { return r.Initial() }),
		"remaining":          num(func(r *request) int64 { return 0 }), // but for the time in which a body is read
		"some_auth_required": flag(func(r *request) bool { return r.SomeAuthRequired() }),
		"server_name": text(func(r *request) (string, bool) {
			if name := r.ServerName(); name != "" {
				return name, true
			}
			return "localhost", true
		}),
		"auth_name": text(func(r *request) (string, bool) {
			name, _ := r.AuthName()
			return name, true
		}),
	}
	for _, t := range [...]struct {
		name string
		of   func(r *request) *server.Fields
	}{
		{"headers_in", func(*request) *server.Fields { return nil }},
		{"headers_out", func(r *request) *server.Fields { return &r.Out }},
		{"err_headers_out", func(r *request) *server.Fields { return &r.ErrOut }},
		{"notes", func(r *request) *server.Fields { return &r.Notes }},
		{"subprocess_env", func(r *request) *server.Fields { return &r.Env }},
	} {
		view := func(r *request) *table { return &table{r.Request, t.name, t.of(r)} }
		fields[t.name] = field{table: view}
		fields[t.name+"_table"] = field{call: func(c *call) int {
			p := newPairs(c.L)
			for _, f := range view(c.request(1)).all() {
				p.add(f.Name, f.Value)
			}
			return p.push(c)
		}}
	}
	for _, list := range []map[string]func(*call) int{outputFuncs, bodyFuncs, codeFuncs, fileFuncs, serverFuncs, matchFuncs, stateFuncs,
		websocketFuncs, databaseFuncs, logFuncs()} {
		for name, f := range list {
			fields[name] = field{call: f}
		}
	}
}

func protocol(r *server.Request) string {
	if r.Simple {
		return "HTTP/0.9"
	}
	return fmt.Sprintf("HTTP/%d.%d", r.ProtoMajor, r.ProtoMinor)
}

func proxyreq(r *server.Request) string {
	switch {
	case r.Forward:
		return "PROXYREQ_PROXY"
	case r.Proxied:
		return "PROXYREQ_REVERSE"
	}
	return "PROXYREQ_NONE"
}

// named writes the names of what is on between blanks; what is off leaves its place empty.
func named(list ...any) string {
	words := make([]string, 0, len(list)/2)
	for i := 0; i < len(list); i += 2 {
		word := ""
		if list[i].(bool) {
			word = list[i+1].(string)
		}
		words = append(words, word)
	}
	return strings.Join(words, " ")
}

func options(o server.Options) string {
	return named(o&server.OptIndexes != 0, "Indexes", o&server.OptIncludes != 0, "Includes", o&server.OptSymLinks != 0, "FollowSymLinks",
		o&server.OptExecCGI != 0, "ExecCGI", o&server.OptMultiViews != 0, "MultiViews", o&server.OptAll == server.OptAll, "All")
}

func overrides(set directives.Opt[directives.Context]) string {
	o, ok := set.Get()
	switch {
	case ok && o&directives.All == directives.All:
		return "All"
	case ok && o&directives.All == 0:
		return "None"
	}
	return named(o&directives.Limit != 0, "Limit", o&directives.Options != 0, "Options", o&directives.FileInfo != 0, "FileInfo",
		o&directives.AuthConfig != 0, "AuthCfg", o&directives.Indexes != 0, "Indexes")
}

// basicPassword is the password of HTTP's Basic scheme where AuthType is that; the user
// becomes the request's (ap_get_basic_auth_pw).
func basicPassword(r *request) (string, bool) {
	if !strings.EqualFold(r.AuthTypeName(), "Basic") {
		return "", true
	}
	name := "Authorization"
	if r.Forward {
		name = "Proxy-Authorization"
	}
	line, ok := r.FieldIn(name)
	scheme, rest, _ := strings.Cut(line, " ")
	if !ok || !strings.EqualFold(scheme, "Basic") {
		r.NoteAuthFailure()
		return "", true
	}
	user, password, _ := strings.Cut(string(server.DecodeBase64(strings.TrimLeft(rest, " \t"))), ":")
	r.User, r.UserSet, r.AuthType = cString(user), true, "Basic"
	return cString(password), true
}
