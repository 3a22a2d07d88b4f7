package status

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/scoreboard"
)

//go:embed page.html
var pageText string

var pageTemplate = template.Must(template.New("status").Funcs(template.FuncMap{"time": timeText}).Parse(pageText))

// page writes the form for people: what Apache's page tells, in its order and words.
func (rep *report) page(w io.Writer) {
	if err := pageTemplate.Execute(w, &pageData{rep}); err != nil {
		elog.Error(nil).Err(err).Msg("the status page is incomplete")
	}
}

// pageData is what the template asks beyond the report.
type pageData struct{ *report }

// detail is a worker's line.
type detail struct {
	Srv, PID, Acc, M, Word           string
	Active                           bool
	CPU                              float64 // seconds, of the process
	SS, Req, Dur                     int64   // seconds, milliseconds, milliseconds
	Conn, Child, Slot                float64 // kB, MB, MB
	Sizes                            string
	Client, Protocol, VHost, Request string
}

func (p *pageData) Version() string { return server.Software }
func (p *pageData) Built() string   { return server.Built }
func (p *pageData) Uptime() string  { return spanText(p.up()) }
func (p *pageData) Traffic() string { return kBText(kB(p.Totals.Bytes)) }

// Footer is HTML already.
func (p *pageData) Footer() template.HTML { return template.HTML(p.report.Footer) }

// CPU is the line about processor time.
func (p *pageData) CPU() string {
	user, system, childUser, childSystem := p.cpu()
	text := fmt.Sprintf("u%s s%s cu%s cs%s", number(user), number(system), number(childUser), number(childSystem))
	if all, up := user+system+childUser+childSystem, p.up().Seconds(); all > 0 && up >= 1 {
		text += fmt.Sprintf(" - %.3g%% CPU load", all/up*100)
	}
	return text
}

// Rates is the line about requests and bytes by time and by request.
func (p *pageData) Rates() string {
	count, bytes := float64(p.Totals.Accesses), float64(kB(p.Totals.Bytes)<<10)
	var parts []string
	if up := float64(int64(p.up().Seconds())); up > 0 {
		parts = append(parts, fmt.Sprintf("%.3g requests/sec - %s/second", count/up, bytesText(uint64(bytes/up))))
	}
	if count > 0 {
		parts = append(parts, fmt.Sprintf("%s/request - %s ms/request", bytesText(uint64(bytes/count)),
			number(float64(p.Totals.Duration.Milliseconds())/count)))
	}
	return strings.Join(parts, " - ")
}

// Scoreboard is a letter for each worker, in lines of 64.
func (p *pageData) Scoreboard() string {
	const most = 64
	var b strings.Builder
	n := 0
	for _, c := range p.Children {
		for _, l := range c.Letters {
			b.WriteByte(l)
			if n++; n%most == 0 {
				b.WriteByte('\n')
			}
		}
	}
	return b.String()
}

// PIDKey is, without ExtendedStatus, every worker's process and letter, three in a line.
func (p *pageData) PIDKey() string {
	var b strings.Builder
	n := 0
	for _, c := range p.Children {
		for _, l := range c.Letters {
			if l == scoreboard.Dead.Letter() {
				continue
			}
			fmt.Fprintf(&b, "   %d in state: %c ", c.PID, l)
			if n++; n%3 == 0 {
				b.WriteByte('\n')
			} else {
				b.WriteByte(',')
			}
		}
	}
	return b.String()
}

// Rows are the workers that have done something.
func (p *pageData) Rows() []detail {
	words := map[byte]string{'_': "Ready", 'S': "Starting", 'R': "Read", 'W': "Write", 'K': "Keepalive", 'L': "Logging",
		'D': "DNS lookup", 'C': "Closing", '.': "Dead", 'G': "Graceful", 'I': "Dying"}
	var rows []detail
	for _, c := range p.Children {
		for i, r := range c.Rows {
			letter := c.Letters[i]
			idle := letter == scoreboard.Ready.Letter() || letter == scoreboard.Dead.Letter()
			if r.Accesses == 0 && (idle || letter == scoreboard.Starting.Letter()) {
				continue
			}
			d := detail{Srv: fmt.Sprintf("%d-%d", c.Slot, c.Generation), PID: fmt.Sprint(c.PID),
				Acc: fmt.Sprintf("%d/%d/%d", r.ConnAccesses, r.Accesses, r.Accesses),
				M:   string(letter), Word: words[letter], Active: !idle, CPU: c.CPU.Seconds(), Dur: r.Duration.Milliseconds(),
				Conn: float64(r.ConnBytes) / (1 << 10), Child: float64(r.Bytes) / (1 << 20), Slot: float64(r.Bytes) / (1 << 20),
				Sizes:  bytesText(r.ConnBytes) + "|" + bytesText(r.Bytes) + "|" + bytesText(r.Bytes),
				Client: r.Client, Protocol: r.Protocol, VHost: r.VHost, Request: server.EscapeLog(r.Request)}
			if !r.Began.IsZero() {
				d.SS = int64(max(p.Now.Sub(r.Began), 0).Seconds())
			}
			if !r.Ended.IsZero() {
				d.Req = max(r.Ended.Sub(r.Began).Milliseconds(), 0)
			}
			rows = append(rows, d)
		}
	}
	return rows
}
