package deflate

import (
	"bytes"
	std "compress/gzip"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTakeGzip(t *testing.T) {
	type got struct {
		Rest  string
		Found bool
	}
	for list, want := range map[string]got{
		"gzip": {"", true}, "X-GZIP": {"", true}, "br": {"br", false}, "": {"", false},
		"br, gzip": {"br", true}, "gzip, br": {"gzip, br", false}, "gzip, identity": {"", true},
		"br,gzip,,identity": {"br", true}, "identity": {"identity", false}, "gzip,": {"", true},
	} {
		rest, found := takeGzip(list)
		if d := cmp.Diff(want, got{rest, found}); d != "" {
			t.Errorf("%q (-want +got):\n%s", list, d)
		}
	}
}

// TestEncoder: what each window and level makes is a gzip stream of the same text.
func TestEncoder(t *testing.T) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 1000)
	for _, window := range []int{9, 12, 15} {
		for level := 1; level <= 9; level++ {
			for range 2 { // an encoder at rest is used again
				var b bytes.Buffer
				e := newEncoder(&b, window, level)
				io.WriteString(e, text[:100])
				if err := e.Flush(); err != nil {
					t.Fatal(err)
				}
				io.WriteString(e, text[100:])
				if err := e.Close(); err != nil {
					t.Fatal(err)
				}
				z, err := std.NewReader(&b)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := io.ReadAll(z); string(got) != text || err != nil {
					t.Errorf("window %d, level %d: %d bytes, %v", window, level, len(got), err)
				}
			}
		}
	}
}

func packed(text string) []byte {
	var b bytes.Buffer
	z := std.NewWriter(&b)
	z.Name, z.Comment, z.Extra = "name", "comment", []byte("extra")
	io.WriteString(z, text)
	z.Close()
	return b.Bytes()
}

func TestInflater(t *testing.T) {
	stream := packed(strings.Repeat("x", 1000))
	with := func(at int, c byte) []byte {
		p := bytes.Clone(stream)
		p[(len(p)+at)%len(p)] = c
		return p
	}
	for name, tc := range map[string]struct {
		in   []byte
		max  int64
		l    limits
		want error
	}{
		"fine":    {in: stream},
		"empty":   {in: nil, want: errEmpty},
		"head":    {in: stream[:5], want: errShortHead},
		"name":    {in: stream[:14], want: errShort},
		"short":   {in: stream[:len(stream)-12], want: errShort},
		"trailer": {in: stream[:len(stream)-3], want: errNoTrailer},
		"magic":   {in: with(0, 'x'), want: errMagic},
		"method":  {in: with(2, 7), want: errMethod},
		"flags":   {in: with(3, 0x80), want: flagError(0xffffff80)},
		"sum":     {in: with(-8, stream[len(stream)-8]+1), want: errSum},
		"length":  {in: with(-1, 1), want: lengthError{1000, 1<<24 + 1000}},
		"limit":   {in: stream, max: 999, want: errLimit},
		"exact":   {in: stream, max: 1000},
		"ratio":   {in: stream, l: limits{ratio: 2, burst: 1}, want: errRatio},
	} {
		x, err := newInflater(bytes.NewReader(tc.in), tc.l, tc.max, true)
		if err == nil {
			buf := make([]byte, 100)
			for err == nil {
				_, err = x.Read(buf)
			}
			if err == io.EOF {
				err = nil
			}
		}
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: %v, want %v", name, err, tc.want)
		}
	}
}

// FuzzInflater: whatever is read, no more comes out than is allowed, and a
// stream that is right gives what the standard library reads of it.
func FuzzInflater(f *testing.F) {
	f.Add(packed("hello"), int64(100))
	f.Add(packed("hello")[:20], int64(0))
	f.Fuzz(func(t *testing.T, in []byte, most int64) {
		most = max(most%10000, 0)
		x, err := newInflater(bytes.NewReader(in), limits{}, most, true)
		if err != nil {
			return
		}
		got, err := io.ReadAll(x)
		if most > 0 && int64(len(got)) > most {
			t.Errorf("%d bytes, %d are allowed", len(got), most)
		}
		if err != nil {
			return
		}
		z, err := std.NewReader(bytes.NewReader(in))
		if err != nil {
			return
		}
		z.Multistream(false)
		if want, err := io.ReadAll(z); err == nil && !bytes.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	})
}
