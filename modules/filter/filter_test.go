package filter

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestEditChain(t *testing.T) {
	for _, tc := range []struct{ base, add, want []string }{
		{nil, []string{"a", "+b", "@c"}, []string{"c", "a", "b"}},
		{nil, []string{"a", "b", "a", "-A"}, []string{"b", "a"}},
		{nil, []string{"b", "a", "c", "a", "-a"}, []string{"b", "c"}},
		{nil, []string{"a", "-a"}, nil},
		{nil, []string{"-a"}, nil},
		{[]string{"a"}, []string{"b"}, []string{"a", "b"}},
		{[]string{"a"}, []string{"-a"}, []string{"a"}},
		{[]string{"a"}, []string{"!"}, nil},
		{[]string{"a"}, []string{"=b", "c"}, []string{"b", "c"}},
		{[]string{"=a", "b"}, []string{"@c"}, []string{"a", "b", "c"}},
		{[]string{"a"}, []string{"=b", "@c"}, []string{"b"}},
	} {
		var base, add config
		for _, w := range tc.base {
			base.editChain(nil, w)
		}
		for _, w := range tc.add {
			add.editChain(nil, w)
		}
		m := merge(base, add)
		if d := cmp.Diff(tc.want, m.chain[lastReset(m.chain)+1:], cmpopts.EquateEmpty()); d != "" {
			t.Errorf("%v, %v (-want +got):\n%s", tc.base, tc.add, d)
		}
	}
}

func TestParseProtocol(t *testing.T) {
	for words, want := range map[string]protocol{
		"change=yes":                      changes | changesLength,
		"Change=1:1; proxy=transform":     changes | transforms,
		"change=yes,change=no cache=no":   noCache,
		"byteranges=no,proxy=no,whatever": noByteRange | noProxy,
		"":                                0,
	} {
		if got := parseProtocol(words); got != want {
			t.Errorf("%q: %b, want %b", words, got, want)
		}
	}
}
