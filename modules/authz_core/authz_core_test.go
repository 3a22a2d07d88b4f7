package authz_core

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

func leaf(result server.AuthzResult) *section {
	return &section{limited: -1, check: func(*server.Request) server.AuthzResult { return result }, name: "x"}
}

func not(s *section) *section { s.negate = true; return s }

func all(list ...*section) *section   { return &section{and: true, limited: -1, children: list} }
func anyOf(list ...*section) *section { return &section{limited: -1, children: list} }

func TestApply(t *testing.T) {
	const (
		yes, no, neutral, needUser = server.AuthzGranted, server.AuthzDenied, server.AuthzNeutral, server.AuthzDeniedNoUser
	)
	limited := leaf(yes)
	limited.limited = server.MethodBit("POST")
	tests := []struct {
		name string
		s    *section
		want server.AuthzResult
	}{
		{"any of both", anyOf(leaf(no), leaf(yes)), yes},
		{"all of both", all(leaf(no), leaf(yes)), no},
		{"denied twice", anyOf(leaf(no), leaf(no)), no},
		{"a user may help", anyOf(leaf(no), leaf(needUser)), needUser},
		{"a user does not help", all(leaf(needUser), leaf(no)), no},
		{"negated grant", all(leaf(yes), not(leaf(yes))), no},
		{"negated refusal grants nothing", all(not(leaf(no))), neutral},
		{"none", all(leaf(yes), not(anyOf(leaf(no), leaf(no)))), yes},
		{"for other methods, in all", all(leaf(yes), limited), yes},
		{"for other methods, in any", anyOf(limited), neutral},
		{"an error ends it", anyOf(leaf(server.AuthzError), leaf(yes)), server.AuthzError},
	}
	v := &directives.Server{Defaults: &directives.Conf{}}
	g := &server.Generation{}
	c := &server.Conn{Gen: g, Server: v, Remote: netip.MustParseAddrPort("192.0.2.7:99")}
	for _, tt := range tests {
		r := g.NewRequest(c, nil, &http.Request{Method: "GET"})
		if got := tt.s.apply(r, true); got != tt.want {
			t.Errorf("%s: %s; want %s", tt.name, got, tt.want)
		}
	}
}

func TestMerge(t *testing.T) {
	base, add := config{root: anyOf(leaf(server.AuthzGranted))}, config{root: anyOf(leaf(server.AuthzDenied))}
	if got := merge(base, add); got.root != add.root {
		t.Error("without AuthMerging the inner section stands alone")
	}
	add.merging = mergeOr
	if got := merge(base, add); got.root.and || len(got.root.children) != 2 {
		t.Errorf("AuthMerging Or: %+v", got.root)
	}
	if got := merge(base, config{forbid: directives.Given(true)}); got.root != base.root || !got.forbid.Else(false) {
		t.Error("a section that only says AuthzSendForbiddenOnFailure keeps what is around it")
	}
}
