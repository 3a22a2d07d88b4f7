package lua

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
)

// spec is the interpreter that a script wants (ap_lua_vm_spec).
type spec struct {
	r        *server.Request
	file     string
	function string
	proto    *lua.FunctionProto // of a section; nil for a file
	scope    scope
	cache    cacheStyle
	min, max int
	paths    []string
	cpaths   []string
}

// newSpec describes the interpreter for a script of the configuration. what is the
// kind of the script for the log (create_vm_spec).
func newSpec(r *server.Request, file, function, what string) *spec {
	c := slot.Of(r.Dir)
	s := &spec{r: r, file: file, function: function, scope: c.scope, cache: c.cache, min: max(c.min, 1), max: max(c.max, 1),
		paths: c.paths, cpaths: c.cpaths}
	shown := function
	if shown == "" {
		shown = "-"
	}
	elog.Trace(2, r).Msgf("%s details: scope: %s, file: %s, func: %s", what, s.scope, s.file, shown)
	return s
}

// rooted makes a script's path absolute below LuaRoot.
func rooted(r *server.Request, file string) string {
	root := slot.Of(r.Dir).root
	if root == "" {
		root = roots.Of(r.Server).path
	}
	return below(root, file)
}

// vm is an interpreter with a script in it.
type vm struct {
	L      *lua.LState
	cancel context.CancelFunc
	ended  bool      // it was interrupted: of no use any more
	used   bool      // it has had a call
	seen   bool      // state is known
	state  fileState // of the file when it was loaded
	pool   *pool     // it goes back there; nil for none
}

// Limits of an interpreter, in values and in calls. The heap has none of its own, as in Apache.
const (
	maxCalls  = 1 << 13 // an error in the deepest takes time by the square of it: the interpreter looks at each
	maxValues = 1 << 20
)

// errNoFunction is a script that defines no function of the name that it is called by.
var errNoFunction = errors.New("no function")

// newVM makes an interpreter and runs the script in it, which defines functions
// (vm_construct). What failed has been logged.
func newVM(s *spec) (*vm, error) {
	L := lua.NewState(lua.Options{CallStackSize: maxCalls, MinimizeStackMemory: true, RegistrySize: 1024, RegistryMaxSize: maxValues,
		RegistryGrowStep: 4096, SkipOpenLibs: true})
	v := &vm{L: L}
	v.renew()
	openLibs(L, s)
	if s.proto != nil {
		v.run(s.r, s.proto) //nolint:errcheck // Apache does not look at it: a missing function is noticed
		return v, nil
	}
	if err := v.load(s, false, "AH01482", "AH02613"); err != nil {
		v.close()
		return nil, err
	}
	return v, nil
}

// renew lets the interpreter be interrupted.
func (v *vm) renew() {
	ctx, cancel := context.WithCancel(context.Background())
	v.L.SetContext(ctx)
	v.cancel = cancel
}

func (v *vm) close() {
	v.cancel()
	v.L.Close()
}

// load loads the file and runs it. The numbers are those of the log's lines.
func (v *vm) load(s *spec, again bool, badFile, badRun string) error {
	if again {
		elog.Debug(nil).Msgf("AH02332: (re)loading lua file %s", s.file)
	} else {
		elog.Debug(nil).Msgf("AH01481: loading lua file %s", s.file)
	}
	proto, err := loadFile(s.file, again || s.cache == cacheNever)
	if err != nil {
		elog.Error(nil).Msgf("%s: Error loading %s: %s", badFile, s.file, err)
		return err
	}
	if err := v.run(s.r, proto); err != nil {
		elog.Error(nil).Msgf("%s: Error loading %s: %s", badRun, s.file, message(err))
		return err
	}
	return nil
}

// run runs a chunk.
func (v *vm) run(r *server.Request, proto *lua.FunctionProto) error {
	_, err := v.call(r, v.L.NewFunctionFromProto(proto), 0)
	return err
}

// call calls a function, and gives what it returns, nil for nothing; want is 0 or 1. It
// ends when the client is gone.
func (v *vm) call(r *server.Request, f *lua.LFunction, want int, args ...lua.LValue) (lua.LValue, error) {
	defer v.watch(r)()
	L := v.L
	top := L.GetTop()
	defer L.SetTop(top)
	L.Push(f)
	for _, a := range args {
		L.Push(a)
	}
	if err := L.PCall(len(args), want, nil); err != nil {
		return nil, err
	}
	if want == 0 {
		return nil, nil
	}
	return L.Get(-1), nil
}

