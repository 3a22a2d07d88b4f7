package compattests

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"regexp"
	"strings"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// decoded takes a compression off a response's body, so that it is what was
// compressed that is compared: two encoders need not make the same bytes. What
// depends on the length of the coded form goes with it: Content-Length's value,
// and whether chunks carry it. A body that is not what Content-Encoding says
// stays as it is.
func decoded(raw string) string {
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	coding := fieldOf(head, "Content-Encoding")
	if coding == "" {
		return raw
	}
	if body == "" {
		if strings.Contains(fieldOf(head, "Vary"), "Accept-Encoding") {
			return codedLengthRx.ReplaceAllString(head, "Content-Length: <coded>\r") + "\r\n\r\n"
		}
		return raw
	}
	coded := []byte(body)
	if fieldOf(head, "Transfer-Encoding") == "chunked" {
		res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(raw)), nil)
		if err != nil {
			return raw
		}
		if coded, err = io.ReadAll(res.Body); err != nil {
			return raw
		}
	}
	plain, err := decode(coding, coded)
	if err != nil {
		return raw
	}
	head = codedLengthRx.ReplaceAllString(head+"\r\n", "Content-Length: <coded>\r")
	return strings.TrimSuffix(head, "\r\n") + "\r\n\r\n" + string(plain)
}

var codedLengthRx = regexp.MustCompile(`(?m)^(Content-Length: \d+|Transfer-Encoding: chunked)\r$`)

func decode(coding string, coded []byte) ([]byte, error) {
	switch coding {
	case "gzip":
		r, err := gzip.NewReader(bytes.NewReader(coded))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	case "br":
		return io.ReadAll(brotli.NewReader(bytes.NewReader(coded)))
	case "zstd":
		r, err := zstd.NewReader(bytes.NewReader(coded))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return io.ReadAll(r)
	}
	return nil, io.ErrUnexpectedEOF
}

// unchunked takes the chunks out of a response, for bodies whose pieces depend
// on chance (-chunks). One that does not end as it should stays as it is.
func unchunked(raw string) string {
	head, body, _ := strings.Cut(raw, "\r\n\r\n")
	if fieldOf(head, "Transfer-Encoding") != "chunked" {
		return raw
	}
	plain, err := io.ReadAll(httputil.NewChunkedReader(strings.NewReader(body)))
	if err != nil {
		return raw
	}
	return head + "\r\n\r\n" + string(plain)
}
