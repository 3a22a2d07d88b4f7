package program

import "testing"

func TestEscapeShell(t *testing.T) {
	for in, want := range map[string]string{"plain": "plain", "a;b": `a\;b`, "$(x)": `\$\(x\)`, "a b": "a b", "\n": "\\\n", `\`: `\\`} {
		if got := EscapeShell(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
}

func TestFeed(t *testing.T) {
	p := start(t, Command{}, "cat")
	in := make([]byte, 300000)
	n := 0
	if err := p.Feed(in, func(b []byte) { n += len(b) }, 5e9); err != nil {
		t.Fatal(err)
	}
	p.Stdin.Close()
	for b := make([]byte, 65536); ; {
		m, err := p.Stdout.Read(b)
		if n += m; err != nil {
			break
		}
	}
	if n != len(in) {
		t.Errorf("%d bytes came back", n)
	}
	q := start(t, Command{}, "exec <&-; sleep 1")
	for range 100 {
		if err := q.Feed(in[:4096], func([]byte) {}, 1e8); err != nil {
			return
		}
	}
	t.Error("a program that does not read took everything")
}
