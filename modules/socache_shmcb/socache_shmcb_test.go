package socache_shmcb

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		in   string
		size int64
		err  string
	}{
		{"", defaultSize, ""}, {"/tmp/x", defaultSize, ""}, {"/tmp/x(9000)", 9000, ""}, {"x( 9000)", 9000, ""},
		{"x(9000", 0, "no closing parenthesis"}, {"x9000)", 0, "no opening parenthesis"}, {"x(9k)", 0, "not numerical"},
		{"x()", 0, ">= 8192"}, {"x(8191)", 0, ">= 8192"}, {"x(99999999999)", 0, "< 4294967295 bytes"},
	} {
		size, err := parse(tc.in)
		if size != tc.size || (err == nil) != (tc.err == "") || err != nil && !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%q: %d %v", tc.in, size, err)
		}
	}
}

func TestCache(t *testing.T) {
	c := &cache{room: 1000, objects: map[string]object{}}
	later := time.Now().Add(time.Hour)
	for i := range 100 {
		if err := c.Store(fmt.Sprint(i), "value", later); err != nil {
			t.Fatal(err)
		}
		if v, ok, _ := c.Retrieve(fmt.Sprint(i)); !ok || v != "value" {
			t.Fatalf("%d is not there", i)
		}
	}
	if c.used > c.room || len(c.objects) < 5 {
		t.Errorf("%d bytes, %d objects", c.used, len(c.objects))
	}
	if c.Store("x", strings.Repeat("x", 1000), later) == nil {
		t.Error("an object larger than the cache is stored")
	}
	c.Store("99", "old", time.Now())
	if _, ok, _ := c.Retrieve("99"); ok {
		t.Error("an old object is there")
	}
	for k := range c.objects {
		c.Remove(k)
	}
	if c.used != 0 {
		t.Errorf("%d bytes are used by nothing", c.used)
	}
}
