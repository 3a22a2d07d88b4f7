package dav_fs

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/donjon-httpd/donjon/fixroot"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/dbm"
)

func lockOn(f *lockFile) *lockDB { return &lockDB{file: f, use: server.DavLockChange} }

func resourceAt(dir, name string) *server.DavResource {
	return &server.DavResource{Path: filepath.Join(dir, name), URI: "/" + name, Exists: true}
}

func TestLocks(t *testing.T) {
	dir := t.TempDir()
	f := &lockFile{path: filepath.Join(dir, "db")}
	coll, member := resourceAt(dir, "c"), resourceAt(dir, "c/m")
	a := &server.DavLock{Direct: true, Scope: server.DavShared, Type: 1, Infinite: true, Owner: "<o/>", User: "ann", Token: server.NewDavToken()}
	b := &server.DavLock{Direct: true, Scope: server.DavShared, Type: 1, Token: server.NewDavToken(), Expires: time.Now().Unix() + 100}
	db := lockOn(f)
	must := func(err *server.DavError) {
		t.Helper()
		if err != nil {
			t.Fatal(err.Text, err.Cause)
		}
	}
	must(db.Append(coll, false, []*server.DavLock{a}))
	must(db.Append(coll, false, []*server.DavLock{b}))
	must(db.Append(member, true, []*server.DavLock{a}))
	must(db.Close())

	tokens := func(res *server.DavResource) (list []server.DavToken) {
		t.Helper()
		db := &lockDB{file: f, use: server.DavLockRead}
		locks, err := db.Locks(res, true)
		must(err)
		for _, l := range locks {
			list = append(list, l.Token)
			if l.Token == a.Token && (l.Owner != a.Owner || l.User != "ann" || !l.Infinite || l.Direct != (res == coll)) {
				t.Errorf("%+v", l)
			}
		}
		return list
	}
	if got := tokens(coll); !reflect.DeepEqual(got, []server.DavToken{b.Token, a.Token}) {
		t.Errorf("of the collection: %v", got)
	}
	if got := tokens(member); !reflect.DeepEqual(got, []server.DavToken{a.Token}) {
		t.Errorf("of the member: %v", got)
	}
	db = lockOn(f)
	locks, err := db.Refresh(member, []server.DavToken{a.Token}, time.Now().Unix()+500)
	must(err)
	if len(locks) != 1 || locks[0].Expires == 0 {
		t.Errorf("refreshed: %v", locks)
	}
	must(db.Remove(coll, &a.Token))
	must(db.Close())
	if got := tokens(member); got != nil { // what it comes from is gone
		t.Errorf("left: %v", got)
	}
}

// A lock that has expired is gone, and with it a resource that was nothing else.
func TestExpired(t *testing.T) {
	dir := t.TempDir()
	f := &lockFile{path: filepath.Join(dir, "db")}
	null := resourceAt(dir, "n")
	null.Exists = false
	db := lockOn(f)
	if err := db.Append(null, false, []*server.DavLock{{Direct: true, Expires: time.Now().Unix() - 1}}); err != nil {
		t.Fatal(err.Text)
	}
	if names, _ := nullMembers(dir); len(names) != 1 {
		t.Fatal(names)
	}
	if locks, err := db.Locks(null, true); err != nil || len(locks) != 0 {
		t.Error(locks, err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err.Text)
	}
	if names, _ := nullMembers(dir); len(names) != 0 {
		t.Error(names)
	}
}

// What has expired goes when others are changed, and the list of names with it.
func TestPrune(t *testing.T) {
	dir := t.TempDir()
	f := &lockFile{path: filepath.Join(dir, "db")}
	f.pruned.Store(time.Now().Unix())
	for _, name := range []string{"a", "a", "b"} {
		db := lockOn(f)
		null := resourceAt(dir, name)
		null.Exists = false
		l := &server.DavLock{Direct: true, Scope: server.DavShared, Expires: time.Now().Unix() - 5}
		if err := db.Append(null, false, []*server.DavLock{l}); err != nil {
			t.Fatal(err.Text)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err.Text)
		}
	}
	if names, _ := nullMembers(dir); !reflect.DeepEqual(names, []string{"a", "b"}) {
		t.Errorf("before: %q", names)
	}
	f.pruned.Store(0)
	db := lockOn(f)
	if err := db.Append(resourceAt(dir, "c"), false, []*server.DavLock{{Direct: true}}); err != nil {
		t.Fatal(err.Text)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err.Text)
	}
	names, _ := nullMembers(dir)
	if pairs, err := f.content(); err != nil || len(pairs) != 1 || len(names) != 0 {
		t.Errorf("left: %d records, %q, %v", len(pairs), names, err)
	}
}

