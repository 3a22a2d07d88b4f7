package brotli

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
)

func TestEncoder(t *testing.T) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 1000)
	for quality := range 12 {
		for range 2 { // an encoder at rest is used again
			var b bytes.Buffer
			e := newEncoder(&b, quality, 10+quality)
			io.WriteString(e, text[:100])
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
			io.WriteString(e, text[100:])
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(brotli.NewReader(&b)); string(got) != text || err != nil {
				t.Errorf("quality %d: %d bytes, %v", quality, len(got), err)
			}
		}
	}
}
