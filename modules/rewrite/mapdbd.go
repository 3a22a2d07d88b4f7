package rewrite

import (
	"errors"
	"math/rand/v2"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// addDBD makes a map that asks a database. Its query is prepared under the name
// of the map.
func (c *serverConfig) addDBD(cmd *directives.Cmd, m *rewriteMap, kind mapKind, query string) error {
	if !server.HasDBD(cmd) {
		return &directives.Hinted{Err: errors.New("RewriteMap types dbd and fastdbd require mod_dbd!"),
			Hint: "LoadModule dbd_module modules/mod_dbd.so brings it"}
	}
	m.kind = kind
	server.PrepareNamedDBD(cmd, query, m.name)
	c.maps = directives.Overlay(c.maps, map[string]*rewriteMap{m.name: m})
	return nil
}

// maxDBDWords bounds what a fastdbd map remembers.
const maxDBDWords = 10000

// lookupDBD asks a map of a database; a fastdbd map remembers the answers as long
// as its generation serves, as Apache does.
func (c *context) lookupDBD(m *rewriteMap, key string) (string, bool) {
	c.r.Unrepeatable()
	if m.kind == dbdMap {
		v, ok := c.askDBD(m, key)
		if ok {
			c.trace(5, "", "SQL map lookup OK: map %s key=%s, val=%s", m.name, key, v)
		} else {
			c.trace(5, "", "SQL map lookup FAILED: map %s key=%s", m.name, key)
		}
		return v, ok
	}
	m.mu.Lock()
	var v string
	var ok bool
	if m.table != nil {
		v, ok = m.table.words[key]
	}
	m.mu.Unlock()
	if ok {
		c.trace(5, "", "cache lookup OK: map=%s[SQL] key=%s, val=%s", m.name, key, v)
		return v, v != ""
	}
	c.trace(6, "", "cache lookup FAILED, forcing new map lookup")
	if v, ok = c.askDBD(m, key); !ok {
		c.trace(5, "", "SQL map lookup FAILED: map %s key=%s", m.name, key)
		v = "" // which is remembered too
	} else {
		c.trace(5, "", "SQL map lookup OK: map %s key=%s, val=%s", m.name, key, v)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.table == nil || len(m.table.words) >= maxDBDWords {
		m.table = &table{words: map[string]string{}}
	}
	m.table.words[key] = v
	return v, v != ""
}

// askDBD takes the first column of the row that is found; of several one by
// chance (lookup_map_dbd).
func (c *context) askDBD(m *rewriteMap, key string) (string, bool) {
	db := c.r.DBD()
	if db == nil {
		elog.Error(c.r).Msg("AH02963: rewritemap: No db handle available! Check your database access")
		return "", false
	}
	rows, err := db.Select(m.name, key)
	if err != nil {
		elog.Error(c.r).Msgf("AH00657: rewritemap: error %s querying for %s", err, key)
		return "", false
	}
	n := len(rows.Rows)
	if n == 0 {
		return "", false
	}
	v := rows.Rows[0][0]
	if n > 1 {
		v = rows.Rows[rand.IntN(n)][0]
		c.trace(3, "", "Multiple values found for %s", key)
	}
	return v.Text, v.Valid
}
