package lua

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// requestType is what Lua's messages call the request.
const requestType = "Apache2.Request"

// request is what a script's r stands for.
type request struct {
	*server.Request
	vm  *vm
	out *output
	ws  *websocket // once wsupgrade has succeeded

	buffered int // bytes that were written and are not sent yet
}

// output starts the response of a quick handler before the script's first byte.
type output struct {
	r       *server.Request
	bare    bool // no filters are there yet
	started bool
}

func (o *output) start() {
	if o != nil && o.bare && !o.started {
		o.started = true
		o.r.StartBare()
	}
}

// newRequest makes the object that a script gets.
func newRequest(v *vm, r *server.Request, out *output) *lua.LUserData {
	u := v.L.NewUserData()
	u.Value = &request{Request: r, vm: v, out: out}
	u.Metatable = v.L.GetTypeMetatable(requestType)
	v.L.G.Registry.RawSetString(currentRequest, u)
	return u
}

// openRequest makes the type of requests (ap_lua_load_request_lmodule).
func openRequest(L *lua.LState) {
	mt := L.NewTypeMetatable(requestType)
	methods := L.NewTable()
	L.SetField(mt, "__name", lua.LString(requestType))
	L.SetField(mt, "__index", L.NewFunction(func(L *lua.LState) int {
		c := &call{L, "__index"}
		r := c.request(1)
		return dispatch(L, r, methods, c.text(2))
	}))
	L.SetField(mt, "__newindex", L.NewFunction(func(L *lua.LState) int {
		c := &call{L, "__newindex"}
		return setField(c, c.request(1), c.text(2))
	}))
	openTable(L)
}

// field is something that r has. One of its functions is set.
type field struct {
	text  func(r *request) (string, bool) // false: nil
	num   func(r *request) int64
	flag  func(r *request) bool
	table func(r *request) *table
	call  func(c *call) int
}

// dispatch gives a field or a function of r (req_dispatch).
func dispatch(L *lua.LState, r *request, methods *lua.LTable, name string) int {
	f, ok := fields[name]
	switch {
	case !ok:
		elog.Debug(r.Request).Msgf("AH01491: nothing for %s", name)
		return 0
	case f.table != nil:
		elog.Debug(r.Request).Msgf("AH01486: request_rec->dispatching %s -> apr table", name)
		L.Push(newTable(L, f.table(r)))
	case f.call != nil:
		elog.Debug(r.Request).Msgf("AH01487: request_rec->dispatching %s -> lua_CFunction", name)
		fn := methods.RawGetString(name)
		if fn == lua.LNil {
			fn = L.NewFunction(func(L *lua.LState) int { return f.call(&call{L, name}) })
			methods.RawSetString(name, fn)
		}
		L.Push(fn)
	case f.text != nil:
		elog.Debug(r.Request).Msgf("AH01488: request_rec->dispatching %s -> string", name)
		pushText(L, f.text, r)
	case f.num != nil:
		elog.Debug(r.Request).Msgf("AH01489: request_rec->dispatching %s -> int", name)
		L.Push(lua.LNumber(f.num(r)))
	default:
		elog.Debug(r.Request).Msgf("AH01490: request_rec->dispatching %s -> boolean", name)
		L.Push(lua.LBool(f.flag(r)))
	}
	return 1
}

func pushText(L *lua.LState, f func(*request) (string, bool), r *request) {
	if s, ok := f(r); ok {
		L.Push(lua.LString(s))
	} else {
		L.Push(lua.LNil)
	}
}

// setField is r.name = value (req_newindex).
func setField(c *call, r *request, name string) int {
	switch name {
	case "args":
		r.Args, r.HasArgs = c.cText(3), true
	case "content_type":
		r.ContentType = c.cText(3)
	case "filename":
		r.Filename = c.cText(3)
	case "handler":
		r.Handler = c.cText(3)
	case "proxyreq":
		n := c.integer(3)
		r.Proxied, r.Forward = n == proxyreqProxy || n == proxyreqReverse, n == proxyreqProxy
	case "status":
		r.Status = int(c.integer(3))
	case "uri":
		r.URI = c.cText(3)
	case "user":
		r.User, r.UserSet = c.cText(3), true
	default:
		c.L.Error(lua.LString(fmt.Sprintf("Property [%s] may not be set on a request_rec", name)), 0)
	}
	return 0
}

// Values of proxyreq.
const (
	proxyreqNone = iota
	proxyreqProxy
	proxyreqReverse
	proxyreqResponse
)

// openApache2 makes the constants. Apache puts them where the loaded packages are, and
// makes that table the global apache2; the package apache2 itself is empty.
func openApache2(L *lua.LState, r *server.Request) {
	loaded := L.GetField(L.GetGlobal("package"), "loaded").(*lua.LTable)
	loaded.RawSetString("apache2", L.NewTable())
	L.SetGlobal("apache2", loaded)
	loaded.RawSetString("version", lua.LString(r.Gen.Banner()))
	for _, c := range [...]struct {
		name  string
		value int
	}{
		{"OK", 0}, {"DECLINED", -1}, {"DONE", -2}, {"HTTP_MOVED_TEMPORARILY", 302},
		{"PROXYREQ_NONE", proxyreqNone}, {"PROXYREQ_PROXY", proxyreqProxy}, {"PROXYREQ_REVERSE", proxyreqReverse}, {"PROXYREQ_RESPONSE", proxyreqResponse},
		{"AUTHZ_DENIED", int(server.AuthzDenied)}, {"AUTHZ_GRANTED", int(server.AuthzGranted)}, {"AUTHZ_NEUTRAL", int(server.AuthzNeutral)},
		{"AUTHZ_GENERAL_ERROR", int(server.AuthzError)}, {"AUTHZ_DENIED_NO_USER", int(server.AuthzDeniedNoUser)},
	} {
		loaded.RawSetString(c.name, lua.LNumber(c.value))
	}
}
