package server

import (
	"context"
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"strings"
	"time"
)

// Functions and operators of expressions (util_expr_eval.c).

// exprRequestFuncs look at the request.
var exprRequestFuncs = map[string]func(*Request, string) string{
	"req_novary": func(r *Request, name string) string { v, _ := r.FieldIn(name); return v },
	"resp": func(r *Request, name string) string {
		r.DependsOnAnswer(name)
		if v, ok := r.Out.Lookup(name); ok {
			return v
		}
		return r.ErrOut.Get(name)
	},
	"note":   func(r *Request, name string) string { return r.Notes.Get(name) },
	"reqenv": func(r *Request, name string) string { return r.Env.Get(name) },
	"env": func(r *Request, name string) string {
		if v, ok := r.Notes.Lookup(name); ok {
			return v
		}
		if v, ok := r.Env.Lookup(name); ok {
			return v
		}
		return os.Getenv(name)
	},
}

// exprTextFuncs depend on their argument alone, osenv on the process too.
var exprTextFuncs = map[string]func(string) string{
	"osenv":   os.Getenv,
	"tolower": func(s string) string { return mapASCII(s, 'A', 'Z', 'a'-'A') },
	"toupper": func(s string) string { return mapASCII(s, 'a', 'z', 'A'-'a') },
	"escape":  EscapePath,
	"unescape": func(s string) string {
		if out, ok := unescapeKeepSlash(s); ok {
			return out
		}
		return ""
	},
	"base64":   func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) },
	"unbase64": decodeBase64,
	"sha1":     func(s string) string { h := sha1.Sum([]byte(s)); return hex.EncodeToString(h[:]) },
	"md5":      func(s string) string { h := md5.Sum([]byte(s)); return hex.EncodeToString(h[:]) },
	"ldap":     escapeLDAP,
}

func mapASCII(s string, from, to byte, delta int) string {
	b := []byte(s)
	for i, c := range b {
		if c >= from && c <= to {
			b[i] = byte(int(c) + delta)
		}
	}
	return string(b)
}

// unescapeKeepSlash decodes %xx; %2f stays, a bad escape and %00 fail.
func unescapeKeepSlash(s string) (string, bool) {
	if strings.IndexByte(s, '%') < 0 {
		return s, true
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", false
		}
		c, err := hex.DecodeString(s[i+1 : i+3])
		if err != nil || c[0] == 0 {
			return "", false
		}
		if c[0] == '/' {
			b.WriteString(s[i : i+3])
		} else {
			b.WriteByte(c[0])
		}
		i += 2
	}
	return b.String(), true
}

// decodeBase64 reads up to the first character that is not of the alphabet.
func decodeBase64(s string) string {
	end := 0
	for end < len(s) && (s[end] >= 'A' && s[end] <= 'Z' || s[end] >= 'a' && s[end] <= 'z' || s[end] >= '0' && s[end] <= '9' || s[end] == '+' || s[end] == '/') {
		end++
	}
	s = s[:end]
	if len(s)%4 == 1 {
		s = s[:len(s)-1]
	}
	out, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return ""
	}
	return string(out)
}

// escapeLDAP writes a value for LDAP filters and distinguished names (RFC 4514, RFC 4515).
func escapeLDAP(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c < 0x20 || c >= 0x7f || strings.IndexByte(`"+,;<>\*()`, c) >= 0 || (i == 0 && (c == ' ' || c == '#')) || (i == len(s)-1 && c == ' ') {
			fmt.Fprintf(&b, `\%02x`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// maxExprFile is how much file() reads.
const maxExprFile = 10 << 20

// exprFileFuncs reach files; they are refused in the restricted mode.
var exprFileFuncs = map[string]func(string) (string, error){
	"file": func(name string) (string, error) {
		st, err := os.Stat(name)
		if err != nil {
			return "", fmt.Errorf("Cannot open file %s", name)
		}
		if st.Size() > maxExprFile {
			return "", fmt.Errorf("File %s too large", name)
		}
		b, err := os.ReadFile(name)
		if err != nil {
			return "", fmt.Errorf("Cannot open file %s", name)
		}
		return string(b), nil
	},
	"filesize": func(name string) (string, error) {
		if st, err := os.Stat(name); err == nil && st.Mode().IsRegular() {
			return fmt.Sprint(st.Size()), nil
		}
		return "0", nil
	},
}

// exprFileTests are the operators that look at files.
var exprFileTests = map[string]func(string) bool{
	"d": stat(func(st fs.FileInfo) bool { return st.IsDir() }),
	"e": stat(func(fs.FileInfo) bool { return true }),
	"f": stat(func(st fs.FileInfo) bool { return st.Mode().IsRegular() }),
	"s": stat(func(st fs.FileInfo) bool { return st.Mode().IsRegular() && st.Size() > 0 }),
	"L": isLink,
	"h": isLink,
	"x": func(name string) bool {
		st, err := os.Lstat(name)
		return err == nil && st.Mode()&0o111 != 0
	},
}

func stat(test func(fs.FileInfo) bool) func(string) bool {
	return func(name string) bool {
		st, err := os.Stat(name)
		return err == nil && test(st)
	}
}

func isLink(name string) bool {
	st, err := os.Lstat(name)
	return err == nil && st.Mode()&fs.ModeSymlink != 0
}

// exprTests depend on their argument alone.
var exprTests = map[string]func(string) bool{
	"n": func(s string) bool { return s != "" },
	"z": func(s string) bool { return s == "" },
	"T": func(s string) bool {
		switch strings.ToLower(s) {
		case "", "0", "off", "no", "false":
			return false
		}
		return true
	},
}

// addressIn tells whether a name or address is in a network.
func addressIn(net Subnet, name string) bool {
	if a, err := netip.ParseAddr(name); err == nil {
		return net.Contains(a)
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookupLimit)
	defer cancel()
	addrs, err := Resolver().LookupNetIP(ctx, "ip", name)
	return err == nil && len(addrs) > 0 && net.Contains(addrs[0])
}

// urlPasses is -U and -A: would a request for the URL be allowed?
func urlPasses(r *Request, url string) bool {
	if r.Main != nil && r.Main.URI != "" && r.Main.URI == r.URI {
		return false // it would ask again and again
	}
	sub := r.SubRequestURI(url)
	if e := corelog.Trace(5, r); e != nil {
		e.Msgf("Subrequest for -U %s gave status: %d", url, sub.Status)
	}
	return sub.Status < 400
}

// filePasses is -F: would a request that leads to the file be allowed?
func filePasses(r *Request, path string) bool {
	sub := r.SubRequestFile(path)
	if e := corelog.Trace(5, r); e != nil {
		e.Msgf("Subrequest for -F %s gave status: %d", path, sub.Status)
	}
	if sub.Status >= 300 {
		return false
	}
	_, err := os.Stat(sub.Filename)
	return err == nil
}

// exprTime is %{TIME} and its parts.
func exprTime(layout string) func(*Request) string {
	return func(r *Request) string {
		r.Unrepeatable()
		return time.Now().Local().Format(layout)
	}
}
