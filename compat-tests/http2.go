package compattests

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http2"
)

// An HTTP/2 session of a case is a block whose first line is "http2", or
// "http2 tls NAME", and whose other lines are sent in order:
//
//	settings NAME=VALUE…       what the client's preface says (before all others)
//	upgrade METHOD TARGET      the first request asks for h2c by HTTP/1.1, stream 1
//	METHOD TARGET              a request on the next stream, which ends it
//	METHOD TARGET …            one whose stream stays open
//	headers ID [end]           exactly the fields that follow
//	name: value                a field of the request above
//	data ID [end] TEXT         with escapes
//	fill ID [end] BYTES        so many times "x"
//	trailers ID                the fields that follow, which end the stream
//	window ID BYTES, reset ID CODE, ping TEXT, priority ID
//	frame TYPE FLAGS ID HEX    any other frame
//	await                      until all streams have been answered that can be
//	show settings|frames       settings of the server; lengths of DATA frames
//
// The answer is written by streams.
type session struct {
	upgrade  bool
	settings []http2.Setting
	steps    []step
	show     map[string]bool
}

// step is a line of a session.
type step struct {
	what   string
	args   []string
	fields [][2]string
}

var settingNames = map[string]http2.SettingID{
	"HEADER_TABLE_SIZE": http2.SettingHeaderTableSize, "ENABLE_PUSH": http2.SettingEnablePush, "MAX_CONCURRENT_STREAMS": http2.SettingMaxConcurrentStreams,
	"INITIAL_WINDOW_SIZE": http2.SettingInitialWindowSize, "MAX_FRAME_SIZE": http2.SettingMaxFrameSize,
}

// parseSession reads the lines behind the first.
func parseSession(ls []string) (*session, error) {
	s := &session{show: map[string]bool{}}
	for _, l := range ls {
		w := strings.Fields(l)
		switch {
		case len(w) == 0:
		case w[0] == "settings":
			for _, a := range w[1:] {
				name, value, _ := strings.Cut(a, "=")
				id, ok := settingNames[name]
				n, err := strconv.ParseUint(value, 10, 32)
				if !ok || err != nil {
					return nil, fmt.Errorf("http2: setting %q", a)
				}
				s.settings = append(s.settings, http2.Setting{ID: id, Val: uint32(n)})
			}
		case w[0] == "show":
			s.show[w[1]] = true
		case strings.HasSuffix(w[0], ":") && len(s.steps) > 0 || strings.HasPrefix(w[0], ":"):
			i := strings.Index(l[1:], ":") + 1
			last := &s.steps[len(s.steps)-1]
			last.fields = append(last.fields, [2]string{strings.TrimSpace(l[:i]), strings.TrimPrefix(l[i+1:], " ")})
		case slices.Contains([]string{"headers", "data", "fill", "trailers", "window", "reset", "ping", "priority", "frame", "await", "upgrade"}, w[0]):
			s.upgrade = s.upgrade || w[0] == "upgrade"
			s.steps = append(s.steps, step{what: w[0], args: w[1:]})
		case len(w) >= 2 && strings.ToUpper(w[0]) == w[0]:
			s.steps = append(s.steps, step{what: "request", args: w})
		default:
			return nil, fmt.Errorf("http2: line %q", l)
		}
	}
	return s, nil
}
