package lua

import (
	"os"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// amendPackage makes require look for packages as Lua 5.3 does.
func amendPackage(L *lua.LState, pkg *lua.LTable) {
	searchers := L.NewTable()
	for _, f := range []lua.LGFunction{searchPreload, searchLua, searchC, searchCRoot} {
		searchers.Append(L.NewFunction(f))
	}
	L.SetField(pkg, "loaders", searchers)
	L.SetField(pkg, "searchers", searchers)
	L.SetField(pkg, "searchpath", L.NewFunction(searchPath))
	L.SetGlobal("require", L.NewFunction(require))
}

// require gives a package, loaded now if it was not before (ll_require).
func require(L *lua.LState) int {
	name := (&call{L, "require"}).text(1)
	pkg, _ := L.GetGlobal("package").(*lua.LTable)
	loaded, _ := L.G.Registry.RawGetString("_LOADED").(*lua.LTable)
	if pkg == nil || loaded == nil {
		raise(L, "'package' must be a table")
		return 0
	}
	if v := loaded.RawGetString(name); lua.LVAsBool(v) {
		L.Push(v)
		return 1
	}
	searchers, ok := L.GetField(pkg, "searchers").(*lua.LTable)
	if !ok {
		raise(L, "'package.searchers' must be a table")
	}
	tried := ""
	for i := 1; ; i++ {
		s := searchers.RawGetInt(i)
		if s == lua.LNil {
			raise(L, "module '"+name+"' not found:"+tried)
		}
		top := L.GetTop()
		L.Push(s)
		L.Push(lua.LString(name))
		L.Call(1, 2)
		loader, extra := L.Get(top+1), L.Get(top+2)
		L.SetTop(top)
		if text, ok := loader.(lua.LString); ok {
			tried += string(text)
		}
		if _, ok := loader.(*lua.LFunction); !ok {
			continue
		}
		L.Push(loader)
		L.Push(lua.LString(name))
		L.Push(extra)
		L.Call(2, 1)
		v := L.Get(-1)
		L.SetTop(top)
		if v != lua.LNil {
			loaded.RawSetString(name, v)
		} else if loaded.RawGetString(name) == lua.LNil {
			loaded.RawSetString(name, lua.LTrue)
		}
		L.Push(loaded.RawGetString(name))
		return 1
	}
}

func searchPreload(L *lua.LState) int {
	name := L.CheckString(1)
	if t, ok := L.GetField(L.GetGlobal("package"), "preload").(*lua.LTable); ok {
		if v := t.RawGetString(name); v != lua.LNil {
			L.Push(v)
			return 1
		}
	}
	L.Push(lua.LString("\n\tno field package.preload['" + name + "']"))
	return 1
}

// findFile looks for a package along a path; tried is the message for none.
func findFile(name, path string) (file, tried string) {
	name = strings.ReplaceAll(name, ".", "/")
	for _, p := range strings.Split(path, ";") {
		if p == "" {
			continue
		}
		p = strings.ReplaceAll(p, "?", name)
		if f, err := os.Open(p); err == nil {
			f.Close() //nolint:errcheck // it was only looked for
			return p, ""
		}
		tried += "\n\tno file '" + p + "'"
	}
	return "", tried
}

func packagePath(L *lua.LState, field string) string {
	path, ok := L.GetField(L.GetGlobal("package"), field).(lua.LString)
	if !ok {
		L.RaiseError("'package.%s' must be a string", field)
	}
	return string(path)
}

func searchLua(L *lua.LState) int {
	file, tried := findFile(L.CheckString(1), packagePath(L, "path"))
	if file == "" {
		L.Push(lua.LString(tried))
		return 1
	}
	proto, err := loadFile(file, false)
	if err != nil {
		raise(L, "error loading module '"+L.CheckString(1)+"' from file '"+file+"':\n\t"+err.Error())
	}
	L.Push(L.NewFunctionFromProto(proto))
	L.Push(lua.LString(file))
	return 2
}

// searchC finds libraries in C, which cannot be loaded: there is no C in this process.
func searchC(L *lua.LState) int {
	file, tried := findFile(L.CheckString(1), packagePath(L, "cpath"))
	if file != "" {
		raise(L, "error loading module '"+L.CheckString(1)+"' from file '"+file+"':\n\tlibraries in C cannot be loaded")
	}
	L.Push(lua.LString(tried))
	return 1
}

// searchCRoot looks for the library in C of a package that the asked one belongs to.
func searchCRoot(L *lua.LState) int {
	root, _, ok := strings.Cut(L.CheckString(1), ".")
	if !ok {
		return 0
	}
	L.SetTop(0)
	L.Push(lua.LString(root))
	return searchC(L)
}

func searchPath(L *lua.LState) int {
	file, tried := findFile(L.CheckString(1), L.CheckString(2))
	if file == "" {
		L.Push(lua.LNil)
		L.Push(lua.LString(tried))
		return 2
	}
	L.Push(lua.LString(file))
	return 1
}

func loadFileFunction(L *lua.LState) int {
	proto, err := loadFile(L.CheckString(1), false)
	if err != nil {
		L.Push(lua.LNil)
		L.Push(lua.LString(err.Error()))
		return 2
	}
	L.Push(L.NewFunctionFromProto(proto))
	return 1
}

func doFile(L *lua.LState) int {
	proto, err := loadFile(L.CheckString(1), false)
	if err != nil {
		L.Error(lua.LString(err.Error()), 0)
	}
	top := L.GetTop()
	L.Push(L.NewFunctionFromProto(proto))
	L.Call(0, lua.MultRet)
	return L.GetTop() - top
}
