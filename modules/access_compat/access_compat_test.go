package access_compat

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

func TestCheckAccess(t *testing.T) {
	everyone := rule{methods: -1, all: true}
	net, err := server.ParseSubnet("192.0.2.0/24")
	if err != nil {
		t.Fatal(err)
	}
	near := rule{methods: -1, net: &net}
	post := rule{methods: server.MethodBit("POST"), all: true}
	tests := []struct {
		name  string
		order order
		allow []rule
		deny  []rule
		want  server.Status
	}{
		{"nothing said", denyAllow, nil, nil, server.OK},
		{"denied", denyAllow, nil, []rule{everyone}, 403},
		{"denied but allowed", denyAllow, []rule{near}, []rule{everyone}, server.OK},
		{"allow,deny wants an allow", allowDeny, nil, nil, 403},
		{"deny is last", allowDeny, []rule{everyone}, []rule{near}, 403},
		{"mutual failure", mutualFailure, []rule{near}, nil, server.OK},
		{"for another method", denyAllow, nil, []rule{post}, server.OK},
	}
	v := &directives.Server{Defaults: &directives.Conf{}}
	g := &server.Generation{}
	c := &server.Conn{Gen: g, Server: v, Remote: netip.MustParseAddrPort("192.0.2.7:99")}
	for _, tt := range tests {
		conf := &directives.Conf{}
		*slot.EditConf(conf) = config{order: perMethod[order]{{-1, tt.order}}, allows: tt.allow, denies: tt.deny}
		r := g.NewRequest(c, nil, &http.Request{Method: "GET"})
		r.Dir = conf
		if got := checkAccess(r); got != tt.want {
			t.Errorf("%s: %d; want %d", tt.name, got, tt.want)
		}
	}
}
