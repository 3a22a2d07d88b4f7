package lua

import (
	"errors"
	"math"
	"runtime"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// openLibs opens Lua's libraries and ours for a script.
func openLibs(L *lua.LState, s *spec) {
	for _, lib := range [...]struct {
		name string
		open lua.LGFunction
	}{
		{lua.LoadLibName, lua.OpenPackage}, {lua.BaseLibName, lua.OpenBase}, {lua.TabLibName, lua.OpenTable}, {lua.IoLibName, lua.OpenIo},
		{lua.OsLibName, lua.OpenOs}, {lua.StringLibName, lua.OpenString}, {lua.MathLibName, lua.OpenMath},
		{lua.DebugLibName, lua.OpenDebug}, {lua.CoroutineLibName, lua.OpenCoroutine},
	} {
		L.Push(L.NewFunction(lib.open))
		L.Push(lua.LString(lib.name))
		L.Call(1, 0)
	}
	amend(L)
	setPaths(L, s)
	openApache2(L, s.r)
	openRequest(L)
}

// amend adds what scripts for Lua 5.3 use most, and takes out what would end or change the
// process that serves other requests.
func amend(L *lua.LState) {
	L.SetGlobal("_GOPHER_LUA_VERSION", lua.LNil)
	L.SetGlobal("collectgarbage", L.NewFunction(collectGarbage))
	L.SetGlobal("tostring", L.NewFunction(toString))
	L.SetGlobal("rawlen", L.NewFunction(rawLen))
	L.SetGlobal("load", L.NewFunction(load))
	L.SetGlobal("loadstring", L.NewFunction(load))
	L.SetGlobal("loadfile", L.NewFunction(loadFileFunction))
	L.SetGlobal("dofile", L.NewFunction(doFile))
	L.SetGlobal("pcall", L.NewFunction(protectedCall))

	pkg := L.GetGlobal("package").(*lua.LTable)
	amendPackage(L, pkg)

	osLib := L.GetGlobal("os").(*lua.LTable)
	L.SetField(osLib, "setenv", lua.LNil)
	L.SetField(osLib, "exit", L.NewFunction(func(L *lua.LState) int {
		L.RaiseError("os.exit would end the server's process")
		return 0
	}))

	tab := L.GetGlobal("table").(*lua.LTable)
	L.SetField(tab, "unpack", L.GetGlobal("unpack"))
	L.SetField(tab, "pack", L.NewFunction(tablePack))
	L.SetField(tab, "move", L.NewFunction(tableMove))

	m := L.GetGlobal("math").(*lua.LTable)
	L.SetField(m, "maxinteger", lua.LNumber(math.MaxInt64))
	L.SetField(m, "mininteger", lua.LNumber(math.MinInt64))
	L.SetField(m, "tointeger", L.NewFunction(func(L *lua.LState) int {
		if n, ok := L.Get(1).(lua.LNumber); ok && float64(n) == math.Trunc(float64(n)) {
			L.Push(n)
		} else {
			L.Push(lua.LNil)
		}
		return 1
	}))
	L.SetField(m, "type", L.NewFunction(func(L *lua.LState) int {
		n, ok := L.CheckAny(1).(lua.LNumber)
		switch {
		case !ok:
			L.Push(lua.LNil)
		case float64(n) == math.Trunc(float64(n)):
			L.Push(lua.LString("integer"))
		default:
			L.Push(lua.LString("float"))
		}
		return 1
	}))
	L.SetField(m, "ult", L.NewFunction(func(L *lua.LState) int {
		L.Push(lua.LBool(uint64(int64(L.CheckNumber(1))) < uint64(int64(L.CheckNumber(2)))))
		return 1
	}))

	str := L.GetGlobal("string").(*lua.LTable)
	L.SetField(str, "rep", L.NewFunction(stringRep))

	u := L.SetFuncs(L.NewTable(), map[string]lua.LGFunction{"char": utf8Char, "len": utf8Len, "codepoint": utf8Codepoint, "offset": utf8Offset,
		"codes": utf8Codes})
	L.SetField(u, "charpattern", lua.LString("[%z\x01-\x7F\xC2-\xF4][\x80-\xBF]*"))
	L.SetGlobal("utf8", u)
	loaded := L.GetField(pkg, "loaded")
	L.SetField(loaded, "utf8", u)
	L.SetField(loaded, "package", pkg)
	b := L.SetFuncs(L.NewTable(), bit32Funcs)
	L.SetGlobal("bit32", b)
	L.SetField(loaded, "bit32", b)
}

// protectedCall is pcall with errors in Lua's words.
func protectedCall(L *lua.LState) int {
	f := L.CheckAny(1)
	if f.Type() != lua.LTFunction && L.GetMetaField(f, "__call").Type() != lua.LTFunction {
		L.Push(lua.LFalse)
		L.Push(lua.LString("attempt to call a " + (&call{L, "pcall"}).typeOf(1) + " value"))
		return 2
	}
	if err := L.PCall(L.GetTop()-1, lua.MultRet, nil); err != nil {
		v := errorValue(err)
		switch s := v.(type) {
		case lua.LString:
			v = lua.LString(reworded(string(s)))
		case *lua.LNilType:
			if e := new(lua.ApiError); errors.As(err, &e) && e.Type != lua.ApiErrorRun {
				v = lua.LString(message(err))
			}
		}
		L.Push(lua.LFalse)
		L.Push(v)
		return 2
	}
	L.Insert(lua.LTrue, 1)
	return L.GetTop()
}

// collectGarbage is never a collection: the memory is that of all requests.
func collectGarbage(L *lua.LState) int {
	if L.OptString(1, "collect") == "count" {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		L.Push(lua.LNumber(float64(m.HeapAlloc) / 1024))
		return 1
	}
	L.Push(lua.LNumber(0))
	return 1
}

// toString prints numbers as C does.
func toString(L *lua.LState) int {
	v := L.CheckAny(1)
	if n, ok := v.(lua.LNumber); ok {
		L.Push(lua.LString(numberText(n)))
		return 1
	}
	if u, ok := v.(*lua.LUserData); ok && L.GetMetaField(v, "__tostring") == lua.LNil {
		if name, ok := L.GetMetaField(v, "__name").(lua.LString); ok {
			L.Push(lua.LString(string(name) + strings.TrimPrefix(u.String(), "userdata")))
			return 1
		}
	}
	L.Push(L.ToStringMeta(v))
	return 1
}

func rawLen(L *lua.LState) int {
	switch v := L.Get(1).(type) {
	case *lua.LTable:
		L.Push(lua.LNumber(v.Len()))
	case lua.LString:
		L.Push(lua.LNumber(len(v)))
	default:
		L.ArgError(1, "table or string expected")
	}
	return 1
}

// load takes a string or a function that gives pieces, a name, a mode and an environment.
func load(L *lua.LState) int {
	var text strings.Builder
	name := "=(load)"
	switch v := L.Get(1).(type) {
	case lua.LString:
		text.WriteString(string(v))
		name = string(v)
	case *lua.LFunction:
		for {
			L.Push(v)
			L.Call(0, 1)
			piece := L.Get(-1)
			L.Pop(1)
			s, ok := piece.(lua.LString)
			if !ok && piece != lua.LNil {
				L.RaiseError("reader function must return a string")
			}
			if s == "" {
				break
			}
			if text.WriteString(string(s)); text.Len() > maxScript {
				break
			}
		}
	default:
		(&call{L, "load"}).wrong(1, "function")
	}
	name = L.OptString(2, name)
	switch {
	case strings.HasPrefix(name, "="), strings.HasPrefix(name, "@"):
		name = chunkName(name[1:])
	default:
		first, _, more := strings.Cut(name, "\n")
		if more || len(first) > 45 {
			first = first[:min(len(first), 45)] + "..."
		}
		name = `[string "` + first + `"]`
	}
	proto, err := compileText(text.String(), name)
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	f := L.NewFunctionFromProto(proto)
	if L.GetTop() >= 4 {
		L.SetFEnv(f, L.Get(4))
	}
	L.Push(f)
	return 1
}

func tablePack(L *lua.LState) int {
	t := L.NewTable()
	for i := 1; i <= L.GetTop(); i++ {
		t.RawSetInt(i, L.Get(i))
	}
	t.RawSetString("n", lua.LNumber(L.GetTop()))
	L.Push(t)
	return 1
}

func tableMove(L *lua.LState) int {
	from, first, last, at := L.CheckTable(1), L.CheckInt(2), L.CheckInt(3), L.CheckInt(4)
	to := L.OptTable(5, from)
	if last-first > 1<<24 {
		L.ArgError(3, "too many elements to move")
	}
	if at > first {
		for i := last - first; i >= 0; i-- {
			to.RawSetInt(at+i, from.RawGetInt(first+i))
		}
	} else {
		for i := 0; i <= last-first; i++ {
			to.RawSetInt(at+i, from.RawGetInt(first+i))
		}
	}
	L.Push(to)
	return 1
}

// maxString bounds what string.rep makes, in bytes: a process without memory ends.
const maxString = 1 << 30

func stringRep(L *lua.LState) int {
	s, n, sep := L.CheckString(1), L.CheckInt(2), L.OptString(3, "")
	if n <= 0 {
		L.Push(lua.LString(""))
		return 1
	}
	if one := len(s) + len(sep); one > 0 && n > maxString/one {
		L.RaiseError("resulting string too large")
	}
	if sep == "" {
		L.Push(lua.LString(strings.Repeat(s, n)))
	} else {
		L.Push(lua.LString(strings.Repeat(s+sep, n-1) + s))
	}
	return 1
}
