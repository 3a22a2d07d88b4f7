package lua

import (
	"slices"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// serverFuncs tell of the server. Those that Apache calls without r look at their first
// argument: r.mpm_query(1), and r:mpm_query(1) asks for something else.
var serverFuncs = map[string]func(*call) int{
	"clock": func(c *call) int { return c.push(lua.LNumber(time.Now().UnixMicro())) },
	"usleep": func(c *call) int {
		pause(c.L, time.Duration(c.num(1))*time.Microsecond)
		return 0
	},
	"mpm_query":            mpmQuery,
	"state_query":          stateQuery,
	"module_info":          moduleInfo,
	"loaded_modules":       loadedModules,
	"server_info":          serverInfo,
	"scoreboard_process":   scoreboardProcess,
	"scoreboard_worker":    scoreboardWorker,
	"exists_config_define": func(c *call) int { return c.pushBool(slices.Contains(ownRequest(c).Gen.Defines, c.cStr(1))) },
	"get_server_name_for_url": func(c *call) int {
		c.object(1)
		return c.pushText(c.request(1).ServerNameForURL())
	},
	"runtime_dir_relative": func(c *call) int {
		c.object(1)
		r := c.request(1)
		file := cString(c.optText(2, "."))
		dir := server.RuntimeDir(r.Gen.Config.Tree)
		if file == "." {
			return c.pushText(below("", dir+"/"))
		}
		return c.pushText(below(dir, file))
	},
	"set_document_root": func(c *call) int {
		c.object(1)
		r := c.request(1)
		r.ContextDocumentRoot = c.cStr(2)
		return 0
	},
	"set_context_info": func(c *call) int {
		c.object(1)
		r := c.request(1)
		r.ContextPrefix, r.ContextDir = c.cStr(2), c.cStr(3)
		return 0
	},
	"ssl_var_lookup": func(c *call) int {
		r := c.request(1)
		name := c.cText(2)
		for _, m := range r.Gen.Modules {
			if m.TLSVariable != nil {
				return c.pushText(r.TLSVariable(name))
			}
		}
		return c.push(lua.LNil)
	},
	"config": func(c *call) int {
		r := c.request(1)
		return c.push(configTree(c.L, r.Gen.Config.Tree.Nodes))
	},
	"activeconfig": activeConfig,
}

// pause waits, unless the script is interrupted.
func pause(L *lua.LState, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-L.Context().Done():
	}
}

// ownRequest is the request that the interpreter works on, for functions that are not
// given it.
func ownRequest(c *call) *request {
	u, _ := c.L.G.Registry.RawGetString(currentRequest).(*lua.LUserData)
	if u == nil {
		c.L.RaiseError("no request")
	}
	return u.Value.(*request)
}

// currentRequest is where in an interpreter's registry the request stands that it works on.
const currentRequest = "donjon.request"

// mpmQuery is ap_mpm_query, for an event MPM.
func mpmQuery(c *call) int {
	n, _ := c.L.Get(1).(lua.LNumber)
	r := ownRequest(c)
	m := server.MPM.Of(r.Gen.Config.Main)
	children := 1
	if b := r.Gen.Board; b != nil {
		children = 0
		for i := range b.Children() {
			if b.Child(i).PID.Load() != 0 {
				children++
			}
		}
	}
	threads := m.ThreadsPerChild.Else(25)
	values := map[int]int{
		1: children, 2: 1, 3: 2, 4: m.ServerLimit.Else(16), 5: m.ThreadLimit.Else(64), 6: threads, 7: 0, 8: m.MinSpare.Else(75), 9: 0,
		10: m.MaxSpare.Else(250), 11: m.MaxConnections.Else(0), 12: max(m.MaxRequestWorkers.Else(16*threads)/max(threads, 1), 1), 13: 1, 14: 1,
		15: r.Gen.Number,
	}
	return c.push(lua.LNumber(values[int(n)]))
}

// stateQuery is ap_state_query: the main state is "running", the mode "normal".
func stateQuery(c *call) int {
	code := c.whole(1)
	n := -1
	switch code {
	case 0:
		n = 5 // AP_SQ_MS_RUN_MPM
	case 1:
		n = 2 // AP_SQ_RM_NORMAL
	case 2:
		n = ownRequest(c).Gen.Number + 1
	}
	return c.push(lua.LNumber(n))
}

func moduleInfo(c *call) int {
	name := c.cStr(1)
	for _, m := range ownRequest(c).Gen.Modules {
		if m.SourceName() != name || len(m.Directives) == 0 {
			continue
		}
		commands := c.L.NewTable()
		for _, d := range m.Directives {
			commands.RawSetString(d.Name, lua.LString(d.Usage))
		}
		t := c.L.NewTable()
		t.RawSetString("commands", commands)
		return c.push(t)
	}
	return 0
}

