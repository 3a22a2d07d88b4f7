package speling

import "strings"

// reason is how a name differs from the one that was asked for, the least first.
type reason uint8

const (
	miscapitalized reason = iota + 1
	transposition
	missingChar
	extraChar
	simpleTypo
	veryDifferent // only what stands before the first dot is the same
)

func (q reason) String() string {
	return [...]string{"identical", "miscapitalized", "transposed characters", "character missing", "extra character",
		"mistyped character", "common basename"}[q]
}

// distance compares the name that was asked for with that of a file, letters in
// any case: one error is forgiven, two are not (spdist).
func distance(asked, file string) reason {
	for asked != "" && file != "" && lower(asked[0]) == lower(file[0]) {
		asked, file = asked[1:], file[1:]
	}
	if asked == "" && file == "" {
		return miscapitalized
	}
	if asked != "" {
		if file != "" {
			if len(asked) > 1 && len(file) > 1 && lower(asked[0]) == lower(file[1]) && lower(file[0]) == lower(asked[1]) &&
				strings.EqualFold(asked[2:], file[2:]) {
				return transposition
			}
			if strings.EqualFold(asked[1:], file[1:]) {
				return simpleTypo
			}
		}
		if strings.EqualFold(asked[1:], file) {
			return extraChar
		}
	}
	if file != "" && strings.EqualFold(asked, file[1:]) {
		return missingChar
	}
	return veryDifferent
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// compare tells whether a file may have been meant, and how it differs.
func (c *config) compare(asked, file string) (q reason, meant bool) {
	if strings.EqualFold(asked, file) {
		return miscapitalized, true
	}
	if !c.caseOnly {
		if q := distance(asked, file); q != veryDifferent {
			return q, true
		}
	}
	base, _, _ := strings.Cut(asked, ".")
	other, _, _ := strings.Cut(file, ".")
	return veryDifferent, !c.noBase && strings.EqualFold(base, other)
}
