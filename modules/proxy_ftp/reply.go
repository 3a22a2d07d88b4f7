package proxy_ftp

import (
	"bufio"
	"errors"
	"strconv"
	"strings"
)

// Bounds of what servers say. A line is cut behind maxLine bytes and a message
// behind maxMessage, as Apache does; a reply of more than maxReply is refused.
const (
	maxLine    = 79
	maxMessage = 8191
	maxReply   = 1 << 20
)

// errMalformed is a reply that is too short for a code; the text is its line.
type errMalformed string

func (e errMalformed) Error() string { return "malformed FTP response " + strconv.Quote(string(e)) }

var errReplyTooLong = errors.New("an FTP reply has no end")

// readReply reads a reply of RFC 959, section 4.2: its code, 0 for none, and the
// text of its first line. Lines of more than 79 bytes lose the rest and their end,
// so that the text goes on with the next line (ftp_getrc_msg).
func readReply(in *bufio.Reader) (code int, text string, err error) {
	left := maxReply
	line, err := readLine(in, &left)
	if err != nil {
		return 0, "", err
	}
	if len(line) < 4 {
		return 0, "", errMalformed(line)
	}
	if digit(line[0]) && digit(line[1]) && digit(line[2]) && (line[3] == ' ' || line[3] == '-') {
		code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	}
	message := line[4:]
	if line[3] == '-' {
		last := line[:3] + " "
		for !strings.HasPrefix(line, last) {
			if line, err = readLine(in, &left); err != nil {
				return 0, "", err
			}
			skip := 4
			if strings.HasPrefix(line, " ") {
				skip = 1
			}
			if len(message) < maxMessage {
				message += line[min(skip, len(line)):]
			}
		}
	}
	if len(message) > maxMessage {
		message = message[:maxMessage]
	}
	if i := strings.IndexAny(message, "\r\n"); i >= 0 {
		message = message[:i]
	}
	return code, message, nil
}

func digit(c byte) bool { return c >= '0' && c <= '9' }

// readLine gives at most maxLine bytes of a line, and its end when it is not
// longer (ap_proxy_string_read).
func readLine(in *bufio.Reader, left *int) (string, error) {
	var b []byte
	for {
		p, err := in.ReadSlice('\n')
		if *left -= len(p); *left < 0 {
			return "", errReplyTooLong
		}
		if room := maxLine - len(b); room > 0 {
			b = append(b, p[:min(room, len(p))]...)
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return "", err
		}
		line, _, _ := strings.Cut(string(b), "\x00")
		return line, nil
	}
}

// epsvPort is the port in a reply to EPSV, "… (|||port|)", in which the bar may
// be any character (RFC 2428, section 3); 0 for none.
func epsvPort(text string) int {
	i := strings.IndexByte(text, '(')
	if i < 0 || len(text) < i+5 {
		return 0
	}
	p := text[i+1:]
	bar := p[0]
	if p[1] != bar || p[2] != bar || p[3] == bar {
		return 0
	}
	n, rest, ok := number(p[3:])
	if !ok || n < 1 || n > 65535 || len(rest) < 2 || rest[0] != bar || rest[1] != ')' {
		return 0
	}
	return n
}

// pasvTarget is the address and the port in a reply to PASV: behind the first
// word, in parentheses or behind "=".
func pasvTarget(text string) (host [4]int, port int, ok bool) {
	_, rest := token(text, " ")
	list, found := strings.CutPrefix(rest, "=")
	if !found {
		_, rest = token(rest, "(")
		list, _ = token(rest, ")")
	}
	var n [6]int
	for i := range n {
		if i > 0 {
			if list, found = strings.CutPrefix(list, ","); !found {
				return host, 0, false
			}
		}
		if n[i], list, ok = number(list); !ok {
			return host, 0, false
		}
	}
	copy(host[:], n[:4])
	return host, (n[4]<<8 + n[5]) & 0xffff, true
}

// token is strtok(3) with one delimiter: what stands before the next one, and
// what follows that.
func token(s, delimiter string) (word, rest string) {
	word, rest, _ = strings.Cut(strings.TrimLeft(s, delimiter), delimiter)
	return word, rest
}

// number reads a decimal number as %d of scanf(3) does.
func number(s string) (n int, rest string, ok bool) {
	s = strings.TrimLeft(s, " \t\n\v\f\r")
	i := 0
	if i < len(s) && (s[i] == '-' || s[i] == '+') {
		i++
	}
	begin := i
	for i < len(s) && digit(s[i]) {
		i++
	}
	n, err := strconv.Atoi(s[:i])
	return n, s[i:], err == nil && i > begin && n >= -1<<31 && n < 1<<31
}

// modified is the time in a reply to MDTM, "YYYYMMDDhhmmss" (RFC 3659, section
// 2.3), as six numbers; ok is false for another text.
func modified(text string) (t [6]int, ok bool) {
	at := 0
	for i, n := range [...]int{4, 2, 2, 2, 2, 2} {
		begin := at
		for at < len(text) && at-begin < n && digit(text[at]) {
			at++
		}
		if at == begin {
			return t, false
		}
		t[i], _ = strconv.Atoi(text[begin:at])
	}
	return t, true
}
