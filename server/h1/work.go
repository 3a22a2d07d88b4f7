package h1

import (
	"strconv"
	"time"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

// defaultWorkers is how many requests are worked on at once where no scoreboard
// says (Apache's default of MaxRequestWorkers).
const defaultWorkers = 400

// rowSettings is how much of a request the scoreboard's rows tell.
type rowSettings struct {
	extended bool // ExtendedStatus
	tail     bool // SeeRequestTail
}

func (s *rowSettings) read(g *server.Generation) {
	conf := server.CoreServer.Of(g.Config.Main)
	s.extended, s.tail = conf.ExtendedStatus, conf.SeeRequestTail
}

// begin shows a request in its worker's row (ap_update_child_status_from_conn
// and _from_request).
func (l *Loop) begin(w *scoreboard.Worker, r *server.Request) { l.beginAs(w, r, server.HTTP1) }

func (l *Loop) beginAs(w *scoreboard.Worker, r *server.Request, protocol string) {
	c := r.Conn
	if !l.rows.extended {
		w.Set(scoreboard.Writing)
		return
	}
	w.Begin(&scoreboard.Request{Conn: c.ID, Client: c.ClientIP, Protocol: protocol,
		VHost:   server.CoreServer.Of(r.Server).ServerName + ":" + strconv.Itoa(int(c.Local.Port())),
		Request: r.TheRequest, Tail: l.rows.tail, Began: r.Received})
}

// finish counts a request and lets its worker go.
func (l *Loop) finish(w *scoreboard.Worker, c *conn, r *server.Request) { l.finishAs(w, r, c.bytesOut) }

func (l *Loop) finishAs(w *scoreboard.Worker, r *server.Request, sent int64) {
	now := time.Now()
	if l.rows.extended {
		w.End(sent, now)
	}
	l.crew.Count(sent, now.Sub(r.Received).Microseconds())
	l.crew.Give(w)
}
