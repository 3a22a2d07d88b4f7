package server

import (
	"reflect"
	"testing"

	"github.com/donjon-httpd/donjon/directives"
)

func TestSelectProtocol(t *testing.T) {
	for _, c := range []struct {
		protocols, offers []string
		clients           bool // ProtocolsHonorOrder Off
		want              string
	}{
		{nil, []string{"h2", "http/1.1"}, false, "http/1.1"},
		{nil, []string{"h2"}, false, ""},
		{[]string{"h2", "http/1.1"}, []string{"http/1.1", "h2"}, false, "h2"},
		{[]string{"h2", "http/1.1"}, []string{"http/1.1", "h2"}, true, "http/1.1"},
		{[]string{"http/1.1", "h2"}, []string{"h2", "http/1.1"}, false, "http/1.1"},
		{[]string{"http/1.1", "h2"}, []string{"h2"}, false, "h2"},
		{[]string{"http/1.1"}, []string{"h2"}, false, ""},
		{[]string{"h2"}, []string{"http/1.1"}, false, ""},
		{[]string{"h2c", "http/1.1"}, []string{"h2c"}, false, ""}, // not proposed here
	} {
		v := &directives.Server{Defaults: &directives.Conf{}}
		conf := CoreServer.EditServer(v)
		conf.Protocols, conf.ProtocolsHonorOrder = c.protocols, directives.Given(!c.clients)
		g := &Generation{wire: &WireProtocol{Propose: func(_ *Conn, _ *Request, _ *directives.Server, offers []string) (list []string) {
			for _, o := range offers {
				if o == "h2" {
					list = append(list, o)
				}
			}
			return list
		}}}
		if got := g.SelectProtocol(&Conn{Gen: g, Server: v}, nil, nil, c.offers); got != c.want {
			t.Errorf("%v of %v: %q, want %q", c.protocols, c.offers, got, c.want)
		}
	}
}

func TestUpgrades(t *testing.T) {
	for _, c := range []struct{ protocols, want []string }{
		{nil, nil}, {[]string{"http/1.1", "h2c"}, nil}, {[]string{"h2c", "http/1.1"}, []string{"h2c"}}, {[]string{"h2", "h2c"}, []string{"h2", "h2c"}},
	} {
		v := &directives.Server{Defaults: &directives.Conf{}}
		CoreServer.EditServer(v).Protocols = c.protocols
		if got := upgrades(&Conn{Server: v}, v); len(got)+len(c.want) > 0 && !reflect.DeepEqual(got, c.want) {
			t.Errorf("%v: %v", c.protocols, got)
		}
	}
}

func TestTokensOf(t *testing.T) {
	for list, want := range map[string][]string{"h2c": {"h2c"}, " websocket , h2c,h2c": {"websocket", "h2c"}, "HTTP/3,": {"HTTP/3"}} {
		if got, problem := tokensOf(list); problem != "" || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %v %s", list, got, problem)
		}
	}
	for _, list := range []string{"a b", "a;q=1", "\x7f"} {
		if _, problem := tokensOf(list); problem == "" {
			t.Errorf("%q is taken", list)
		}
	}
}

func FuzzTokensOf(f *testing.F) {
	f.Add("h2c, websocket")
	f.Fuzz(func(t *testing.T, s string) {
		list, _ := tokensOf(s)
		for _, x := range list {
			if x == "" {
				t.Error("an empty token")
			}
		}
	})
}
