package headers

import (
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// format is a value with %-items, or an expression.
type format struct {
	parts []part
	expr  *server.Expr
}

// part is a piece of text, or an item when item is not nil.
type part struct {
	text   string
	item   func(r *server.Request, arg string) string
	steady bool // it says the same for an equal request
}

var items = map[byte]func(*server.Request, string) string{
	'D': func(r *server.Request, _ string) string {
		return "D=" + strconv.FormatInt(time.Since(r.Received).Microseconds(), 10)
	},
	't': func(r *server.Request, _ string) string { return "t=" + strconv.FormatInt(r.Received.UnixMicro(), 10) },
	'e': func(r *server.Request, name string) string {
		if v, ok := r.Env.Lookup(name); ok {
			return unwrap(v)
		}
		return "(null)"
	},
	's': tlsVariable,
	'l': func(*server.Request, string) string { return loadAverage() },
	'i': func(*server.Request, string) string {
		_, idle := server.Workload()
		return "i=" + strconv.Itoa(idle)
	},
	'b': func(*server.Request, string) string {
		busy, _ := server.Workload()
		return "b=" + strconv.Itoa(busy)
	},
}

// tlsVariable is a variable of mod_ssl, "(null)" on a plain connection.
func tlsVariable(r *server.Request, name string) string {
	r.Unrepeatable()
	if v := r.TLSVariable(name); v != "" {
		return unwrap(v)
	}
	return "(null)"
}

func loadAverage() string {
	var info syscall.Sysinfo_t
	if err := syscall.Sysinfo(&info); err != nil {
		return "l=-1.00/-1.00/-1.00"
	}
	const scale = 1 << 16 // SI_LOAD_SHIFT
	return fmt.Sprintf("l=%.2f/%.2f/%.2f", float64(info.Loads[0])/scale, float64(info.Loads[1])/scale, float64(info.Loads[2])/scale)
}

// unwrap keeps a value on one line.
func unwrap(s string) string {
	if !strings.ContainsAny(s, "\r\n") {
		return s
	}
	return strings.NewReplacer("\r", " ", "\n", " ").Replace(s)
}

// parse reads a value as the configuration gives it.
func (f *format) parse(cmd *directives.Cmd, s string) error {
	if text, ok := strings.CutPrefix(s, "expr="); ok {
		e, err := server.CompileExprFor(cmd, text, server.ExprString)
		if err != nil {
			return fmt.Errorf("Can't parse value expression : %w", err)
		}
		f.expr = e
		return nil
	}
	return f.parseItems(s)
}

func (f *format) parseItems(s string) error {
	for s != "" {
		if s[0] != '%' {
			end := strings.IndexByte(s, '%')
			if end < 0 {
				end = len(s)
			}
			f.parts = append(f.parts, part{text: unescape(s[:end])})
			s = s[end:]
			continue
		}
		if s = s[1:]; s == "" || s[0] == '%' {
			f.parts = append(f.parts, part{text: "%"})
			s = strings.TrimPrefix(s, "%")
			continue
		}
		arg := ""
		if s[0] == '{' {
			var found bool
			if arg, s, found = strings.Cut(s[1:], "}"); found {
				s = strings.TrimLeft(s, "}")
			}
		}
		if s == "" {
			return fmt.Errorf("Unrecognized header format %%")
		}
		item := items[s[0]]
		if item == nil {
			return fmt.Errorf("Unrecognized header format %%%c", s[0])
		}
		f.parts = append(f.parts, part{text: arg, item: item, steady: s[0] == 'e'})
		s = s[1:]
	}
	return nil
}

var escapes = strings.NewReplacer(`\\`, `\`, `\r`, "\r", `\n`, "\n", `\t`, "\t")

func unescape(s string) string { return escapes.Replace(s) }

// make gives the value for a request (process_tags).
func (f *format) make(r *server.Request) string {
	if f.expr != nil {
		s, err := f.expr.Eval(r)
		if err != nil {
			elog.Error(r).Msgf("AH02557: Can't evaluate value expression: %s", err)
			return ""
		}
		return s
	}
	if len(f.parts) == 1 && f.parts[0].item == nil {
		return f.parts[0].text
	}
	var b strings.Builder
	for _, p := range f.parts {
		if p.item != nil {
			if !p.steady {
				r.Unrepeatable()
			}
			b.WriteString(p.item(r, p.text))
		} else {
			b.WriteString(p.text)
		}
	}
	return b.String()
}
