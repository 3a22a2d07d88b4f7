package server

import (
	"net/netip"
	"testing"
)

func TestSubnet(t *testing.T) {
	tests := []struct {
		net, addr string
		want      bool
	}{
		{"127.0.0.1", "127.0.0.1", true},
		{"127.0.0.1", "127.0.0.2", false},
		{"10.1", "10.1.2.3", true},
		{"10.1", "10.2.2.3", false},
		{"10.", "10.2.2.3", true},
		{"10.0.0.0/8", "10.9.9.9", true},
		{"10.0.0.0/255.255.0.0", "10.0.9.9", true},
		{"10.0.0.0/255.255.0.0", "10.1.9.9", false},
		{"192.168.1.77/24", "192.168.1.2", true},
		{"2001:db8::/32", "2001:db8:1::1", true},
		{"2001:db8::/32", "2001:db9::1", false},
		{"127.0.0.1", "::ffff:127.0.0.1", true},
		{"::1", "::1", true},
		{"::1", "127.0.0.1", false},
	}
	for _, tt := range tests {
		n, err := ParseSubnet(tt.net)
		if err != nil {
			t.Errorf("ParseSubnet(%q): %v", tt.net, err)
			continue
		}
		if got := n.Contains(netip.MustParseAddr(tt.addr)); got != tt.want {
			t.Errorf("%s contains %s = %v", tt.net, tt.addr, got)
		}
	}
	for text, want := range map[string]error{
		"example.org": ErrNotSubnet, "10.1.2.3.4": ErrNotSubnet, "256.1": ErrNotSubnet, "": ErrNotSubnet,
		"10.0.0.0/33": ErrBadMask, "10.0.0.0/x": ErrBadMask, "10.1/16": ErrNotSubnet,
	} {
		if _, err := ParseSubnet(text); err != want {
			t.Errorf("ParseSubnet(%q): %v, want %v", text, err, want)
		}
	}
}

func TestInDomain(t *testing.T) {
	tests := []struct {
		domain, host string
		want         bool
	}{
		{"good.com", "good.com", true},
		{"good.com", "www.GOOD.com", true},
		{"good.com", "nogood.com", false},
		{".good.com", "www.good.com", true},
		{".good.com", "good.com", false},
		{"www.good.com", "good.com", false},
	}
	for _, tt := range tests {
		if got := InDomain(tt.domain, tt.host); got != tt.want {
			t.Errorf("InDomain(%q, %q) = %v", tt.domain, tt.host, got)
		}
	}
}