func loadedModules(c *call) int {
	t := c.L.NewTable()
	for _, m := range ownRequest(c).Gen.Modules {
		t.Append(lua.LString(m.SourceName()))
	}
	return c.push(t)
}

func serverInfo(c *call) int {
	t := c.L.NewTable()
	t.RawSetString("server_executable", lua.LString(server.ProgramName))
	t.RawSetString("server_root", lua.LString(server.CoreServer.Of(ownRequest(c).Gen.Config.Main).ServerRoot))
	t.RawSetString("server_mpm", lua.LString("event"))
	return c.push(t)
}

// child gives a slot of the scoreboard that there is.
func child(c *call, r *request, slot int) *scoreboard.Child {
	if b := r.Gen.Board; b != nil && slot >= 0 && slot < b.Children() {
		return b.Child(slot)
	}
	return nil
}

func scoreboardProcess(c *call) int {
	c.object(1)
	slot := c.whole(2)
	k := child(c, c.request(1), slot)
	if k == nil {
		return 0
	}
	t := c.L.NewTable()
	flag := func(b bool) int {
		if b {
			return 1
		}
		return 0
	}
	for _, f := range [...]struct {
		name  string
		value int
	}{
		{"connections", int(k.Open.Load())}, {"keepalive", int(k.KeepAlive.Load())}, {"lingering_close", int(k.Closing.Load())},
		{"pid", int(k.PID.Load())}, {"suspended", 0}, {"wait_io", int(k.WaitIO.Load())}, {"write_completion", int(k.Sending.Load())},
		{"not_accepting", flag(!k.Serving.Load())}, {"quiescing", flag(k.Quiescing.Load())},
	} {
		t.RawSetString(f.name, lua.LNumber(f.value))
	}
	return c.push(t)
}

func scoreboardWorker(c *call) int {
	c.object(1)
	slot, i := c.whole(2), c.whole(3)
	r := c.request(1)
	k := child(c, r, slot)
	if k == nil || i < 0 || i >= r.Gen.Board.Workers() {
		return 0
	}
	w := r.Gen.Board.Worker(slot, i).Read()
	t := c.L.NewTable()
	for name, v := range map[string]float64{
		"access_count": float64(w.Accesses), "bytes_served": float64(w.Bytes), "conn_bytes": float64(w.ConnBytes), "conn_count": float64(w.ConnAccesses),
		"generation": float64(k.Generation.Load()), "last_used": micro(w.Ended, w.Began), "pid": float64(k.PID.Load()), "start_time": micro(w.Began),
		"status": float64(w.Status), "stop_time": micro(w.Ended), "tid": float64(i), "stimes": 0, "utimes": 0,
	} {
		t.RawSetString(name, lua.LNumber(v))
	}
	for name, v := range map[string]string{"client": w.Client, "client64": w.Client, "request": w.Request, "vhost": w.VHost} {
		t.RawSetString(name, lua.LString(v))
	}
	return c.push(t)
}

// micro is the first time that there is, in microseconds since 1970; 0 for none.
func micro(list ...time.Time) float64 {
	for _, t := range list {
		if !t.IsZero() {
			return float64(t.UnixMicro())
		}
	}
	return 0
}

// configTree is the configuration as tables: each directive with file and line, and
// what stands in it.
func configTree(L *lua.LState, nodes []*httpdconf.Node) *lua.LTable {
	t := L.NewTable()
	for _, n := range nodes {
		e := L.NewTable()
		e.RawSetString("directive", lua.LString(directiveText(n)))
		e.RawSetString("file", lua.LString(n.Pos.File))
		e.RawSetString("line", lua.LNumber(n.Pos.Line))
		if len(n.Children) > 0 {
			e.RawSetString("children", configTree(L, n.Children))
		}
		t.Append(e)
	}
	return t
}

func directiveText(n *httpdconf.Node) string {
	switch {
	case n.Name == byteCodeHack:
		return n.Name + " (null)"
	case n.Section:
		return "<" + n.Name + " " + n.Args + ">"
	}
	return n.Name + " " + n.Args
}

// activeConfig is the <VirtualHost> that the request's host name leads to. Apache takes
// any directive in it whose arguments are a pattern that the name matches.
func activeConfig(c *call) int {
	r := c.request(1)
	for _, n := range r.Gen.Config.Tree.Nodes {
		if !n.Section || !strings.EqualFold(n.Name, "VirtualHost") {
			continue
		}
		for _, d := range n.Children {
			if pattern.Wild(d.Args, r.Hostname, true) {
				return c.push(configTree(c.L, n.Children))
			}
		}
	}
	return 0
}
