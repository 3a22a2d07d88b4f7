package applications

import (
	"bufio"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
)

// multi reads a head again that was read before, and then what follows it.
func multi(head string, rest *bufio.Reader) io.Reader {
	return io.MultiReader(strings.NewReader(head), rest)
}

// readContent gives the content without framing and without compression.
func readContent(resp *http.Response) (string, error) {
	var in io.Reader = resp.Body
	if resp.Header.Get("Content-Encoding") == "gzip" && resp.StatusCode == 200 {
		z, err := gzip.NewReader(in)
		if err == io.EOF { // the answer to HEAD
			return "", nil
		}
		if err != nil {
			return "", err
		}
		in = z
	}
	b, err := io.ReadAll(in)
	return string(b), err
}
