package lua

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	lua "github.com/yuin/gopher-lua"
)

// call is a call of a function of ours, for its arguments and Lua's complaints about
// them (lauxlib.c).
type call struct {
	L    *lua.LState
	name string
}

// typeOf is a value's type as messages name it.
func (c *call) typeOf(n int) string {
	if n > c.L.GetTop() {
		return "no value"
	}
	v := c.L.Get(n)
	if u, ok := v.(*lua.LUserData); ok {
		switch u.Value.(type) {
		case *request:
			return requestType
		case *table:
			return tableType
		}
	}
	return v.Type().String()
}

// method tells whether the function was called as r:name(). The interpreter does not
// say; a first argument that is r looks like it.
func (c *call) method() bool {
	switch c.typeOf(1) {
	case requestType:
		return !strings.HasPrefix(c.name, "__")
	}
	return false
}

// fail complains about an argument (luaL_argerror).
func (c *call) fail(n int, what string) {
	if c.method() {
		if n--; n == 0 {
			raise(c.L, fmt.Sprintf("calling '%s' on bad self (%s)", c.name, what))
		}
	}
	raise(c.L, fmt.Sprintf("bad argument #%d to '%s' (%s)", n, c.name, what))
}

// raise throws a message with the place of the function that called ours, where that is
// one of the script's (luaL_error).
func raise(L *lua.LState, text string) {
	if d, ok := L.GetStack(1); ok {
		if _, err := L.GetInfo("Sl", d, lua.LNil); err == nil && d.CurrentLine > 0 {
			text = fmt.Sprintf("%s:%d: %s", d.Source, d.CurrentLine, text)
		}
	}
	L.Error(lua.LString(text), 0)
}

func (c *call) wrong(n int, want string) {
	c.fail(n, want+" expected, got "+c.typeOf(n))
}

// request is argument n, which must be r.
func (c *call) request(n int) *request {
	if u, ok := c.L.Get(n).(*lua.LUserData); ok && n <= c.L.GetTop() {
		if r, ok := u.Value.(*request); ok {
			return r
		}
	}
	c.wrong(n, requestType)
	return nil
}

// text is a string or a number (luaL_checklstring).
func (c *call) text(n int) string {
	switch v := c.L.Get(n).(type) {
	case lua.LString:
		return string(v)
	case lua.LNumber:
		return numberText(v)
	}
	c.wrong(n, "string")
	return ""
}

// cText is text as C sees it: up to a NUL.
func (c *call) cText(n int) string { return cString(c.text(n)) }

func cString(s string) string {
	if i := strings.IndexByte(s, 0); i >= 0 {
		return s[:i]
	}
	return s
}

// optText is text, or def for nil and nothing.
func (c *call) optText(n int, def string) string {
	if c.absent(n) {
		return def
	}
	return c.text(n)
}

func (c *call) absent(n int) bool { return n > c.L.GetTop() || c.L.Get(n) == lua.LNil }

// str is a string and nothing else (luaL_checktype).
func (c *call) str(n int) string {
	s, ok := c.L.Get(n).(lua.LString)
	if !ok {
		c.wrong(n, "string")
	}
	return string(s)
}

// cStr is str as C sees it.
func (c *call) cStr(n int) string { return cString(c.str(n)) }

// num is a number and nothing else.
func (c *call) num(n int) float64 {
	v, ok := c.L.Get(n).(lua.LNumber)
	if !ok {
		c.wrong(n, "number")
	}
	return float64(v)
}

// whole is num cut to a whole number, 0 for one that has none (lua_tointeger).
func (c *call) whole(n int) int {
	f := c.num(n)
	if f != math.Trunc(f) || math.Abs(f) > 1<<53 {
		return 0
	}
	return int(f)
}

// integer is a whole number, which may be written in a string (luaL_checkinteger).
func (c *call) integer(n int) int64 {
	f, ok := float64(0), false
	switch v := c.L.Get(n).(type) {
	case lua.LNumber:
		f, ok = float64(v), true
	case lua.LString:
		if x, err := strconv.ParseFloat(strings.TrimSpace(string(v)), 64); err == nil {
			f, ok = x, true
		}
	}
	if !ok {
		c.wrong(n, "number")
	}
	if f != math.Trunc(f) || math.Abs(f) > 1<<62 {
		c.fail(n, "number has no integer representation")
	}
	return int64(f)
}

// optInteger is integer, or def for nil and nothing.
func (c *call) optInteger(n int, def int64) int64 {
	if c.absent(n) {
		return def
	}
	return c.integer(n)
}

// optNumber is a number, or def for nil and nothing.
func (c *call) optNumber(n int, def float64) float64 {
	if c.absent(n) {
		return def
	}
	return c.num(n)
}

// flag is a boolean; anything else is false.
func (c *call) flag(n int) bool { return n <= c.L.GetTop() && c.L.Get(n) == lua.LTrue }

// object is a userdata of whatever type, which the functions take that look at r later.
func (c *call) object(n int) {
	if _, ok := c.L.Get(n).(*lua.LUserData); !ok {
		c.wrong(n, "userdata")
	}
}

// push returns values.
func (c *call) push(values ...lua.LValue) int {
	for _, v := range values {
		c.L.Push(v)
	}
	return len(values)
}

func (c *call) pushText(s string) int { return c.push(lua.LString(s)) }

func (c *call) pushBool(b bool) int { return c.push(lua.LBool(b)) }

// numberText is a number as Lua prints it, "%.14g".
func numberText(n lua.LNumber) string {
	f := float64(n)
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.FormatInt(int64(f), 10)
	}
	switch {
	case math.IsInf(f, 1):
		return "inf"
	case math.IsInf(f, -1):
		return "-inf"
	case math.IsNaN(f):
		return "nan"
	}
	s := strconv.FormatFloat(f, 'g', 14, 64)
	if strings.Contains(s, ".") {
		mantissa, exp, has := strings.Cut(s, "e")
		s = strings.TrimRight(strings.TrimRight(mantissa, "0"), ".")
		if has {
			s += "e" + exp
		}
	}
	return s
}
