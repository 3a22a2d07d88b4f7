package lua

import (
	"net/textproto"
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// tableType is what Lua's messages call a table of Apache's.
const tableType = "Apr.Table"

// table is fields of a request, its notes or its environment (req_table_t).
type table struct {
	r    *server.Request
	name string
	t    *server.Fields // nil: the fields that the client sent
}

func (t *table) get(name string) (string, bool) {
	if t.t == nil {
		return t.r.FieldIn(name)
	}
	return t.t.Lookup(name)
}

func (t *table) set(name, value string) {
	if t.t == nil {
		t.r.SetFieldIn(name, value)
	} else {
		t.t.Set(name, value)
	}
}

func (t *table) unset(name string) {
	if t.t == nil {
		t.r.UnsetFieldIn(name)
	} else {
		t.t.Unset(name)
	}
}

func (t *table) all() []server.Field {
	if t.t != nil {
		return t.t.All()
	}
	var list []server.Field
	seen := map[string]bool{}
	for _, name := range t.r.FieldOrder {
		key := textproto.CanonicalMIMEHeaderKey(name)
		if v, ok := t.r.FieldIn(name); ok && !seen[key] {
			seen[key] = true
			list = append(list, server.Field{Name: name, Value: v})
		}
	}
	for name := range t.r.Header {
		if !seen[textproto.CanonicalMIMEHeaderKey(name)] {
			v, _ := t.r.FieldIn(name)
			list = append(list, server.Field{Name: name, Value: v})
		}
	}
	return list
}

func newTable(L *lua.LState, t *table) *lua.LUserData {
	u := L.NewUserData()
	u.Value = t
	u.Metatable = L.GetTypeMetatable(tableType)
	return u
}

func (c *call) table(n int) *table {
	if u, ok := c.L.Get(n).(*lua.LUserData); ok {
		if t, ok := u.Value.(*table); ok {
			return t
		}
	}
	c.wrong(n, tableType)
	return nil
}

// openTable makes the type of tables (lua_apr.c).
func openTable(L *lua.LState) {
	mt := L.NewTypeMetatable(tableType)
	L.SetField(mt, "__name", lua.LString(tableType))
	L.SetField(mt, "__index", L.NewFunction(func(L *lua.LState) int {
		c := &call{L, "__index"}
		if v, ok := c.table(1).get(c.cText(2)); ok {
			L.Push(lua.LString(v))
		} else {
			L.Push(lua.LNil)
		}
		return 1
	}))
	L.SetField(mt, "__newindex", L.NewFunction(func(L *lua.LState) int {
		c := &call{L, "__newindex"}
		t, name := c.table(1), c.cText(2)
		if L.Get(3) == lua.LNil {
			t.unset(name)
			return 0
		}
		value := c.cText(3)
		if t.name != "notes" && strings.Contains(value, "\n") {
			value = strings.ReplaceAll(value, "\n", " ")
			elog.Warn(t.r).Msgf("AH02614: mod_lua: Value for '%s' in table '%s' contains newline!", name, t.name)
		}
		t.set(name, value)
		return 0
	}))
}

// pairs makes two tables of values: the first ones by name, and lists of all
// (req_aprtable2luatable_cb). Names count in the case they have.
type pairs struct{ simple, all *lua.LTable }

func newPairs(L *lua.LState) *pairs { return &pairs{L.NewTable(), L.NewTable()} }

func (p *pairs) add(name, value string) {
	list, ok := p.all.RawGetString(name).(*lua.LTable)
	if !ok {
		list = &lua.LTable{Metatable: lua.LNil}
		p.all.RawSetString(name, list)
	}
	list.Append(lua.LString(value))
	if p.simple.RawGetString(name) == lua.LNil {
		p.simple.RawSetString(name, lua.LString(value))
	}
}

func (p *pairs) push(c *call) int { return c.push(p.simple, p.all) }