// Changes by several at once do not overwrite one another, by name or through a
// file that was opened before.
func TestLockFileAtOnce(t *testing.T) {
	for _, outside := range []bool{false, true} {
		dir := t.TempDir()
		files := make([]*lockFile, 3)
		for i := range files {
			files[i] = &lockFile{path: filepath.Join(dir, "db"), real: filepath.Join(dir, "db")}
			if !outside {
				continue
			}
			files[i].path = "/nowhere/db"
			if files[i].openOutside(fixroot.New(t.TempDir(), true)); files[i].outside == nil {
				t.Fatal("not opened")
			}
		}
		var wg sync.WaitGroup
		for i := range 30 {
			wg.Add(1)
			go func() {
				defer wg.Done()
				db := lockOn(files[i%3])
				res := resourceAt(dir, strings.Repeat("x", i+1))
				if err := db.Append(res, false, []*server.DavLock{{Direct: true, Token: server.NewDavToken()}}); err != nil {
					t.Error(err.Text, err.Cause)
				}
				if err := db.Close(); err != nil {
					t.Error(err.Text, err.Cause)
				}
			}()
		}
		wg.Wait()
		if pairs, err := files[0].content(); err != nil || len(pairs) != 30 {
			t.Errorf("outside %v: %d records, %v", outside, len(pairs), err)
		}
	}
}

// A directory that is not ours: the file itself is written.
func TestLockFileInPlace(t *testing.T) {
	if os.Getuid() == 0 {
		t.Skip("root may write anywhere")
	}
	dir := t.TempDir()
	name := filepath.Join(dir, "db")
	if err := os.WriteFile(name, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	defer os.Chmod(dir, 0o700) //nolint:errcheck // of a temporary folder
	f := &lockFile{path: name}
	db := lockOn(f)
	if err := db.Append(resourceAt(dir, "a"), false, []*server.DavLock{{Direct: true}}); err != nil {
		t.Fatal(err.Text)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err.Text, err.Cause)
	}
	if pairs, err := f.content(); err != nil || len(pairs) != 1 {
		t.Errorf("%d records, %v", len(pairs), err)
	}
}

func TestNotADatabase(t *testing.T) {
	name := filepath.Join(t.TempDir(), "db")
	if err := os.WriteFile(name, []byte("root:x:0:0"), 0o600); err != nil {
		t.Fatal(err)
	}
	db := &lockDB{file: &lockFile{path: name}, use: server.DavLockCheck}
	if _, err := db.Locks(resourceAt("/", "a"), true); err == nil || err.ID != server.DavErrLockOpenDB {
		t.Error(err)
	}
}

// The record is the one that Apache 2.4.71 wrote for a lock (x86-64).
func TestRecordOfApache(t *testing.T) {
	raw := "\x01\x02\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00" +
		"\xc3\x95\xdb\xaf\xc4\x33\x42\x42\xb4\x0a\x48\x04\xcc\x7f\x70\x10<ns0:owner/>\x00\x00"
	r, stale, err := parseRecord("k", raw)
	if err != nil || stale || len(r.direct) != 1 {
		t.Fatal(r, stale, err)
	}
	l := r.direct[0]
	if l.Scope != server.DavShared || l.Type != 1 || l.Infinite || l.Owner != "<ns0:owner/>" ||
		l.Token.String() != "opaquelocktoken:c395dbaf-c433-4242-b40a-4804cc7f7010" {
		t.Errorf("%+v", l)
	}
	if r.format() != raw {
		t.Errorf("written: %q", r.format())
	}
}

func FuzzParseRecord(f *testing.F) {
	r := lockRecord{direct: []*server.DavLock{{Owner: "<o/>", User: "u", Infinite: true}}, indirect: []indirectLock{{key: "\x0b/x\x00"}}}
	f.Add(r.format())
	f.Fuzz(func(t *testing.T, s string) {
		r, stale, err := parseRecord("k", s)
		if err != nil || stale {
			return
		}
		again, _, err := parseRecord("k", r.format())
		if err != nil || len(again.direct) != len(r.direct) || len(again.indirect) != len(r.indirect) {
			t.Fatalf("%q became %q: %v", s, r.format(), err)
		}
	})
}

