package lua

import (
	"fmt"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// matchFuncs compare texts.
var matchFuncs = map[string]func(*call) int{
	"strcmp_match": func(c *call) int {
		s, p := c.cStr(1), c.cStr(2)
		return c.pushBool(pattern.Wild(p, s, c.flag(3)))
	},
	"regex": regex,
	"expr":  evaluate,
}

// maxGroups is how many groups a pattern may have (MODLUA_MAX_REG_MATCH).
const maxGroups = 25

// icase is the flag of regex that the pattern package has too (AP_REG_ICASE).
const icase = 0x01

// regex gives what a pattern and its groups match, or false, and then why it is no pattern.
func regex(c *call) int {
	c.object(1)
	s, p := c.cStr(2), c.cStr(3)
	c.request(1)
	flags := pattern.DefaultFlags()
	if c.optInteger(4, 0)&icase != 0 {
		flags |= pattern.FoldCase
	}
	re, err := pattern.Compile(p, flags)
	if err != nil {
		return c.push(lua.LFalse, lua.LString(fmt.Sprintf("bad argument at offset %-6d", len(p))))
	}
	if n := re.NumSubexp(); n > maxGroups {
		return c.push(lua.LFalse, lua.LString(fmt.Sprintf("regcomp found %d matches; only %d allowed.", n, maxGroups)))
	}
	at := re.MatchIndex(nil, s)
	if at == nil {
		return c.pushBool(false)
	}
	t := c.L.NewTable()
	for i := 0; 2*i+1 < len(at); i++ {
		if at[2*i] >= 0 {
			t.RawSetInt(i, lua.LString(s[at[2*i]:at[2*i+1]]))
		}
	}
	return c.push(t)
}

// evaluate tells whether a condition of Apache's language holds. One that fails is true,
// with the reason, in Apache's numbers.
func evaluate(c *call) int {
	c.object(1)
	text := c.cStr(2)
	r := c.request(1)
	e, err := server.CompileExpr(text, 0)
	if err != nil {
		return c.push(lua.LFalse, lua.LString(err.Error()))
	}
	ok, err := e.Bool(r.Request)
	if err != nil {
		return c.push(lua.LTrue, lua.LString(err.Error()))
	}
	return c.pushBool(ok)
}
