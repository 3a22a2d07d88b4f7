package server

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDatabaseSocket(t *testing.T) {
	for args, want := range map[string][]string{
		`"host=localhost user=x sock=/run/mysqld/mysqld.sock"`: {"/run/mysqld/mysqld.sock"},
		`'host=/run/postgresql port=5433 dbname=x'`:            {"/run/postgresql/.s.PGSQL.5433"},
		`host=/run/postgresql;user=x`:                          {"/run/postgresql/.s.PGSQL.5432"},
		`"host=db.example user=x sock=relative"`:               nil,
		`"sock=/run/${NAME}"`:                                  nil,
		`/srv/db/users.db`:                                     nil,
	} {
		got := databaseSocket(args)
		if len(got) == 0 {
			got = nil
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", args, diff)
		}
	}
}
