package cache

import (
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// parseControl reads Cache-Control and Pragma (ap_cache_control). drop is told
// of each field that no-cache="…" or private="…" names.
func parseControl(cc, pragma string, drop func(field string)) server.CacheControl {
	c := server.CacheControl{Parsed: true, MaxAgeValue: -1, MaxStaleValue: -1, MinFreshValue: -1, SMaxAgeValue: -1}
	if pragma != "" {
		c.Pragma = true
		for _, w := range splitQuoted(pragma) {
			if strings.EqualFold(w, "no-cache") {
				c.NoCache = true
			}
		}
	}
	if cc == "" {
		return c
	}
	c.Present = true
	c.NoCache = false // Cache-Control counts, not Pragma
	fields := func(value string) bool {
		named := false
		for _, f := range strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' || r == '\t' }) {
			named = true
			if drop != nil {
				drop(f)
			}
		}
		return named
	}
	for _, word := range splitQuoted(cc) {
		name, value, has := strings.Cut(word, "=")
		value = strings.Trim(strings.TrimSpace(value), `"`)
		number := func() (int64, bool) {
			n, err := strconv.ParseInt(value, 10, 64)
			return n, has && err == nil
		}
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "no-cache":
			if has && fields(value) {
				c.NoCacheFields = true
			} else {
				c.NoCache = true
			}
		case "no-store":
			c.NoStore = true
		case "no-transform":
			c.NoTransform = true
		case "max-age":
			if n, ok := number(); ok {
				c.MaxAge, c.MaxAgeValue = true, n
			}
		case "max-stale":
			if n, ok := number(); ok {
				c.MaxStale, c.MaxStaleValue = true, n
			} else if !has {
				c.MaxStale, c.MaxStaleValue = true, -1
			}
		case "min-fresh":
			if n, ok := number(); ok {
				c.MinFresh, c.MinFreshValue = true, n
			}
		case "must-revalidate":
			c.MustRevalidate = true
		case "only-if-cached":
			c.OnlyIfCached = true
		case "public":
			c.Public = true
		case "private":
			if has && fields(value) {
				c.PrivateFields = true
			} else {
				c.Private = true
			}
		case "proxy-revalidate":
			c.ProxyRevalidate = true
		case "s-maxage":
			if n, ok := number(); ok {
				c.SMaxAge, c.SMaxAgeValue = true, n
			}
		}
	}
	return c
}

// splitQuoted cuts a list at its commas, but not within quotation marks.
func splitQuoted(s string) []string {
	var list []string
	from, quoted := 0, false
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == ',' && !quoted:
			if w := strings.TrimSpace(s[from:i]); w != "" {
				list = append(list, w)
			}
			from = i + 1
		case s[i] == '"':
			quoted = !quoted
		}
	}
	return list
}

// joined are all fields of a name, as one.
func joined(t *server.Fields, name string) string {
	var all []string
	for _, f := range t.All() {
		if strings.EqualFold(f.Name, name) {
			all = append(all, f.Value)
		}
	}
	return strings.Join(all, ", ")
}
