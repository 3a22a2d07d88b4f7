package lua

import (
	"errors"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// maps tells whether a LuaMapHandler is for the request.
func maps(r *server.Request) bool {
	for _, m := range slot.Of(r.Dir).mapped {
		if m.pattern.MatchString(r.URI) {
			return true
		}
	}
	return false
}

// fixMapped gives a request that a LuaMapHandler is for a handler, so that
// FallbackResource leaves it alone (lua_map_handler_fixups).
func fixMapped(r *server.Request) server.Status {
	if r.Handler == "" && maps(r) {
		r.Handler = "lua-map-handler"
		return server.OK
	}
	return server.Declined
}

// interpolate puts captures in the place of $0 to $9. What follows the last of them is
// left out when it is one character that ends the text, as in Apache.
func interpolate(text string, captures []string) string {
	var b strings.Builder
	done, replaced := 0, false
	for i := 0; i+1 < len(text); i++ {
		if c := text[i+1]; text[i] == '$' && c >= '0' && c <= '9' {
			b.WriteString(text[done:i])
			if n := int(c - '0'); n < len(captures) {
				b.WriteString(captures[n])
			}
			i++
			done, replaced = i+1, true
		}
	}
	if !replaced {
		return text
	}
	b.WriteString(text[done:])
	return b.String()
}

// runMapped is the handler of LuaMapHandler (lua_map_handler).
func runMapped(r *server.Request) server.Status {
	for _, m := range slot.Of(r.Dir).mapped {
		captures := m.pattern.Match(nil, r.URI)
		if captures == nil {
			continue
		}
		r.Unrepeatable()
		file, function := interpolate(m.file, captures), interpolate(m.function, captures)
		s := newSpec(r, rooted(r, file), function, "mapped handler")
		v, release, err := openVM(s)
		if err != nil {
			elog.Crit(r).Msgf("AH02330: lua: Failed to obtain Lua interpreter for entry function '%s' in %s", function, file)
			return 500
		}
		result, err := callEntry(v, r, function, nil)
		release()
		if err == errNoFunction {
			elog.Crit(r).Msgf("AH02331: lua: Unable to find entry function '%s' in %s (not a valid function)", function, file)
			return 500
		}
		if err != nil {
			reportError(r, err)
			return 500
		}
		rc, ok := number(result)
		if !ok {
			elog.Warn(r).Msgf("AH02483: lua: Lua handler %s in %s did not return a value, assuming apache2.OK", function, file)
			rc = server.OK
		}
		if rc != server.Declined {
			return rc
		}
	}
	return server.Declined
}

// errorValue is the value that a script threw.
func errorValue(err error) lua.LValue {
	var e *lua.ApiError
	if errors.As(err, &e) && e.Object != nil {
		return e.Object
	}
	return lua.LNil
}
