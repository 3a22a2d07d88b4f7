package httpdconf

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// IfVersion compares the server's version: <IfVersion [[!]operator] version>,
// with =, ==, >, >=, <, <=, ~ and /regex/.
func IfVersion(r *Reader, n *Node) error {
	if !n.Closed {
		return fmt.Errorf("<%s> directive missing closing '>'", n.Name)
	}
	op, rest := Getword(n.Args)
	arg, _ := Getword(rest)
	if arg == "" {
		op, arg = "=", op
	}
	holds, err := compareVersion(op, arg, r.opt.Version)
	if err != nil {
		return err
	}
	if holds {
		return r.Body(n)
	}
	return r.Skip(n)
}

func compareVersion(op, arg, have string) (bool, error) {
	bad := fmt.Errorf("unrecognized operator '%s'", op)
	o, not := op, false
	if len(o) > 1 && o[0] == '!' {
		o, not = o[1:], true
	}
	orEqual := false
	switch {
	case len(o) == 2 && o[1] == '=' && o[0] != '~':
		orEqual = true
	case len(o) != 1:
		return false, bad
	}
	var holds bool
	switch o[0] {
	case '=':
		if p, ok := strings.CutPrefix(arg, "/"); ok {
			p, ok := strings.CutSuffix(p, "/")
			if !ok {
				return false, errors.New("Missing delimiting / of regular expression.")
			}
			return matchVersion(p, have, not)
		}
		c, err := versionOrder(have, arg)
		if err != nil {
			return false, err
		}
		holds = c == 0
	case '~':
		return matchVersion(arg, have, not)
	case '<', '>':
		c, err := versionOrder(have, arg)
		if err != nil {
			return false, err
		}
		holds = c == 0 && orEqual || c < 0 && o[0] == '<' || c > 0 && o[0] == '>'
	default:
		return false, bad
	}
	return holds != not, nil
}

func matchVersion(pattern, have string, not bool) (bool, error) {
	re, err := regexp.Compile(pattern)
	if err != nil {
		return false, errors.New("Unable to compile regular expression")
	}
	return re.MatchString(have) != not, nil
}

// versionOrder compares have with major[.minor[.patch]].
func versionOrder(have, want string) (int, error) {
	a, _ := parseVersion(have)
	b, ok := parseVersion(want)
	if !ok {
		return 0, errors.New("Version appears to be invalid. It must have the format " +
			"major[.minor[.patch]] where major, minor and patch are numbers.")
	}
	for i := range a {
		if a[i] != b[i] {
			if a[i] < b[i] {
				return -1, nil
			}
			return 1, nil
		}
	}
	return 0, nil
}

func parseVersion(s string) (v [3]int, ok bool) {
	parts := strings.Split(s, ".")
	if len(parts) > 3 {
		return v, false
	}
	for i, p := range parts {
		n, err := strconv.ParseUint(p, 10, 31)
		if err != nil && !(p == "" && i == len(parts)-1 && i > 0) {
			return v, false
		}
		v[i] = int(n)
	}
	return v, true
}
