package lua

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

func TestNumberText(t *testing.T) {
	for _, tc := range []struct {
		n    lua.LNumber
		want string
	}{
		{0, "0"}, {5, "5"}, {-3, "-3"}, {0.5, "0.5"}, {0.1 + 0.2, "0.3"}, {1e15, "1000000000000000"}, {1e20, "1e+20"}, {1.5e-7, "1.5e-07"},
		{1.0 / 3, "0.33333333333333"},
	} {
		if got := numberText(tc.n); got != tc.want {
			t.Errorf("%v: %q, want %q", float64(tc.n), got, tc.want)
		}
	}
}

func TestChunkName(t *testing.T) {
	long := "/" + strings.Repeat("a", 58)
	for in, want := range map[string]string{
		"/a.lua": "/a.lua", long: long, "/x" + long: "..." + (long)[3:],
	} {
		if got := chunkName(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
	if got := blockName("/etc/httpd.conf", 7); got != `[string "/etc/httpd.conf:7"]` {
		t.Error(got)
	}
	if got, want := blockName("/"+strings.Repeat("a", 60), 7), `[string "/`+strings.Repeat("a", 44)+`..."]`; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestInterpolate(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"plain", "plain"}, {"$1.lua", "one.lua"}, {"a$0b$1", "awholebone"}, {"$9", ""}, {"$x$", "$x$"}, {"f_$1_$2x", "f_one_twox"},
	} {
		if got := interpolate(tc.text, []string{"whole", "one", "two"}); got != tc.want {
			t.Errorf("%q: %q, want %q", tc.text, got, tc.want)
		}
	}
}

func TestBelow(t *testing.T) {
	for _, tc := range []struct{ root, file, want string }{
		{"/conf", "a.lua", "/conf/a.lua"}, {"/conf/", "../a.lua", "/a.lua"}, {"", "a.lua", "/a.lua"}, {"/conf", "/b/./c//d.lua", "/b/c/d.lua"},
		{"/run", "", "/run/"}, {"", "/run/", "/run/"},
	} {
		if got := below(tc.root, tc.file); got != tc.want {
			t.Errorf("%q, %q: %q, want %q", tc.root, tc.file, got, tc.want)
		}
	}
}

func TestMerge(t *testing.T) {
	a, b := &hook{function: "a"}, &hook{function: "b"}
	p := point{fixups, middle}
	base := config{paths: []string{"base"}, hooks: map[point][]*hook{p: {a}}, scope: scopeConn, min: 2}
	names := func(c config) string {
		s := ""
		for _, h := range c.hooks[p] {
			s += h.function
		}
		return s + " " + strings.Join(c.paths, ",") + " " + c.scope.String()
	}
	for _, tc := range []struct {
		inherit inherit
		want    string
	}{
		{inheritUnset, "ab base,add conn"}, {inheritParentFirst, "ab base,add conn"}, {inheritParentLast, "ba add,base conn"}, {inheritNone, "b add conn"},
	} {
		add := config{paths: []string{"add"}, hooks: map[point][]*hook{p: {b}}, inherit: tc.inherit}
		if got := names(merge(base, add)); got != tc.want {
			t.Errorf("%d: %q, want %q", tc.inherit, got, tc.want)
		}
	}
	if got := names(base); got != "a base conn" {
		t.Errorf("base became %q", got)
	}
}

func TestArgsTable(t *testing.T) {
	want := []server.Field{{Name: "a", Value: "3"}, {Name: "b", Value: "1"}, {Name: "", Value: "x y"}}
	if d := cmp.Diff(want, argsTable("a=1&b&A=3&&=x%20y")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

func TestMultipart(t *testing.T) {
	body := "--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--B\r\nContent-Disposition:  form-data;\tname=\"f\"; filename=\"x\"\r\n" +
		"Content-Type: x\r\n\r\nl1\r\nl2\x00\r\n--B\r\nContent-Type: x\r\n\r\nno name\r\n--B--\r\n"
	want := []server.Field{{Name: "a", Value: "one"}, {Name: "f", Value: "l1\r\nl2\x00"}}
	if d := cmp.Diff(want, multipartFields([]byte(body), "B")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for kind, want := range map[string]string{"multipart/form-data; boundary=x y": "x y", "multipart/form-data;boundary=\"q\"": `"q"`, "multipart/form-data": "",
		"multipart/mixed; boundary=x": ""} {
		if got, _ := multipartBoundary(kind); got != want {
			t.Errorf("%q: %q, want %q", kind, got, want)
		}
	}
}

func TestParseDate(t *testing.T) {
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "Sun, 6 Nov 1994 03:49:37 -0500"} {
		if got, ok := parseDate(s); !ok || got.Unix() != 784111777 {
			t.Errorf("%q: %v, %v", s, got, ok)
		}
	}
	if _, ok := parseDate("soon"); ok {
		t.Error("soon is a date")
	}
}

func TestCookie(t *testing.T) {
	k := cookie{key: "a b", value: "c;d", path: "/x", domain: "d", expires: 1700000000, secure: true, httpOnly: true}
	if got, want := k.String(), "a+b=c%3bd; Secure; Expires=Tue, 14 Nov 2023 22:13:20 GMT; HttpOnly; Domain=d; Path=/x;"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

// RFC 6455 section 1.3.
func TestAcceptKey(t *testing.T) {
	if got := acceptKey("dGhlIHNhbXBsZSBub25jZQ=="); got != "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" {
		t.Error(got)
	}
}

func TestFrames(t *testing.T) {
	for _, n := range []int{0, 1, 125, 126, 65534, 65535, 70000} {
		h, err := readHeader(bytes.NewReader(appendFrame(nil, n)))
		if err != nil || h.length != uint64(n) || !h.final || h.opcode != 1 || h.masked {
			t.Errorf("%d: %+v, %v", n, h, err)
		}
	}
}

// state is an interpreter without a server.
func state(t *testing.T) *lua.LState {
	L := lua.NewState(lua.Options{SkipOpenLibs: true, CallStackSize: maxCalls, MinimizeStackMemory: true, RegistrySize: 1024, RegistryMaxSize: maxValues})
	t.Cleanup(L.Close)
	openLibs(L, &spec{file: "/srv/a.lua", r: &server.Request{Gen: testGeneration(t)}})
	return L
}

func testGeneration(t *testing.T) *server.Generation {
	t.Helper()
	c, diags := directives.Compile(&httpdconf.Tree{}, directives.NewSet(server.Version), directives.Setup{})
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return &server.Generation{Config: c}
}

func TestLibraries(t *testing.T) {
	L := state(t)
	for _, tc := range []struct{ code, want string }{
		{`return table.concat({table.unpack({1, 2, 3})}, ",")`, "1,2,3"},
		{`local p = table.pack(1, nil, 3) return p.n`, "3"},
		{`return table.concat(table.move({1, 2, 3}, 2, 3, 1), ",")`, "2,3,3"},
		{`return utf8.char(228, 0x20AC)`, "ä€"},
		{`return utf8.len("ä€x")`, "3"},
		{`return utf8.len("\255") == nil`, "true"},
		{`return utf8.codepoint("€")`, "8364"},
		{`return utf8.offset("ä€x", 3)`, "6"},
		{`local s = "" for p, c in utf8.codes("ä€") do s = s .. p .. ":" .. c .. " " end return s`, "1:228 3:8364 "},
		{`return bit32.band(0xff, 0x0f) + bit32.lshift(1, 4) + bit32.extract(0x60, 5, 2)`, "34"},
		{`return string.rep("a", 3, "-")`, "a-a-a"},
		{`return tostring((pcall(string.rep, "a", 2^40)))`, "false"},
		{`return load("return 1 + 1")()`, "2"},
		{`local f, e = load("return +", "=x") return e:match("^x:%d+:") and "x" or e`, "x"},
		{`return tostring((pcall(os.exit, 0)))`, "false"},
		{`return tostring(os.setenv)`, "nil"},
		{`return select(2, pcall(function() local x; return x.y end)):match("attempt.*")`, "attempt to index a nil value"},
		{`return select(2, pcall(function() return {} .. "x" end)):match("attempt.*")`, "attempt to concatenate a table value"},
		{`return select(2, pcall(function() return 1 + {} end)):match("attempt.*")`, "attempt to perform arithmetic on a table value"},
		{`return select(2, pcall(require, "nosuch")):match("^module 'nosuch' not found:\n\tno field package.preload%['nosuch'%]\n") and "ok"`, "ok"},
		{`package.preload.x = function(n) return {name = n} end return require("x").name .. tostring(require("x") == require("x"))`, "xtrue"},
		{`return type(collectgarbage("count"))`, "number"},
		{`return tostring(apache2.OK) .. apache2.DECLINED .. apache2.AUTHZ_GRANTED .. tostring(require("apache2").OK)`, "0-11nil"},
		{`return package.path:match("[^;]*/srv/[^;]*")`, "/srv/?.lua"},
		{`return math.type(3) .. math.type(3.5) .. tostring(math.tointeger(3.5))`, "integerfloatnil"},
		{`local function f(n) if n == 0 then return 0 end return 1 + f(n - 1) end return f(5000)`, "5000"},
		{`local function f() return 1 + f() end return tostring((pcall(f)))`, "false"},
	} {
		proto, err := compileText(tc.code, "test")
		if err != nil {
			t.Errorf("%s: %v", tc.code, err)
			continue
		}
		L.Push(L.NewFunctionFromProto(proto))
		if err := L.PCall(0, 1, nil); err != nil {
			t.Errorf("%s: %v", tc.code, message(err))
			continue
		}
		if got := lua.LVAsString(L.ToStringMeta(L.Get(-1))); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.code, got, tc.want)
		}
		L.Pop(1)
	}
}

// A script that never ends is ended when its request is, also when it catches errors.
func TestInterrupt(t *testing.T) {
	for _, code := range []string{`while true do end`, `while true do pcall(error, "x") end`, `while true do pcall(function() while true do end end) end`,
		`local c = coroutine.wrap(function() while true do end end) c()`} {
		L := state(t)
		ctx, cancel := context.WithCancel(context.Background())
		L.SetContext(ctx)
		proto, err := compileText(code, "test")
		if err != nil {
			t.Fatal(err)
		}
		L.Push(L.NewFunctionFromProto(proto))
		time.AfterFunc(10*time.Millisecond, cancel)
		if err := L.PCall(0, 0, nil); err == nil {
			t.Errorf("%s: ended without an error", code)
		}
	}
}

func TestTooDeep(t *testing.T) {
	for name, text := range map[string]string{
		"brackets":  "return " + strings.Repeat("(", 100000) + "1" + strings.Repeat(")", 100000),
		"blocks":    strings.Repeat("do ", 100000) + strings.Repeat("end ", 100000),
		"operators": "return " + strings.Repeat("not ", 1000000) + "1",
		"joins":     "return 'a'" + strings.Repeat("..'a'", 1000000),
	} {
		if _, err := compileText(text, name); err == nil {
			t.Errorf("%s: compiled", name)
		}
	}
	if _, err := compileText("-- "+strings.Repeat("-", 1000)+"\nlocal a = 1\n", "x"); err != nil {
		t.Error(err)
	}
}

func FuzzCompile(f *testing.F) {
	f.Add("function handle(r) r:puts('x') return apache2.OK end")
	f.Add("return {[1] = 2, x = 3; ...}")
	f.Add("goto a ::a:: local x <const> = 1")
	f.Fuzz(func(t *testing.T, text string) {
		proto, err := compileText(text, "fuzz")
		if (proto == nil) == (err == nil) {
			t.Errorf("%q: %v, %v", text, proto, err)
		}
	})
}

func FuzzMultipart(f *testing.F) {
	f.Add([]byte("--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--B--"), "B")
	f.Fuzz(func(t *testing.T, body []byte, boundary string) {
		if boundary == "" {
			return
		}
		list := multipartFields(body, boundary)
		total := 0
		for _, p := range list {
			if total += len(p.Value); p.Name == "" || len(p.Name) > maxName {
				t.Errorf("name %q", p.Name)
			}
		}
		if len(list) > maxVars || total > len(body) {
			t.Errorf("%d parts with %d bytes of %d", len(list), total, len(body))
		}
	})
}

func FuzzArgs(f *testing.F) {
	f.Add("a=1&b=%zz&%00=%2f")
	f.Fuzz(func(t *testing.T, args string) {
		for _, p := range argsTable(args) {
			if len(p.Name)+len(p.Value) > len(args)+1 {
				t.Errorf("%q: %q", args, p)
			}
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte{0x81, 0x83, 1, 2, 3, 4, 5, 6, 7})
	f.Add([]byte{0x89, 0xff, 0, 0, 0, 0, 0, 0, 0, 1, 9, 9, 9, 9})
	f.Fuzz(func(t *testing.T, p []byte) {
		in := bytes.NewReader(p)
		h, err := readHeader(in)
		if read := len(p) - in.Len(); err == nil && (read < 2 || read > 14) {
			t.Errorf("%x: %d bytes, %+v", p, read, h)
		}
	})
}
