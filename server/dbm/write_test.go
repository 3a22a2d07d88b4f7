package dbm

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func written(n, length int) map[string]string {
	pairs := map[string]string{}
	for i := range n {
		pairs["key "+strconv.Itoa(i)] = strings.Repeat(strconv.Itoa(i%10), length)
	}
	return pairs
}

// What is written is read again, and Berkeley DB's own db_verify, where it is
// installed, finds no fault.
func TestFormatDB(t *testing.T) {
	for name, pairs := range map[string]map[string]string{
		"none": {}, "one": {"a": ""}, "few": written(5, 20), "many": written(3000, 50),
		"long": written(3, 50000), "middle": written(40, 1000), "long key": {strings.Repeat("k", 9000): "v", "": "empty"},
	} {
		b, err := FormatDB(pairs)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if got, err := DB.Parse(b); err != nil || !maps.Equal(got, pairs) {
			t.Errorf("%s: read again: %v", name, err)
		}
		if keys := KeysDB(pairs); len(keys) != len(pairs) {
			t.Errorf("%s: %d keys of %d", name, len(keys), len(pairs))
		}
		verify, err := exec.LookPath("db5.3_verify")
		if err != nil {
			continue
		}
		file := filepath.Join(t.TempDir(), "x.db")
		if err := os.WriteFile(file, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.Command(verify, file).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}

// The order is the one that Apache 2.4.71 lists dead properties in.
func TestKeysDB(t *testing.T) {
	pairs := map[string]string{"2:one\x00": "", ":none\x00": "", "0:displayname\x00": "", "1:two\x00": "", "2:empty\x00": "", "METADATA": ""}
	got := strings.ReplaceAll(strings.Join(KeysDB(pairs), " "), "\x00", "")
	if want := "2:one :none 0:displayname 1:two 2:empty METADATA"; got != want {
		t.Errorf("%s; want %s", got, want)
	}
}

func FuzzFormatDB(f *testing.F) {
	f.Add("a", "b", "c", strings.Repeat("d", 5000), uint8(9))
	f.Fuzz(func(t *testing.T, k1, v1, k2, v2 string, n uint8) {
		pairs := written(int(n), 40)
		pairs[k1], pairs[k2] = v1, v2
		b, err := FormatDB(pairs)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := DB.Parse(b); err != nil || !maps.Equal(got, pairs) {
			t.Fatalf("read again: %v", err)
		}
	})
}
