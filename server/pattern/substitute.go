package pattern

import (
	"errors"
	"strings"
)

// MaxSubstitution is the longest result of [Substitute] in bytes
// (AP_PREGSUB_MAXLEN).
const MaxSubstitution = 8 * 1024 * 1024

// Substitute replaces $0 to $9 and & in template by captures, which
// [Regexp.Match] gave; \$ and \& stand for themselves (ap_pregsub). A group that
// does not exist is "".
func Substitute(template string, captures []string) (string, error) {
	if !strings.ContainsAny(template, `$&\`) {
		return template, nil
	}
	var b strings.Builder
	put := func(n int) error {
		if n < len(captures) {
			if b.Len()+len(captures[n]) > MaxSubstitution {
				return errors.New("substitution is too long")
			}
			b.WriteString(captures[n])
		}
		return nil
	}
	for i := 0; i < len(template); i++ {
		c := template[i]
		var err error
		switch {
		case c == '&':
			err = put(0)
		case c == '$' && i+1 < len(template) && template[i+1] >= '0' && template[i+1] <= '9':
			i++
			err = put(int(template[i] - '0'))
		case c == '\\' && i+1 < len(template) && (template[i+1] == '$' || template[i+1] == '&'):
			i++
			b.WriteByte(template[i])
		default:
			b.WriteByte(c)
		}
		if err != nil {
			return "", err
		}
	}
	return b.String(), nil
}
