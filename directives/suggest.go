package directives

import (
	"fmt"
	"strings"
)

func lower(s string) string { return strings.ToLower(s) }

// suggest is advice for an unknown name: the module to load, or the closest
// known name, or "".
func (s *Set) suggest(name string, section bool) string {
	key := lower(name)
	if section {
		key = "<" + key
	}
	if h := s.Hints[key]; h != "" {
		return h
	}
	best, bestDist := "", 3
	s.Each(func(r *Row) {
		known, isSection := strings.CutPrefix(r.Name, "<")
		if isSection != section || len(known) < 4 {
			return
		}
		if d := distance(lower(known), lower(name), bestDist); d < bestDist {
			best, bestDist = r.Name+gt(r.Name), d
		}
	})
	if best == "" {
		if s.Advice != nil {
			return s.Advice(key)
		}
		return ""
	}
	return fmt.Sprintf("did you mean %s?", best)
}

// distance is the Levenshtein distance of a and b, or limit if it is not below it.
func distance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diag := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diag
			if a[i-1] != b[j-1] {
				cost++
			}
			diag = row[j]
			row[j] = min(cost, row[j]+1, row[j-1]+1)
		}
	}
	return min(row[len(b)], limit)
}
