package heartmonitor

import (
	"errors"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// maxMessage is how much of a message is read (MAX_MSG_LEN).
const maxMessage = 1000

// isHeartbeat tells whether a request brings a server's heartbeat.
func isHeartbeat(r *server.Request) bool { return r.Handler == "heartbeat" }

// handle takes a message that was sent by POST (hm_handler).
func handle(r *server.Request) server.Status {
	if !isHeartbeat(r) {
		return server.Declined
	}
	r.Unrepeatable()
	if r.Method != "POST" {
		return 405
	}
	if !server.Heart.Of(r.Gen.Config.Main).Listen.IsValid() {
		elog.Error(r).Msg("AH10561: Heartbeat monitoring not active")
		return 503
	}
	p := make([]byte, maxMessage)
	n, err := io.ReadFull(r.Body, p)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return r.BodyFailed(err)
	}
	fields := server.HeartbeatFields(string(p[:n]))
	_, busy := fields["busy"]
	_, ready := fields["ready"]
	if !busy || !ready {
		elog.Error(r).Msg("AH10563: Missing required parameters: busy and/or ready")
		return 400
	}
	b := server.Heartbeat{IP: r.Conn.ClientIP, Port: 80, Seen: time.Now()}
	if text, ok := fields["port"]; ok {
		if p, ok := number(text); ok && p >= 1 && p <= 65535 {
			b.Port = p
		} else {
			elog.Warn(r).Msgf("AH10564: Invalid port value: %s, using default 80", text)
		}
	}
	var ok bool
	if b.Busy, ok = number(fields["busy"]); !ok {
		elog.Warn(r).Msgf("AH10565: Invalid busy value: %s, using 0", fields["busy"])
	}
	if b.Ready, ok = number(fields["ready"]); !ok {
		elog.Warn(r).Msgf("AH10566: Invalid ready value: %s, using 0", fields["ready"])
	}
	if err := r.Gen.Heartbeats().Put(b); err != nil {
		sayFile(err, [...]string{"AH02074", "AH02077", "AH02078", "AH02079", "AH02080"}, r.Gen.Heartbeats().Path())
	}
	r.ContentType = "text/plain"
	r.Out.Set("Content-Length", "2")
	r.WriteString("OK") //nolint:errcheck // the connection's loss is noted there
	return server.OK
}

// number is what strtol makes of a text, and whether that is all of it.
func number(s string) (int, bool) {
	if s == "" {
		return 0, true
	}
	n, err := strconv.ParseInt(strings.TrimLeft(s, " \t\n\v\f\r"), 10, 64)
	if errors.Is(err, strconv.ErrSyntax) {
		return 0, false
	}
	return int(int32(n)), true
}

// sayFile tells which step of writing the file failed.
func sayFile(err error, numbers [5]string, path string) {
	var e *server.HeartbeatFileError
	if !errors.As(err, &e) {
		return
	}
	line := elog.Crit(nil).Err(server.ErrnoOf(e.Err))
	switch e.Step {
	case "open":
		line.Msgf("%s: Unable to open tmp file: %s", numbers[0], e.Path)
	case "flush":
		line.Msgf("%s: Unable to flush file: %s", numbers[1], e.Path)
	case "close":
		line.Msgf("%s: Unable to close file: %s", numbers[2], e.Path)
	case "chmod":
		line.Msgf("%s: Unable to set file permissions on %s", numbers[3], e.Path)
	default:
		line.Msgf("%s: Unable to move file: %s -> %s", numbers[4], e.Path, path)
	}
}
