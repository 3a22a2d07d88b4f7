package proxy_scgi

import (
	"testing"

	"github.com/donjon-httpd/donjon/server"
)

func TestAppendRequest(t *testing.T) {
	got := string(appendRequest(nil, []server.Field{{Name: "GATEWAY_INTERFACE", Value: "CGI/1.1"}, {Name: "A", Value: "b"}, {Name: "CONTENT_LENGTH", Value: "99"},
		{Name: "SCGI", Value: "0"}, {Name: "E", Value: ""}}, 7))
	want := "31:CONTENT_LENGTH\x007\x00SCGI\x001\x00A\x00b\x00E\x00\x00,"
	if got != want {
		t.Errorf("%q, want %q", got, want)
	}
}
