package proxy

import (
	"encoding/json"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
)

// persistName is the file below DefaultRuntimeDir that holds what managers have
// changed of balancers with BalancerPersist, from one start of the server to the
// next. A child opens it before its jail closes, and writes to it inside.
const persistName = "proxy-balancers.persist"

// maxPersist bounds what is read of the file.
const maxPersist = 1 << 20

// keptRows are rows that go on from one generation to the next, and by way of
// the file from one start of the server to the next.
type keptRows struct {
	g    *server.Generation
	file *os.File // nil: it could not be opened
	old  map[string][]uint64

	mu   sync.Mutex
	rows map[string]*server.ProxyShared
}

// keep opens the file and reads what it holds.
func keep(g *server.Generation) *keptRows {
	k := &keptRows{g: g, rows: map[string]*server.ProxyShared{}}
	if g.Board == nil {
		return k // the parent, which serves nobody
	}
	path := filepath.Join(server.RuntimeDir(g.Config.Tree), persistName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		elog.Error(nil).Err(server.ErrnoOf(err)).Msgf("changes of balancers will not outlive a stop: %s", path)
		return k
	}
	k.file = f
	text, err := io.ReadAll(io.LimitReader(f, maxPersist))
	if err == nil && len(text) > 0 {
		err = json.Unmarshal(text, &k.old)
	}
	if err != nil {
		elog.Error(nil).Err(err).Msgf("what was kept of balancers cannot be read: %s", path)
	}
	return k
}

func (k *keptRows) Row(name string, init func(*server.ProxyShared)) *server.ProxyShared {
	row := k.g.ProxyShareKept(name, func(s *server.ProxyShared) {
		init(s)
		if words, ok := k.old[name]; ok {
			s.Fill(words)
		}
	})
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rows[name] = row
	return row
}

// Changed writes all rows to the file.
func (k *keptRows) Changed() {
	if k.file == nil {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	all := map[string][]uint64{}
	for _, name := range slices.Sorted(maps.Keys(k.rows)) {
		all[name] = k.rows[name].Dump()
	}
	text, err := json.Marshal(all)
	if err == nil {
		err = k.write(append(text, '\n'))
	}
	if err != nil {
		elog.Error(nil).Err(server.ErrnoOf(err)).Msg("what was changed of balancers cannot be kept")
	}
}

// write puts text into the file, one child after the other.
func (k *keptRows) write(text []byte) error {
	fd := int(k.file.Fd())
	if err := unix.Flock(fd, unix.LOCK_EX); err != nil {
		return err
	}
	defer unix.Flock(fd, unix.LOCK_UN) //nolint:errcheck // ends with the process too
	if err := k.file.Truncate(0); err != nil {
		return err
	}
	_, err := k.file.WriteAt(text, 0)
	return err
}

// saveAll writes what balancers have counted when a child ends.
func saveAll(g *server.Generation) error {
	saved := map[server.ProxyRows]bool{}
	for _, v := range g.Servers() {
		for _, b := range serverSlot.Of(v).Balancers {
			if b.Rows != nil && !saved[b.Rows] {
				saved[b.Rows] = true
				b.Rows.Changed()
			}
		}
	}
	return nil
}
