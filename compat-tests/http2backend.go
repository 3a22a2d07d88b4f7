package compattests

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// A section "gateway h2c" makes the backend speak HTTP/2. It records and answers
// by itself the fields of the request in their order. The lines of "backend PATH":
//
//	:status 200       begins a head, of which "name: value" lines are fields
//	trailers          begins trailers, which end the answer
//	data TEXT         a DATA frame
//	end               the end of the answer
//	!early            do not wait for the end of the request
//	!reset CODE, !goaway CODE, !close, !pause TIME

// h2request is a request that is being read.
type h2request struct {
	q    seen
	over bool
	done bool
}

// serveHTTP2 answers the requests of a connection, one after the other.
func (b *backend) serveHTTP2(conn net.Conn, in *bufio.Reader) {
	preface := make([]byte, len(http2.ClientPreface))
	if _, err := io.ReadFull(in, preface); err != nil || string(preface) != http2.ClientPreface {
		return
	}
	fr := http2.NewFramer(conn, in)
	fr.AllowIllegalWrites = true
	fr.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	fr.WriteSettings()
	var block bytes.Buffer
	enc := hpack.NewEncoder(&block)
	requests := map[uint32]*h2request{}
	for {
		conn.SetDeadline(time.Now().Add(8 * time.Second))
		f, err := fr.ReadFrame()
		if err != nil {
			return
		}
		id := f.Header().StreamID
		q := requests[id]
		switch f := f.(type) {
		case *http2.MetaHeadersFrame:
			if q == nil {
				q = &h2request{}
				requests[id] = q
			} else {
				q.q.head += "TRAILERS\n"
			}
			for _, h := range f.Fields {
				q.q.head += h.Name + ": " + h.Value + "\n"
				if h.Name == ":path" {
					q.q.target = h.Value
				}
			}
			q.over = f.StreamEnded()
		case *http2.DataFrame:
			if q == nil {
				continue
			}
			q.q.body += string(f.Data())
			q.over = f.StreamEnded()
			if n := f.Length; n > 0 {
				fr.WriteWindowUpdate(0, n)
				fr.WriteWindowUpdate(id, n)
			}
		case *http2.SettingsFrame:
			if !f.IsAck() {
				fr.WriteSettingsAck()
			}
			continue
		case *http2.PingFrame:
			if !f.IsAck() {
				fr.WritePing(true, f.Data)
			}
			continue
		default:
			continue
		}
		lines := b.find(q.q.target)
		if q.done || !q.over && !has(lines, "!early") {
			continue
		}
		q.done = true
		b.record(&q.q)
		if len(lines) == 0 && strings.Contains(q.q.head, ":method: HEAD") {
			lines = []string{":status 200", "content-type: text/plain", "end"}
		}
		if len(lines) == 0 {
			lines = []string{":status 200", "content-type: text/plain", "data " + strings.ReplaceAll(q.q.head+"\n"+q.q.body, "\n", `\n`), "end"}
		}
		if !b.answerHTTP2(conn, fr, enc, &block, id, lines) {
			return
		}
	}
}

// answerHTTP2 sends what the lines say; false ends the connection.
func (b *backend) answerHTTP2(conn net.Conn, fr *http2.Framer, enc *hpack.Encoder, block *bytes.Buffer, id uint32, lines []string) bool {
	open, trailers := false, false
	flush := func(end bool) bool {
		if open {
			fr.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: block.Bytes(), EndHeaders: true, EndStream: end})
		}
		was := open
		open = false
		return was
	}
	for _, l := range lines {
		word, arg, _ := strings.Cut(l, " ")
		n, _ := strconv.Atoi(arg)
		switch word {
		case "!early":
		case ":status":
			flush(false)
			block.Reset()
			open = true
			enc.WriteField(hpack.HeaderField{Name: ":status", Value: arg})
		case "trailers":
			flush(false)
			block.Reset()
			open, trailers = true, true
		case "data":
			flush(false)
			fr.WriteData(id, false, []byte(b.expand(arg)))
		case "fill":
			flush(false)
			for ; n > 0; n -= 16384 {
				fr.WriteData(id, false, bytes.Repeat([]byte("x"), min(n, 16384)))
			}
		case "end":
			if !flush(true) {
				fr.WriteData(id, true, nil)
			}
		case "!reset":
			flush(false)
			fr.WriteRSTStream(id, http2.ErrCode(n))
		case "!goaway":
			flush(false)
			fr.WriteGoAway(id, http2.ErrCode(n), nil)
		case "!close":
			flush(trailers)
			return false
		case "!pause":
			d, _ := time.ParseDuration(arg)
			time.Sleep(d)
		default:
			name, value, ok := strings.Cut(l, ": ")
			if !ok {
				fmt.Fprintf(b.log, "what is %q?\n", l)
				continue
			}
			enc.WriteField(hpack.HeaderField{Name: name, Value: b.expand(value)})
		}
	}
	flush(trailers)
	return true
}