func FuzzParseNull(f *testing.F) {
	f.Add("a\x00b\x00")
	f.Fuzz(func(t *testing.T, s string) {
		for _, name := range parseNull(s) {
			if name == "" || name == ".." || strings.ContainsAny(name, "/\x00") {
				t.Fatalf("%q: %q", s, name)
			}
		}
	})
}

func TestProperties(t *testing.T) {
	dir := t.TempDir()
	res := resourceAt(dir, "f")
	store := propertyStore{}
	if db, err := store.Read(res); db != nil || err != nil {
		t.Fatal(db, err)
	}
	db, err := store.Write(res)
	if err != nil {
		t.Fatal(err.Text)
	}
	if numbers, err := db.Map([]string{"DAV:", "u:x", "DAV:"}); err != nil || !reflect.DeepEqual(numbers, []int{0, 1, 0}) {
		t.Error(numbers, err)
	}
	one, none := server.DavName{Space: "u:x", Name: "one"}, server.DavName{Name: "none"}
	db.Set(one, "de", "<ns1:a/>")
	db.Set(none, "", "")
	db.Set(server.DavName{Space: "u:unknown", Name: "x"}, "", "lost")
	if err := db.Close(true); err != nil {
		t.Fatal(err.Text)
	}
	db, err = store.Read(res)
	if err != nil || db == nil {
		t.Fatal(err)
	}
	if lang, value, ok := db.Get(one); !ok || lang != "de" || value != "<ns1:a/>" {
		t.Error(lang, value, ok)
	}
	if len(db.Names()) != 2 || !reflect.DeepEqual(db.Spaces(), []string{"DAV:", "u:x"}) {
		t.Error(db.Names(), db.Spaces())
	}
	db, _ = store.Write(res)
	db.Delete(one)
	if err := db.Close(false); err != nil {
		t.Fatal(err.Text)
	}
	if db, _ = store.Read(res); len(db.Names()) != 2 {
		t.Error("what was not committed is gone")
	}
}

func FuzzPropertyDB(f *testing.F) {
	f.Add("\x04\x00\x00\x02DAV:\x00u:x\x00", "1:a\x00", "de\x00v\x00")
	f.Add("\x04\x00\xff\xff", "9:a", "")
	f.Fuzz(func(t *testing.T, meta, key, value string) {
		db, err := newPropertyDB(map[string]string{metaKey: meta, key: value})
		if err != nil {
			return
		}
		for _, name := range db.Names() {
			db.Get(name)
		}
	})
}

func FuzzParseFile(f *testing.F) {
	b, _ := dbm.FormatDB(map[string]string{"0:a\x00": "\x00v\x00"})
	f.Add(string(b))
	f.Fuzz(func(t *testing.T, s string) {
		parseFile(strings.NewReader(s), int64(len(s))) //nolint:errcheck // it must not panic
	})
}

func TestFilesCopiedAndMoved(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("c/f", "1")
	write("c/.DAV/f", "p")
	write("c/.DAV/.locknull", "n\x00")
	write("c/.davfs.tmp1", "half")
	if err := os.Symlink("f", filepath.Join(dir, "c/link")); err != nil {
		t.Fatal(err)
	}
	repo := repository{}
	from, to := resourceAt(dir, "c"), resourceAt(dir, "d")
	from.Collection, to.Exists = true, false
	if _, err := repo.Copy(from, to, server.DavInfinity); err != nil {
		t.Fatal(err.Text, err.Cause)
	}
	var found []string
	filepath.WalkDir(to.Path, func(p string, _ os.DirEntry, err error) error { //nolint:errcheck // names are compared
		found = append(found, strings.TrimPrefix(p, to.Path))
		return err
	})
	if want := []string{"", "/.DAV", "/.DAV/f", "/f"}; !reflect.DeepEqual(found, want) {
		t.Errorf("copied: %q", found)
	}
	list, err := repo.Remove(from) // a link stays, and the directory with it
	if err == nil || err.Status != 207 || len(list) != 1 || list[0].Href != "/c" {
		t.Error(list, err)
	}
	if list, err := repo.Remove(to); err != nil || to.Exists {
		t.Error(list, err)
	}
}
