package server

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// TestInputOrder: the filter of the lowest level is nearest to the handler; of
// two of one level, the first. A filter may go while it is read.
func TestInputOrder(t *testing.T) {
	mark := func(name string, level FilterLevel) *InputFilter {
		return &InputFilter{Name: name, Level: level, Read: func(l *InputLink, p []byte) (int, error) {
			n, err := l.Read(p[:max(len(p)-len(name), 0)])
			if n > 0 {
				n += copy(p[n:], name)
				l.Remove()
			}
			return n, err
		}}
	}
	r := &Request{Request: &http.Request{Body: io.NopCloser(strings.NewReader("body"))}}
	r.AddInputFilter(mark("-set", ContentSetLevel))
	r.AddInputFilter(mark("-first", ResourceLevel))
	r.AddInputFilter(mark("-second", ResourceLevel))
	r.AddInputFilter(mark("-protocol", ProtocolLevel))
	got, err := io.ReadAll(r.Body)
	if want := "body-protocol-set-second-first"; string(got) != want || err != nil {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
	if raw, _ := io.ReadAll(r.rawBody()); len(raw) != 0 {
		t.Errorf("%q is left", raw)
	}
}

func TestBodyFailed(t *testing.T) {
	for _, tc := range []struct {
		err        error
		want       Status
		lengthless bool
	}{
		{io.ErrUnexpectedEOF, 400, true},
		{&BodyError{Status: 413}, 413, false},
		{&BodyError{Status: 413, AsBucket: true}, 413, true},
	} {
		r := &Request{Conn: &Conn{}}
		if got := r.BodyFailed(tc.err); got != tc.want || r.lengthless != tc.lengthless {
			t.Errorf("%v: %d, %v", tc.err, got, r.lengthless)
		}
	}
}
