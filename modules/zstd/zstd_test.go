package zstd

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// TestEncoder: all levels and windows that the directives allow are made.
func TestEncoder(t *testing.T) {
	text := strings.Repeat("The quick brown fox jumps over the lazy dog. ", 1000)
	for level := 1; level <= 22; level++ {
		kind := encoderKind{level, 10 + level%14}
		for range 2 { // an encoder at rest is used again
			var b bytes.Buffer
			e := newEncoder(&b, kind)
			io.WriteString(e, text[:100])
			if err := e.Flush(); err != nil {
				t.Fatal(err)
			}
			io.WriteString(e, text[100:])
			if err := e.Close(); err != nil {
				t.Fatal(err)
			}
			z, err := zstd.NewReader(&b)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := io.ReadAll(z); string(got) != text || err != nil {
				t.Errorf("level %d: %d bytes, %v", level, len(got), err)
			}
			z.Close()
		}
	}
}