// watch interrupts the interpreter when the client is gone, as far as that can be
// known while nothing is written. What it returns ends that.
func (v *vm) watch(r *server.Request) func() {
	gone, ok := r.Exchange.(interface{ Gone() bool })
	if !ok {
		return func() {}
	}
	const every = time.Second
	var mu sync.Mutex
	var t *time.Timer
	over := false
	t = time.AfterFunc(every, func() {
		mu.Lock()
		defer mu.Unlock()
		switch {
		case over:
		case gone.Gone():
			v.ended = true
			v.cancel()
		default:
			t.Reset(every)
		}
	})
	return func() {
		mu.Lock()
		defer mu.Unlock()
		over = true
		t.Stop()
	}
}

// function is a global function of the script, nil for none.
func (v *vm) function(name string) *lua.LFunction {
	f, _ := v.L.GetGlobal(name).(*lua.LFunction)
	return f
}

// openVM gives the interpreter for a script, new or one that is kept in its scope, with
// the script loaded as it is now (ap_lua_get_lua_state). release must be called.
func openVM(s *spec) (v *vm, release func(), err error) {
	keep, home := scoped(s)
	if s.scope == scopeThread || s.scope == scopeServer {
		v, err = poolOf(s).take(s)
		if err != nil {
			return nil, nil, err
		}
		release = func() { v.pool.give(v) }
	} else {
		release = func() {}
		if keep != nil {
			v = keep[home]
		}
		if v != nil && v.ended {
			v = nil
		}
		if v == nil {
			elog.Debug(nil).Msgf("AH01483: creating lua_State with file %s", s.file)
			if v, err = newVM(s); err != nil {
				return nil, nil, err
			}
			if keep != nil {
				keep[home] = v
			} else {
				made := v
				s.r.AtEnd(made.close)
			}
		}
	}
	if err := v.refresh(s); err != nil {
		release()
		return nil, nil, err
	}
	return v, release, nil
}

// refresh loads the script anew where LuaCodeCache says so.
func (v *vm) refresh(s *spec) error {
	fresh := !v.used
	v.used = true
	if s.proto != nil || s.cache == cacheForever || s.cache == cacheNever && fresh {
		return nil
	}
	if s.cache != cacheNever {
		if s.scope == scopeOnce || s.scope == scopeUnset {
			return nil // it is new
		}
		st, err := os.Stat(s.file)
		now := fileState{}
		if err == nil {
			now = stateOf(st)
		}
		same := !v.seen || now == v.state
		v.seen, v.state = true, now
		if same {
			return nil
		}
	}
	return v.load(s, true, "AH02333", "AH02333")
}

type (
	connVMs    struct{}
	requestVMs struct{ m map[string]*vm }
)

var requestSlot server.RequestSlot[requestVMs]

// scoped gives where interpreters of the spec's scope are kept, and the key; nil for
// those that nobody keeps.
func scoped(s *spec) (map[string]*vm, string) {
	switch s.scope {
	case scopeRequest:
		r := s.r
		for r.Prev != nil {
			r = r.Prev
		}
		all := requestSlot.Of(r)
		if all == nil {
			all = &requestVMs{map[string]*vm{}}
			requestSlot.Set(r, all)
			r.AtEnd(func() {
				for _, v := range all.m {
					v.close()
				}
			})
		}
		return all.m, s.file
	case scopeConn:
		c := s.r.Conn
		if c.Values == nil {
			c.Values = map[any]any{}
		}
		all, ok := c.Values[connVMs{}].(map[string]*vm)
		if !ok {
			all = map[string]*vm{}
			c.Values[connVMs{}] = all
		}
		return all, s.file
	}
	return nil, ""
}

// setPaths makes package.path and package.cpath: what Lua 5.3 has, with the directory of
// the script in place of the current one, and what the configuration adds.
func setPaths(L *lua.LState, s *spec) {
	dir := s.file[:strings.LastIndexByte(s.file, '/')+1]
	p := L.GetGlobal("package").(*lua.LTable)
	L.SetField(p, "path", lua.LString(strings.ReplaceAll(defaultPath, "./?.lua", dir+"?.lua")+";"+strings.Join(s.paths, ";")))
	L.SetField(p, "cpath", lua.LString(strings.ReplaceAll(defaultCPath, "./?.so", dir+"?.so")+";"+strings.Join(s.cpaths, ";")))
}

// Debian's Lua 5.3.
const (
	defaultPath = "/usr/local/share/lua/5.3/?.lua;/usr/local/share/lua/5.3/?/init.lua;/usr/local/lib/lua/5.3/?.lua;" +
		"/usr/local/lib/lua/5.3/?/init.lua;/usr/share/lua/5.3/?.lua;/usr/share/lua/5.3/?/init.lua;./?.lua;./?/init.lua"
	defaultCPath = "/usr/local/lib/lua/5.3/?.so;/usr/lib/x86_64-linux-gnu/lua/5.3/?.so;/usr/lib/lua/5.3/?.so;" +
		"/usr/local/lib/lua/5.3/loadall.so;./?.so"
)
