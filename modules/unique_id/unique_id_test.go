package unique_id

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/donjon-httpd/donjon/server"
)

func TestIdentifier(t *testing.T) {
	if err := seed(nil); err != nil {
		t.Fatal(err)
	}
	id := identifier(0x01020304, 0x1fffe, 0x0a0b0c0d)
	b, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(id) != 27 || len(b) != 20 {
		t.Fatalf("%q: %x, %v", id, b, err)
	}
	if string(b[:4]) != "\x01\x02\x03\x04" || string(b[4:14]) != string(process.root[:]) || string(b[14:16]) != "\xff\xff" && string(b[14:16]) != "\x00\x00" ||
		string(b[16:]) != "\x0a\x0b\x0c\x0d" {
		t.Errorf("%x", b)
	}
}

func TestSet(t *testing.T) {
	first := &server.Request{Request: &http.Request{}, Conn: &server.Conn{ID: 7}}
	second := &server.Request{Request: &http.Request{}, Conn: first.Conn}
	set(first)
	set(second)
	if a, b := first.Env.Get(variable), second.Env.Get(variable); a == "" || a == b {
		t.Errorf("%q, %q", a, b)
	}
	redirected := &server.Request{Request: &http.Request{}, Conn: first.Conn, Prev: first}
	redirected.Env.Set("REDIRECT_UNIQUE_ID", "kept")
	logged := &server.Request{Request: &http.Request{}, Conn: first.Conn, LogID: "logged"}
	set(redirected)
	set(logged)
	if redirected.Env.Get(variable) != "kept" || logged.Env.Get(variable) != "logged" {
		t.Errorf("%q, %q", redirected.Env.Get(variable), logged.Env.Get(variable))
	}
}
