package server

import (
	"os"
	"strconv"
	"strings"
)

// What programs that answer requests are told about a request: the variables of
// RFC 3875 and Apache's own ones, in Apache's order. They go into [Request.Env],
// where modules find and change them before a program is started.

// defaultPath is the PATH of a program when the server itself has none.
const defaultPath = "/bin:/usr/bin:/usr/ucb:/usr/bsd:/usr/local/bin"

// AddCommonVars tells r.Env what all programs are told: the client's fields,
// the server and the client, the file (ap_add_common_vars). A variable that is
// there keeps its place and gets the new value.
func (r *Request) AddCommonVars() {
	e := &r.Env
	if e.Len() > 0 {
		e = new(Fields)
	}
	r.addFieldVars(e)
	e.Add("PATH", r.programPath())
	if v, ok := os.LookupEnv("LD_LIBRARY_PATH"); ok {
		e.Add("LD_LIBRARY_PATH", v)
	}
	e.Add("SERVER_SIGNATURE", r.Signature(""))
	e.Add("SERVER_SOFTWARE", r.ServerSoftware())
	e.Add("SERVER_NAME", EscapeHTML(r.ServerNameForURL()))
	e.Add("SERVER_ADDR", r.Conn.LocalIP)
	e.Add("SERVER_PORT", strconv.Itoa(r.ServerPort()))
	if !r.passesOn() {
		r.DependsOnClient()
	}
	if mode := CoreDir.Of(r.Dir).HostnameLookups.Else(LookupsOff); mode != LookupsOff {
		if name := r.lookupClient(mode == LookupsDouble); name != "" {
			e.Add("REMOTE_HOST", name)
		}
	}
	e.Add("REMOTE_ADDR", r.ClientIP)
	e.Add("DOCUMENT_ROOT", r.DocumentRoot())
	e.Add("REQUEST_SCHEME", r.Scheme())
	e.Add("CONTEXT_PREFIX", r.ContextPrefix)
	e.Add("CONTEXT_DOCUMENT_ROOT", r.ContextRoot())
	e.Add("SERVER_ADMIN", CoreServer.Of(r.Server).ServerAdmin.Else(DefaultAdmin))
	script := r.Filename
	if r.Notes.Has("proxy-noquery") {
		script, _, _ = strings.Cut(script, "?")
	}
	e.Add("SCRIPT_FILENAME", script)
	e.Add("REMOTE_PORT", strconv.Itoa(int(r.Conn.Remote.Port())))
	r.addUserVars(e)
	r.addRedirectVars(e)
	if e != &r.Env {
		for _, f := range e.All() {
			r.Env.Set(f.Name, f.Value)
		}
	}
}

// programPath is the PATH of programs: the request's own, or the server's.
func (r *Request) programPath() string {
	if v, ok := r.Env.Lookup("PATH"); ok {
		return v
	}
	if v, ok := os.LookupEnv("PATH"); ok {
		return v
	}
	return defaultPath
}

// bodyFields tell about a body, which a subrequest has not.
var bodyFields = map[string]bool{"content-encoding": true, "content-language": true, "content-length": true, "content-location": true,
	"content-md5": true, "content-range": true, "content-type": true, "expires": true, "last-modified": true, "transfer-encoding": true}

// addFieldVars adds a variable for each of the client's fields: HTTP_ and the
// name. Proxy is left out, because HTTP_PROXY would tell programs which proxy to
// use (CVE-2016-5385), and credentials, unless CGIPassAuth wants them told.
func (r *Request) addFieldVars(e *Fields) {
	passAuth := CoreDir.Of(r.Dir).CGIPassAuth.Else(false)
	for _, name := range r.FieldOrder {
		lower := LowerASCII(name)
		if r.Main != nil && bodyFields[lower] {
			continue
		}
		value, ok := r.fieldIn(name)
		if !ok {
			continue
		}
		if !r.passesOn() {
			r.dependsOnField(name)
		}
		switch lower {
		case "content-type":
			e.Add("CONTENT_TYPE", value)
			continue
		case "content-length":
			e.Add("CONTENT_LENGTH", value)
			continue
		case "proxy":
			continue
		case "authorization", "proxy-authorization":
			if !passAuth {
				continue
			}
		}
		if variable, ok := fieldVar(name); ok {
			e.Add(variable, value)
		} else {
			corelog.Trace(1, r).Msgf("Not exporting header with invalid name as envvar: %s", EscapeLog(name))
		}
	}
}

// fieldVar is the variable for a field; one whose name has more than letters,
// digits and hyphens has none, since two names could mean the same variable.
func fieldVar(name string) (string, bool) {
	b := append(make([]byte, 0, len(name)+5), "HTTP_"...)
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z':
			b = append(b, c-'a'+'A')
		case c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
			b = append(b, c)
		case c == '-':
			b = append(b, '_')
		default:
			return "", false
		}
	}
	return string(b), true
}

