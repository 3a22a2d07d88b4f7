package imagemap

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClick(t *testing.T) {
	for args, want := range map[string]place{
		"1,2": {point{1, 2}, true}, "x=1.5,y=2e1": {point{1.5, 20}, true}, "0,0": {point{0, 0}, false},
		"": {point{-1, -1}, false}, "5": {point{5, -1}, false}, ",5": {point{-1, 5}, false}, "0,1": {point{0, 1}, true},
	} {
		if got := click(args); got != want {
			t.Errorf("%q: %+v, want %+v", args, got, want)
		}
	}
}

func TestVertices(t *testing.T) {
	type got struct {
		Points []point
		Rest   string
	}
	for in, want := range map[string]got{
		"1,2 3,4":    {[]point{{1, 2}, {3, 4}}, ""},
		`1 2 "text"`: {[]point{{1, 2}}, ` "text"`},
		"":           {nil, ""},
		"1":          {nil, "1"},
		"1,x":        {nil, "1,x"},
	} {
		points, rest := vertices(in)
		if d := cmp.Diff(want, got{points, rest}, cmp.AllowUnexported(point{})); d != "" {
			t.Errorf("%q (-want +got):\n%s", in, d)
		}
	}
}

func TestShapes(t *testing.T) {
	square := []point{{0, 0}, {10, 0}, {10, 10}, {0, 10}}
	for _, tc := range []struct {
		p                  point
		rect, circle, poly bool
	}{
		{point{5, 5}, true, true, true},
		{point{0, 10}, true, true, true},
		{point{12, 0}, false, false, false},
		{point{10, 0}, true, true, true},
		{point{-5, 0}, false, true, false},
	} {
		got := [3]bool{tc.p.inRect([]point{{10, 10}, {0, 0}}), tc.p.inCircle([]point{{0, 0}, {10, 0.5}}), tc.p.inPolygon(square)}
		want := [3]bool{tc.rect, tc.circle, tc.poly}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%v (-want +got):\n%s", tc.p, d)
		}
	}
}

// FuzzMap: a line that is read in parts loses nothing of what it has in front.
func FuzzMap(f *testing.F) {
	f.Add(`"label" 1,2 3.5,4`)
	f.Fuzz(func(t *testing.T, s string) {
		text, rest, ok := quoted(s)
		if ok && len(text)+len(rest) >= len(s) || !ok && rest != s {
			t.Errorf("%q: %q and %q", s, text, rest)
		}
		points, rest := vertices(s)
		if len(points) > maxVertices || len(rest) > len(s) {
			t.Errorf("%q: %v, %q", s, points, rest)
		}
		click(s)
		for range lines(s) {
		}
	})
}
