package server

import (
	"io"
	"os"
	"strings"
	"syscall"

	"github.com/rs/zerolog"
)

// jsonTime is RFC 3339 with microseconds.
const jsonTime = "2006-01-02T15:04:05.000000Z07:00"

// writeJSON writes the line of "ErrorLogFormat json": an object with the keys
// time, level, module, pid, tid, and where there is something to say: code (the
// AH number), host (ServerName), client, request_id, connection_id, error,
// file, referer; last message.
func (e *Event) writeJSON(w io.Writer, text string) {
	log := zerolog.New(w)
	z := log.Log().Str("time", e.at.Format(jsonTime)).Str("level", e.level.String()).Str("module", e.module).
		Int("pid", os.Getpid()).Int("tid", syscall.Gettid())
	optional := func(key, value string) {
		if value != "" {
			z = z.Str(key, value)
		}
	}
	if code, rest, ok := strings.Cut(text, ": "); ok && len(code) >= 7 && strings.HasPrefix(code, "AH") && strings.Trim(code[2:], "0123456789") == "" {
		z, text = z.Str("code", code), rest
	}
	if e.s != nil {
		optional("host", CoreServer.Of(e.s).ServerName)
	}
	optional("client", string(remoteAddress(nil, e, "")))
	if e.r != nil {
		optional("request_id", e.r.first().LogID)
	}
	if e.c != nil {
		optional("connection_id", e.c.LogID)
	}
	optional("error", e.cause())
	optional("file", string(errorItems['F'](nil, e, "")))
	if e.r != nil {
		referer, _ := e.r.FieldIn("Referer")
		optional("referer", referer)
	}
	z.Msg(text)
}
