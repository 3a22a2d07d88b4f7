package lua

import (
	"strings"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// filterSet is the filters that the configuration has defined, by name in lower case. They
// belong to the main server: a name is known everywhere, though the script is only
// found where the directive holds.
type filterSet struct {
	output map[string]*server.OutputFilter
	input  map[string]*server.InputFilter
}

var filterSlot = directives.NewServerSlot(func(base, _ filterSet) filterSet { return base })

func definedFilters(v *directives.Server) *filterSet {
	if v.Main != nil {
		v = v.Main
	}
	return filterSlot.Of(v)
}

func inputFilterExists(r *server.Request, name string) bool {
	for _, m := range r.Gen.Modules {
		if m.DefinedInput != nil && m.DefinedInput(r.Server, name) != nil {
			return true
		}
		for _, f := range m.InputFilters {
			if strings.EqualFold(f.Name, name) {
				return true
			}
		}
	}
	return false
}

func (c *config) addFilter(cmd *directives.Cmd, name, file, function string, input bool) error {
	if err := cmd.Check(notInDir); err != nil {
		return err
	}
	touch(cmd)
	c.filters = directives.Append(c.filters, []*filterSpec{{name, inJail(cmd, file), function}})
	v := cmd.Server
	if v.Main != nil {
		v = v.Main
	}
	set := filterSlot.EditServer(v)
	key := server.LowerASCII(name)
	if input {
		set.input = directives.Overlay(set.input, map[string]*server.InputFilter{key: {Name: name, Level: server.ResourceLevel,
			Read: func(l *server.InputLink, p []byte) (int, error) { return filterInput(l, p, name) }}})
	} else {
		set.output = directives.Overlay(set.output, map[string]*server.OutputFilter{key: {Name: name, Level: server.ResourceLevel,
			Run: func(l *server.Link, b *server.Brigade) error { return filterOutput(l, b, name) }}})
	}
	return nil
}

// filter is a script at work on one response or body: a coroutine that is given each piece
// as the global bucket and yields what is to become of it.
type filter struct {
	r       *server.Request
	vm      *vm
	thread  *lua.LState
	release func()
	fn      *lua.LFunction
	prefix  []byte // what it yielded first
	rest    []byte // of what it yielded: not read yet
	ended   bool
}

// filterOutcome is how the beginning of a filter went.
type filterOutcome int8

const (
	filterWilling filterOutcome = iota
	filterUnwilling
	filterFailed
)

// startFilter finds the filter's script and runs it up to its first yield, by which it says
// that it wants the response (lua_setup_filter_ctx).
func startFilter(r *server.Request, name string) (*filter, filterOutcome) {
	for _, s := range slot.Of(r.Dir).filters {
		if !strings.EqualFold(s.name, name) {
			continue
		}
		sp := newSpec(r, rooted(r, s.file), s.function, "filter")
		v, release, err := openVM(sp)
		if err != nil {
			elog.Crit(r).Msgf("AH02328: lua: Failed to obtain lua interpreter for %s %s", s.function, s.file)
			return nil, filterFailed
		}
		fn := v.function(s.function)
		if fn == nil {
			release()
			elog.Crit(r).Msgf("AH02329: lua: Unable to find entry function '%s' in %s (not a valid function)", s.function, s.file)
			return nil, filterFailed
		}
		f := &filter{r: r, vm: v, release: release, fn: fn}
		f.thread, _ = v.L.NewThread()
		out, yielded, _ := f.resume(newRequest(v, r, nil))
		if !yielded {
			f.end()
			return nil, filterUnwilling
		}
		f.prefix = out
		changes(r)
		return f, filterWilling
	}
	return nil, filterUnwilling
}

// changes takes out the fields that say what the response was before.
func changes(r *server.Request) {
	r.Out.Unset("Content-Length")
	r.Out.Unset("Content-MD5")
	r.Out.Unset("ETag")
}

// resume runs the coroutine up to its next yield and gives what that was.
func (f *filter) resume(args ...lua.LValue) (out []byte, yielded bool, err error) {
	defer f.vm.watch(f.r)()
	defer func() {
		if p := recover(); p != nil {
			e, ok := p.(error)
			if !ok {
				panic(p)
			}
			yielded, err = false, e
		}
	}()
	state, err, values := f.vm.L.Resume(f.thread, f.fn, args...)
	switch v := first1(values).(type) {
	case lua.LString:
		out = []byte(v)
	case lua.LNumber:
		out = []byte(numberText(v))
	}
	return out, state == lua.ResumeYield, err
}

func first1(values []lua.LValue) lua.LValue {
	if len(values) == 0 {
		return lua.LNil
	}
	return values[0]
}

// feed gives a piece to the script.
func (f *filter) feed(p []byte) (out []byte, yielded bool, err error) {
	f.vm.L.SetGlobal("bucket", lua.LString(p))
	return f.resume()
}

// finish tells the script that nothing more comes.
func (f *filter) finish() (out []byte, yielded bool, err error) {
	f.vm.L.SetGlobal("bucket", lua.LNil)
	return f.resume()
}

func (f *filter) end() {
	if !f.ended {
		f.ended = true
		f.release()
	}
}

// mapMost is how much of a file Apache maps into memory at a time, and reads as one piece
// (APR_MMAP_LIMIT).
const mapMost = 4 << 20

// pieces calls f with what Apache would read of a bucket, one by one.
func pieces(k server.Bucket, f func([]byte) error) error {
	p, err := k.Read()
	if err != nil {
		return err
	}
	for k.Kind() == "FILE" && len(p) > mapMost {
		if err := f(p[:mapMost]); err != nil {
			return err
		}
		p = p[mapMost:]
	}
	return f(p)
}

// filterOutput is lua_output_filter_handle.
func filterOutput(l *server.Link, b *server.Brigade, name string) error {
	r := l.R
	f, ok := l.State.(*filter)
	if !ok {
		if l.Name() != name { // the script is looked for by the name of mod_filter's filter
			changes(r)
		}
		var how filterOutcome
		switch f, how = startFilter(r, l.Name()); how {
		case filterFailed:
			return errFilter
		case filterUnwilling:
			l.Remove()
			return l.Pass(b)
		}
		l.State = f
		if len(f.prefix) > 0 {
			if err := l.Pass(&server.Brigade{Buckets: []server.Bucket{{Mem: f.prefix}}}); err != nil {
				return err
			}
		}
	}
	give := func(p []byte) error {
		out, yielded, err := f.feed(p)
		if !yielded {
			f.end()
			l.Remove()
			text := "(null)"
			if err != nil {
				text = message(err)
			}
			elog.Error(r).Msgf("AH02663: lua: Error while executing filter: %s", text)
			return errFilter
		}
		if len(out) == 0 {
			return nil
		}
		return l.Pass(&server.Brigade{Buckets: []server.Bucket{{Mem: out}}})
	}
	list := b.Buckets
	if !ok && b.EOS && len(list) == 0 && r.Handler == "default-handler" {
		list = []server.Bucket{{}} // an empty file is a bucket nevertheless
	}
	for _, k := range list {
		if err := pieces(k, give); err != nil {
			return err
		}
	}
	// The bucket that asks for a flush is read as an empty one.
	if b.Flush {
		if err := give(nil); err != nil {
			return err
		}
	}
	if !b.EOS {
		return nil
	}
	last := &server.Brigade{EOS: true}
	if out, yielded, _ := f.finish(); yielded && len(out) > 0 {
		last.Buckets = []server.Bucket{{Mem: out}}
	}
	f.end()
	return l.Pass(last)
}

// filterInput is lua_input_filter_handle.
func filterInput(l *server.InputLink, p []byte, name string) (int, error) {
	r := l.R
	f, ok := l.State.(*filter)
	if !ok {
		var how filterOutcome
		switch f, how = startFilter(r, name); how {
		case filterFailed:
			l.Remove()
			return 0, errInput
		case filterUnwilling:
			l.Remove()
			return l.Read(p)
		}
		l.State = f
	}
	for len(f.rest) == 0 {
		if f.ended {
			return 0, errEnd
		}
		buf := make([]byte, 8192)
		n, err := l.Read(buf)
		if n > 0 {
			out, yielded, _ := f.feed(buf[:n])
			if !yielded {
				f.end()
				l.Remove()
				return 0, errInput
			}
			f.rest = out
			continue
		}
		if err == nil {
			continue
		}
		if err != errEnd {
			return 0, err
		}
		if out, yielded, _ := f.finish(); yielded {
			f.rest = out
		}
		f.end()
	}
	n := copy(p, f.rest)
	f.rest = f.rest[n:]
	return n, nil
}
