package fcgi

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// decodeParams reads what Params writes.
func decodeParams(t *testing.T, b []byte) [][2]string {
	t.Helper()
	var content []byte
	for {
		if len(b) < HeaderLen || b[1] != typeParams {
			t.Fatalf("no record of parameters: %q", b)
		}
		n := int(binary.BigEndian.Uint16(b[4:]))
		content, b = append(content, b[HeaderLen:HeaderLen+n]...), b[HeaderLen+n:]
		if n == 0 {
			break
		}
	}
	if len(b) > 0 {
		t.Fatalf("%d bytes behind the parameters", len(b))
	}
	length := func() int {
		if content[0] < 128 {
			n := int(content[0])
			content = content[1:]
			return n
		}
		n := int(binary.BigEndian.Uint32(content) &^ (1 << 31))
		content = content[4:]
		return n
	}
	var list [][2]string
	for len(content) > 0 {
		n, v := length(), length()
		list = append(list, [2]string{string(content[:n]), string(content[n : n+v])})
		content = content[n+v:]
	}
	return list
}

func TestParams(t *testing.T) {
	long := strings.Repeat("x", 40000)
	want := [][2]string{{"A", "b"}, {"EMPTY", ""}, {"LONG", long}, {"LONGER", long}, {strings.Repeat("N", 200), "v"}}
	p := BeginParams(nil)
	for _, pair := range want {
		if !p.Add(pair[0], pair[1]) {
			t.Errorf("%s does not fit", pair[0])
		}
	}
	if p.Add("TOO_LONG", strings.Repeat("x", MaxContent)) {
		t.Error("a pair of more than a record was taken")
	}
	if d := cmp.Diff(want, decodeParams(t, p.End())); d != "" {
		t.Error(d)
	}
	if got := decodeParams(t, func() []byte { p := BeginParams(nil); return p.End() }()); got != nil {
		t.Errorf("nothing: %v", got)
	}
}

func TestStdin(t *testing.T) {
	b := AppendStdin(nil, make([]byte, MaxContent+5))
	if n := binary.BigEndian.Uint16(b[4:]); n != MaxContent {
		t.Errorf("first record has %d bytes", n)
	}
	rest := b[HeaderLen+MaxContent:]
	if n := binary.BigEndian.Uint16(rest[4:]); n != 5 || len(rest) != HeaderLen+5 {
		t.Errorf("second record has %d bytes of %d", n, len(rest))
	}
}

func record(kind byte, text string, pad int) string {
	return string([]byte{1, kind, 0, 1, byte(len(text) >> 8), byte(len(text)), byte(pad), 0}) + text + strings.Repeat("p", pad)
}

// collect reads an answer to its end.
func collect(in io.Reader) (stdout, stderr string, err error) {
	s := Records{In: bufio.NewReaderSize(in, 16)}
	var out, said strings.Builder
	for !s.Done {
		p, err := s.Piece(7)
		if err != nil {
			return out.String(), said.String(), err
		}
		if len(p) > 0 {
			switch s.Kind {
			case Stdout:
				out.Write(p)
			case Stderr:
				said.Write(p)
			}
			continue
		}
		if s.EndComes() {
			break
		}
		if _, err := s.Next(); err != nil {
			return out.String(), said.String(), err
		}
	}
	return out.String(), said.String(), nil
}

func TestRecords(t *testing.T) {
	end := record(End, "\x00\x00\x00\x00\x00\x00\x00\x00", 3)
	for _, c := range []struct{ name, in, out, said, err string }{
		{"plain", record(Stdout, "body", 0) + end, "body", "", ""},
		{"padded", record(Stdout, "bo", 5) + record(Stdout, "dy and more than the buffer holds", 255) + end, "body and more than the buffer holds", "", ""},
		{"stderr", record(Stderr, "bad", 0) + record(Stdout, "x", 0) + record(Stderr, " luck", 1) + end, "x", "bad luck", ""},
		{"empty", record(Stdout, "x", 0) + record(Stdout, "", 0) + end, "x", "", ""},
		{"strange", record(99, "ignored", 2) + record(Stdout, "x", 0) + end, "x", "", ""},
		{"no end", record(Stdout, "x", 0), "x", "", "Failed to read FastCGI header: EOF"},
		{"cut", record(Stdout, "body", 0)[:10], "bo", "", "unexpected EOF"},
		{"version", "\x02" + end[1:], "", "", "Got bogus version 2"},
		{"id", "\x01\x06\x00\x07\x00\x00\x00\x00", "", "", "Got bogus rid 7, expected 1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, said, err := collect(strings.NewReader(c.in))
			text := ""
			if err != nil {
				text = err.Error()
			}
			if out != c.out || said != c.said || text != c.err {
				t.Errorf("%q, %q, %q", out, said, text)
			}
		})
	}
}

// FuzzRecords holds: however an answer comes in pieces, it is understood in the
// same way, and never more content comes out than went in.
func FuzzRecords(f *testing.F) {
	end := record(End, "\x00\x00\x00\x00\x00\x00\x00\x00", 0)
	f.Add([]byte(record(Stdout, "body", 3)+end), byte(3))
	f.Add([]byte(record(Stderr, "x", 0)+record(Stdout, "", 0)+end), byte(1))
	f.Add([]byte("\x01\x06\x00\x01\xff\xff\xff\x00"), byte(2))
	f.Fuzz(func(t *testing.T, b []byte, size byte) {
		out, said, err := collect(bytes.NewReader(b))
		out2, said2, err2 := collect(&pieces{b, int(size%9) + 1})
		if out != out2 || said != said2 || (err == nil) != (err2 == nil) {
			t.Errorf("%q, %q, %v; in pieces %q, %q, %v", out, said, err, out2, said2, err2)
		}
		if len(out)+len(said) > len(b) {
			t.Errorf("%d bytes of %d", len(out)+len(said), len(b))
		}
	})
}

// pieces reads n bytes at a time.
type pieces struct {
	b []byte
	n int
}

func (p *pieces) Read(to []byte) (int, error) {
	if len(p.b) == 0 {
		return 0, io.EOF
	}
	n := copy(to, p.b[:min(p.n, len(p.b))])
	p.b = p.b[n:]
	return n, nil
}