// addUserVars adds who asks, or who asked before the request was redirected.
func (r *Request) addUserVars(e *Fields) {
	if r.User != "" || r.UserSet {
		e.Add("REMOTE_USER", r.User)
	} else {
		for back := r.Prev; back != nil; back = back.Prev {
			if back.User != "" || back.UserSet {
				e.Add("REDIRECT_REMOTE_USER", back.User)
				break
			}
		}
	}
	if r.AuthType != "" {
		e.Add("AUTH_TYPE", r.AuthType)
	}
	if name, ok := r.RemoteLogname(); ok {
		e.Add("REMOTE_IDENT", name)
	}
}

// addRedirectVars adds what the request was redirected from.
func (r *Request) addRedirectVars(e *Fields) {
	prev := r.Prev
	if prev == nil {
		return
	}
	url := prev.URI
	if CoreDir.Of(r.Dir).QualifyRedirectURL.Else(false) {
		url = prev.qualifiedURL()
	}
	e.Add("REDIRECT_URL", url)
	if prev.HasArgs {
		e.Add("REDIRECT_QUERY_STRING", prev.Args)
	}
}

// qualifiedURL is the request's target with scheme and host (QualifyRedirectURL).
func (r *Request) qualifiedURL() string {
	if !strings.HasPrefix(r.UnparsedURI, "/") {
		return r.UnparsedURI
	}
	return r.ConstructURL(r.UnparsedURI)
}

// ServerSoftware is SERVER_SOFTWARE: Apache's name and version, which programs
// parse, and ours, as much of both as ServerTokens tells.
func (r *Request) ServerSoftware() string {
	name := "Apache/" + Version
	switch CoreServer.Of(r.Gen.Config.Main).ServerTokens {
	case TokensProductOnly:
		name = "Apache"
	case TokensMajor:
		name = "Apache/2"
	case TokensMinor:
		name = "Apache/2.4"
	}
	ours, _, _ := strings.Cut(r.Gen.Banner(), " ")
	return name + " (compatible; " + ours + ")"
}

// AddCGIVars tells r.Env what RFC 3875 asks for (ap_add_cgi_vars); AddCommonVars
// comes first.
func (r *Request) AddCGIVars() {
	e := &r.Env
	e.Set("GATEWAY_INTERFACE", "CGI/1.1")
	e.Set("SERVER_PROTOCOL", r.programProtocol())
	e.Set("REQUEST_METHOD", r.Method)
	e.Set("QUERY_STRING", r.Args)
	if CoreDir.Of(r.Dir).CGIVars["REQUEST_URI"] == "current-uri" {
		e.Set("REQUEST_URI", r.URI)
	} else {
		e.Set("REQUEST_URI", r.originalURI())
	}
	switch {
	case r.PathInfo == "":
		e.Set("SCRIPT_NAME", r.URI)
	case r.Main != nil:
		e.Set("SCRIPT_NAME", r.URI)
		e.Set("PATH_INFO", r.PathInfo)
	default:
		e.Set("SCRIPT_NAME", r.URI[:FindPathInfo(r.URI, r.PathInfo)])
		e.Set("PATH_INFO", r.PathInfo)
	}
	if r.PathInfo != "" {
		if file := r.pathTranslated(); file != "" {
			e.Set("PATH_TRANSLATED", file)
		}
	}
}

// programProtocol is SERVER_PROTOCOL: that of a subrequest is called INCLUDED.
func (r *Request) programProtocol() string {
	if r.Main != nil {
		return "INCLUDED"
	}
	return r.Proto
}

// originalURI is the target as the client sent it, from the request line.
func (r *Request) originalURI() string {
	words := strings.Fields(r.TheRequest)
	if len(words) < 2 {
		return ""
	}
	return words[1]
}

// FindPathInfo is where in uri its end begins that pathInfo stands for; what is
// before is the script's name (ap_find_path_info).
func FindPathInfo(uri, pathInfo string) int {
	u, p := len(uri), len(pathInfo)
	for u > 0 && p > 0 && uri[u-1] == pathInfo[p-1] {
		u--
		p--
		for uri[u] == '/' && u > 0 && uri[u-1] == '/' {
			u-- // many slashes of the URI may be one of the path
		}
	}
	u = max(u-1, 0)
	for u < len(uri) && uri[u] != '/' {
		u++
	}
	return u
}

// pathTranslated is PATH_TRANSLATED: where the path behind the script would
// lead if it were a URL-path of its own. A file is known by its name in the
// jail, as all programs are.
func (r *Request) pathTranslated() string {
	sub := r.SubRequestURI(EscapeURIPath(r.PathInfo))
	return sub.Filename + sub.PathInfo
}

// ProgramEnv is the environment of a program: r.Env with names that a shell can
// say (ap_create_environment).
func (r *Request) ProgramEnv() []string {
	list := make([]string, 0, r.Env.Len()+1)
	if tz, ok := os.LookupEnv("TZ"); ok && !r.Env.Has("TZ") {
		list = append(list, "TZ="+tz)
	}
	for _, f := range r.Env.All() {
		value, _, _ := strings.Cut(f.Value, "\x00")
		list = append(list, variableName(f.Name)+"="+value)
	}
	return list
}

// variableName makes a name that a shell can say.
func variableName(s string) string {
	b := []byte(s)
	for i, c := range b {
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		digit := c >= '0' && c <= '9'
		if !letter && c != '_' && (!digit || i == 0) {
			b[i] = '_'
		}
	}
	return string(b)
}
