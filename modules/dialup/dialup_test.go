package dialup

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// client takes a response, and when its pieces came.
type client struct {
	pieces []string
	at     []time.Time
	end    bool
}

func (c *client) Body(_ *server.Request, b *server.Brigade) error {
	text := ""
	for _, k := range b.Buckets {
		p, err := k.Read()
		if err != nil {
			return err
		}
		text += string(p)
	}
	c.pieces, c.at, c.end = append(c.pieces, text), append(c.at, time.Now()), c.end || b.EOS
	return nil
}

func (c *client) Interim(*server.Request, int) error { return nil }
func (c *client) Drop()                              {}

func TestSend(t *testing.T) {
	const pulse = 20 * time.Millisecond
	for text, want := range map[string]string{"abcdefgh": "abc def gh", "abcdef": "abc def", "ab": "ab", "": ""} {
		path := filepath.Join(t.TempDir(), "f")
		os.WriteFile(path, []byte(text), 0o644)
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		c := &client{}
		r := &server.Request{Request: httptest.NewRequest("GET", "/f", nil), Exchange: c, Conn: &server.Conn{}}
		r.Finfo.Size = int64(len(text))
		if s := send(r, f, 3, pulse); s != server.OK || strings.Join(c.pieces, " ") != want || !c.end {
			t.Errorf("%q: %d, %q", text, s, c.pieces)
		}
		for i := 1; i < len(c.at); i++ {
			if d := c.at[i].Sub(c.at[i-1]); d < pulse {
				t.Errorf("%q: piece %d came after %v", text, i, d)
			}
		}
		f.Close()
	}
	f, _ := os.Open(os.DevNull)
	defer f.Close()
	c := &client{}
	r := &server.Request{Request: httptest.NewRequest("HEAD", "/f", nil), Exchange: c, Conn: &server.Conn{}, HeaderOnly: true}
	r.Finfo.Size = 1 << 20
	if begin := time.Now(); send(r, f, 0, time.Hour) != server.OK || time.Since(begin) > time.Minute {
		t.Error("a head takes as long as the body")
	}
}

func TestStandards(t *testing.T) {
	for name, want := range map[string]int64{"V.21": 12, "v.92": 7000, "V.32": 1200, "V.90": 0, "": 0} {
		var c config
		err := setStandard(&c, nil, name)
		if c.speed.Else(0) != want || (err != nil) != (want == 0) || c.enabled() != (want > 0) {
			t.Errorf("%s: %v, %v", name, c, err)
		}
	}
}
