package program

import "strings"

// shellSpecials are the bytes that mean something to a shell (T_ESCAPE_SHELL_CMD).
const shellSpecials = "&;`'\"|*?~<>^()[]{}$\\\n"

// EscapeShell puts a backslash before what a shell would take for its own
// (ap_escape_shell_cmd).
func EscapeShell(s string) string {
	if !strings.ContainsAny(s, shellSpecials) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if strings.IndexByte(shellSpecials, s[i]) >= 0 {
			b.WriteByte('\\')
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
