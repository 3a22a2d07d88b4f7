package autoindex

import (
	"cmp"
	"strings"
)

// The keys and directions of C= and O=.
const (
	keyName        byte = 'N'
	keyModified    byte = 'M'
	keySize        byte = 'S'
	keyDescription byte = 'D'

	ascending  byte = 'A'
	descending byte = 'D'
)

// order compares entries as dsortf does.
type order struct {
	key        byte
	descending bool
	version    bool // VersionSort: numbers in names count as numbers
	ignoreCase bool
}

func (o order) compare(a, b *entry) int {
	switch {
	case a.parent:
		return -1
	case b.parent:
		return 1
	case a.folder != b.folder:
		if a.folder {
			return -1
		}
		return 1
	}
	if o.descending {
		a, b = b, a
	}
	n := 0
	switch o.key {
	case keyModified:
		n = a.modified.Compare(b.modified)
	case keySize:
		n = cmp.Compare(a.size, b.size)
	case keyDescription:
		if o.version {
			n = natural(a.desc, b.desc, false)
		} else {
			n = strings.Compare(a.desc, b.desc)
		}
	}
	if n != 0 {
		return n
	}
	if o.version {
		if o.ignoreCase {
			n = natural(a.name, b.name, true)
		}
		if n == 0 {
			n = natural(a.name, b.name, false)
		}
	}
	if n == 0 && o.ignoreCase {
		n = strings.Compare(strings.ToLower(a.name), strings.ToLower(b.name))
	}
	if n == 0 {
		n = strings.Compare(a.name, b.name)
	}
	return n
}

// natural compares strings so that runs of digits count as numbers, or as
// fractions where one begins with 0; white space counts for nothing
// (apr_strnatcmp).
func natural(a, b string, fold bool) int {
	i, j := 0, 0
	for {
		for isSpace(at(a, i)) {
			i++
		}
		for isSpace(at(b, j)) {
			j++
		}
		x, y := at(a, i), at(b, j)
		if isDigit(x) && isDigit(y) {
			run := runs
			if x == '0' || y == '0' {
				run = fractions
			}
			if n := run(a[i:], b[j:]); n != 0 {
				return n
			}
		}
		if x == 0 && y == 0 {
			return 0
		}
		if fold {
			x, y = upper(x), upper(y)
		}
		if n := cmp.Compare(x, y); n != 0 {
			return n
		}
		i, j = i+1, j+1
	}
}

// runs compares numbers: the longer one is greater, else the first difference tells.
func runs(a, b string) int {
	bias := 0
	for i := 0; ; i++ {
		x, y := at(a, i), at(b, i)
		switch {
		case !isDigit(x) && !isDigit(y):
			return bias
		case !isDigit(x):
			return -1
		case !isDigit(y):
			return 1
		case bias == 0:
			bias = cmp.Compare(x, y)
		}
	}
}

// fractions compares digit by digit from the left.
func fractions(a, b string) int {
	for i := 0; ; i++ {
		x, y := at(a, i), at(b, i)
		switch {
		case !isDigit(x) && !isDigit(y):
			return 0
		case !isDigit(x):
			return -1
		case !isDigit(y):
			return 1
		case x != y:
			return cmp.Compare(x, y)
		}
	}
}

// at is the byte at i, 0 behind the end.
func at(s string, i int) byte {
	if i < len(s) {
		return s[i]
	}
	return 0
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}
