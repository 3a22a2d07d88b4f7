package lua

import (
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// reportError answers with a script's error and logs it (report_lua_error).
func reportError(r *server.Request, err error) {
	text := message(err)
	r.Status = 500
	r.ContentType = "text/html"
	r.WriteString("<h3>Error!</h3>\n<pre>" + server.EscapeHTML(text) + "</pre>\n") //nolint:errcheck // the client is gone then
	elog.Warn(nil).Msgf("AH01471: Lua error: %s", text)
}

// number is a value as a status, if it can be one: strings of digits can
// (lua_isnumber, lua_tointeger).
func number(v lua.LValue) (server.Status, bool) {
	switch v := v.(type) {
	case lua.LNumber:
		if n := int(v); lua.LNumber(n) == v {
			return server.Status(n), true
		}
		return 0, true
	case lua.LString:
		if n, err := strconv.ParseFloat(strings.TrimSpace(string(v)), 64); err == nil {
			return server.Status(int(n)), true
		}
	}
	return 0, false
}

// harness runs the scripts that are hooked to a point, until one answers other than
// DECLINED (lua_request_rec_hook_harness).
func harness(p phase, w when) func(*server.Request) server.Status {
	return func(r *server.Request) server.Status {
		switch p {
		case preTranslateName, translateName, mapToStorage:
			enter(r).early = true
		}
		rc := runHooks(r, p, w, nil)
		switch p {
		case preTranslateName, translateName:
			enter(r).early = false
		case mapToStorage:
			enter(r).early, enter(r).unmapped = false, rc != server.Declined
		}
		if rc == server.Done && p != logTransaction {
			r.StartBare() // the response is what was written
		}
		return rc
	}
}

// progress is how far a request has come.
type progress struct {
	early    bool // it has not been mapped to a file yet
	unmapped bool // a script has done that in place of the walk along its path
}

var progressSlot server.RequestSlot[progress]

func enter(r *server.Request) *progress {
	g := progressSlot.Of(r)
	if g == nil {
		g = new(progress)
		progressSlot.Set(r, g)
	}
	return g
}

// walked tells whether the walk along the request's path has set its path_info.
func walked(r *server.Request) bool {
	g := progressSlot.Of(r)
	return r.Filename != "" && (g == nil || !g.early && !g.unmapped)
}

func runHooks(r *server.Request, p phase, w when, out *output) server.Status {
	for _, h := range slot.Of(r.Dir).hooks[point{p, w}] {
		s := newSpec(r, rooted(r, h.file), h.function, "request hook")
		s.proto = h.proto
		if rc := runHook(r, p, h, s, out); rc != server.Declined {
			return rc
		}
	}
	return server.Declined
}

func runHook(r *server.Request, p phase, h *hook, s *spec, out *output) server.Status {
	v, release, err := openVM(s)
	if err != nil {
		elog.Crit(r).Msgf("AH01477: lua: Failed to obtain lua interpreter for entry function '%s' in %s", shown(h.function), h.file)
		return 500
	}
	defer release()
	result, err := callEntry(v, r, h.function, out)
	if err == errNoFunction {
		elog.Crit(r).Msgf("AH01478: lua: Unable to find entry function '%s' in %s (not a valid function)", shown(h.function), h.file)
		return 500
	}
	if err != nil {
		reportError(r, err)
		return 500
	}
	rc, ok := number(result)
	if !ok {
		elog.Crit(r).Msgf("AH03017: Lua hook %s:%s for phase %s did not return a numeric value", h.file, shown(h.function), p)
		return 500
	}
	elog.Trace(4, r).Msgf("Lua hook %s:%s for phase %s returned %d", h.file, shown(h.function), p, int(rc))
	return rc
}

// shown is a name as C prints it.
func shown(name string) string {
	if name == "" {
		return "(null)"
	}
	return name
}

// callEntry calls the function that a script is for with the request. A section
// without a name of a function has the request as global r; its code has run already.
func callEntry(v *vm, r *server.Request, function string, out *output) (lua.LValue, error) {
	req := newRequest(v, r, out)
	if function == "" {
		v.L.SetGlobal("r", req)
		return nil, errNoFunction
	}
	f := v.function(function)
	if f == nil {
		return nil, errNoFunction
	}
	result, err := v.call(r, f, 1, req)
	if ws := req.Value.(*request).ws; ws != nil {
		ws.finish()
	}
	return result, err
}

// runQuick is the quick handler.
func runQuick(r *server.Request) server.Status {
	out := &output{r: r, bare: true}
	rc := runHooks(r, quick, middle, out)
	if rc == server.OK || rc == server.Done {
		out.start()
	}
	return rc
}

// runScript is the handler of scripts: SetHandler lua-script (lua_handler).
func runScript(r *server.Request) server.Status {
	switch r.Finfo.Type {
	case server.NoFile, server.Directory, server.OtherFile:
		return server.Declined
	}
	elog.Trace(1, r).Msgf("handling [%s] in mod_lua", r.Filename)
	if r.HeaderOnly {
		return server.OK
	}
	r.Unrepeatable()
	s := newSpec(r, r.Filename, "handle", "request handler")
	v, release, err := openVM(s)
	if err != nil {
		r.Status = 500
		r.WriteString("Unable to compile VM, see logs") //nolint:errcheck // the client is gone then
		return 500
	}
	defer release()
	elog.Trace(3, r).Msg("got a vm!")
	result, err := callEntry(v, r, "handle", nil)
	if err == errNoFunction {
		elog.Crit(r).Msgf("AH01475: lua: Unable to find entry function '%s' in %s (not a valid function)", "handle", s.file)
		return 500
	}
	if err != nil {
		reportError(r, err)
		result = errorValue(err)
	}
	if rc, ok := number(result); ok {
		return rc
	}
	return server.OK
}
