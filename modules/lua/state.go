package lua

import (
	"path"
	"strings"
	"sync"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// stateFuncs keep values between requests.
var stateFuncs = map[string]func(*call) int{
	"ivm_get": ivmGet,
	"ivm_set": ivmSet,
}

// ivm is what scripts have kept: of each child for itself, as in Apache, whose shared memory
// holds no more than a pointer.
var ivm struct {
	sync.Mutex
	m map[string]lua.LValue
}

func ivmGet(c *call) int {
	c.request(1)
	key := c.cText(2)
	ivm.Lock()
	v, ok := ivm.m[key]
	ivm.Unlock()
	switch {
	case !ok:
		return 0
	case v == lua.LNil: // it cannot be kept: Apache gives the key
		return c.push(c.L.Get(2))
	}
	return c.push(v)
}

// ivmSet keeps a number or a string. A boolean is kept as false and nothing else at all,
// as in Apache.
func ivmSet(c *call) int {
	c.request(1)
	key := c.cText(2)
	if c.L.GetTop() < 3 {
		c.fail(3, "value expected")
	}
	v := c.L.Get(3)
	switch v.(type) {
	case lua.LNumber, lua.LString:
	case lua.LBool:
		v = lua.LFalse
	default:
		v = lua.LNil
	}
	ivm.Lock()
	defer ivm.Unlock()
	if ivm.m == nil {
		ivm.m = map[string]lua.LValue{}
	}
	ivm.m[strings.Clone(key)] = v
	return 0
}

// logFuncs write lines of the error log: r:err(text).
func logFuncs() map[string]func(*call) int {
	list := map[string]func(*call) int{}
	for name, level := range map[string]server.Level{
		"emerg": server.LevelEmerg, "alert": server.LevelAlert, "crit": server.LevelCrit, "err": server.LevelError, "warn": server.LevelWarn,
		"notice": server.LevelNotice, "info": server.LevelInfo, "debug": server.LevelDebug, "trace1": server.LevelTrace1, "trace2": server.LevelTrace2,
		"trace3": server.LevelTrace3, "trace4": server.LevelTrace4, "trace5": server.LevelTrace5, "trace6": server.LevelTrace6,
		"trace7": server.LevelTrace7, "trace8": server.LevelTrace8,
	} {
		list[name] = func(c *call) int {
			r := c.request(1)
			text := c.cText(2)
			if e := elog.At(level, r.Request); e != nil {
				e.From(source(c.L)).Msg(text)
			}
			return 0
		}
	}
	return list
}

// source is the place in a script that a function of ours was called from, as Apache's log
// shows it: files behind an @, sections by the name of their file.
func source(L *lua.LState) (string, int) {
	d, ok := L.GetStack(1)
	if !ok {
		return "", 0
	}
	if _, err := L.GetInfo("Sl", d, lua.LNil); err != nil {
		return "", 0
	}
	if name, ok := strings.CutPrefix(d.Source, `[string "`); ok {
		return path.Base(strings.TrimSuffix(name, `"]`)), d.CurrentLine
	}
	return "@" + d.Source, d.CurrentLine
}
