package socache_redis

import (
	"bufio"
	"strings"
	"testing"
)

func TestReadReply(t *testing.T) {
	for in, want := range map[string]string{
		"+OK\r\n": "+OK", "-ERR no\r\n": "-ERR no", ":1\r\n": ":1", "$3\r\na\r\n\r\n": "$a\r\n", "$0\r\n\r\n": "$", "$-1\r\n": "\x00",
		"": "!", "+OK": "!", "+OK\n": "!", "\r\n": "!", "$3\r\nab": "!", "$3\r\nabcd\r\n": "!", "$-2\r\n": "!", "$x\r\n": "!", ":x\r\n": "!", "*1\r\n+a\r\n": "!",
		"$2147483648\r\n": "!", "$99999999\r\n": "!", "+" + strings.Repeat("a", 5000) + "\r\n": "!", "+a\rb\r\n": "!",
	} {
		r, err := readReply(bufio.NewReaderSize(strings.NewReader(in), 16))
		got := string(rune(r.kind)) + r.text
		if err != nil {
			got = "!"
		}
		if got != want {
			t.Errorf("%.20q: %.20q, %v; want %q", in, got, err, want)
		}
	}
}

func TestAppendCommand(t *testing.T) {
	if got := string(appendCommand(nil, "GET", "", "a\r\n")); got != "*3\r\n$3\r\nGET\r\n$0\r\n\r\n$3\r\na\r\n\r\n" {
		t.Errorf("%q", got)
	}
}

// What is read of a reply is a part of it.
func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "-ERR\r\n", ":12\r\n", "$3\r\nabc\r\n", "$-1\r\n", "$9999999\r\nab"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		r, err := readReply(bufio.NewReaderSize(strings.NewReader(in), 16))
		if err == nil && !strings.Contains(in, r.text) || len(r.text) > len(in) || err != nil && r != (reply{}) {
			t.Errorf("%q: %q, %v", in, r, err)
		}
	})
}
