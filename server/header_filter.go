package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The protocol's own filters stand at the end of every chain of a client's
// request: ranges are cut, the length is found, and the head is completed.
var byteRangeFilter, contentLengthFilter, httpHeaderFilter *OutputFilter

// init, because an error inside a filter makes a new chain with these filters.
func init() {
	byteRangeFilter = &OutputFilter{Name: "BYTERANGE", Level: ProtocolLevel, Plain: true, Run: cutRanges}
	contentLengthFilter = &OutputFilter{Name: "CONTENT_LENGTH", Level: ProtocolLevel, Plain: true, Run: findLength}
	httpHeaderFilter = &OutputFilter{Name: "HTTP_HEADER", Level: ProtocolLevel, Plain: true, Run: completeHead}
}

func (r *Request) insertProtocolFilters() {
	if r.Main != nil || r.HasOutputFilter("HTTP_HEADER") {
		return
	}
	r.AddOutputFilter(byteRangeFilter, nil)
	if !r.lengthless {
		r.AddOutputFilter(contentLengthFilter, nil)
	}
	r.AddOutputFilter(httpHeaderFilter, nil)
}

// findLength sets Content-Length when the whole response stands in the first
// brigade, or corrects one that a filter made wrong (ap_content_length_filter).
func findLength(l *Link, b *Brigade) error {
	r := l.R
	l.Remove()
	if b.EOS && !(r.HeaderOnly && b.Size() == 0) {
		r.SetContentLength(b.Size())
	}
	return l.Pass(b)
}

// completeHead merges what was said about the response into r.Out, in Apache's
// order, and hands it to the engine (ap_http_header_filter). Where no body follows
// the head it stays, and drops what filters still send.
func completeHead(l *Link, b *Brigade) error {
	r := l.R
	if l.State == dropBody {
		return nil
	}
	if !r.Simple {
		r.mergeHead()
		if !r.checkHead() {
			l.State = dropBody
			return r.badHead()
		}
	}
	r.HeadSent = true
	if r.HeaderOnly || headerOnly(r.Status) {
		b = &Brigade{EOS: true}
		r.ended = true
		l.State = dropBody
	} else {
		l.Remove()
	}
	top := r.Top()
	if top != r {
		top.HeadSent, top.ended = true, r.ended
	}
	return l.Pass(b)
}

// dropBody is the state of a completeHead that lets nothing more through.
var dropBody any = new(byte)

func (r *Request) mergeHead() {
	if r.ErrOut.Len() > 0 {
		r.Out = Overlay(&r.ErrOut, &r.Out)
		r.ErrOut = Fields{}
	}
	if r.Env.Has("force-no-vary") {
		r.Out.Unset("Vary")
		r.Env.Set("force-response-1.0", "1")
	} else {
		r.uniqueVary()
	}
	r.checkStatusLine()
	r.Protocol = "HTTP/1.1"
	if !r.atLeast11() && r.ProtoAtLeast(1, 0) && r.Env.Has("force-response-1.0") {
		r.Protocol = "HTTP/1.0"
		r.Conn.Close = true
	}
	r.setKeepAlive()
	if r.NoCache && !r.Out.Has("Expires") {
		r.Unrepeatable()
		r.Out.Add("Expires", r.Received.UTC().Format(http.TimeFormat))
	}
	if r.Notes.Has("no-etag") {
		r.Out.Unset("ETag")
	}
	if headerOnly(r.Status) {
		r.Out.Unset("Transfer-Encoding")
		r.Out.Unset("Content-Length")
		r.connectionAt = r.Out.Len()
		r.ContentType, r.ContentEncoding, r.ContentLanguages = "", "", nil
		r.Chunked = false
	} else if r.Chunked {
		r.Out.Merge("Transfer-Encoding", "chunked")
		r.Out.Unset("Content-Length")
	}
	if t := r.makeContentType(r.ContentType); t != "" {
		r.Out.Set("Content-Type", t)
	}
	if r.ContentEncoding != "" {
		r.Out.Set("Content-Encoding", r.ContentEncoding)
	}
	if len(r.ContentLanguages) > 0 {
		langs := r.ContentLanguages
		for part := range strings.SplitSeq(r.Out.Get("Content-Language"), ",") {
			if part = strings.TrimSpace(part); part != "" && !containsFold(langs, part) {
				langs = append(langs, part)
			}
		}
		r.Out.Set("Content-Language", strings.Join(langs, ","))
	}
	if r.HeaderOnly && r.Out.Get("Content-Length") == "0" {
		r.Out.Unset("Content-Length")
	}
}

// checkStatusLine has a module's status line be three digits that are the
// status, and a space; else it is the standard one, which also stands in for
// words that are missing (validate_status_line, basic_http_header_check).
func (r *Request) checkStatusLine() {
	l := r.StatusLine
	digits := len(l) >= 3 && l[:3] == strconv.Itoa(r.Status)
	switch {
	case !digits || len(l) > 3 && l[3] != ' ' && l[3] != '\t':
		r.StatusLine = StatusText(r.Status)
	case len(l) == 3:
		r.StatusLine = l + " "
		if standard := StatusText(r.Status); strings.HasPrefix(standard, l) {
			r.StatusLine = standard
		}
	}
}

// uniqueVary gathers all Vary fields into one, each name once.
func (r *Request) uniqueVary() {
	var names []string
	for _, f := range r.Out.All() {
		if !equalFold(f.Name, "Vary") {
			continue
		}
		for _, n := range strings.FieldsFunc(f.Value, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' }) {
			if !containsFold(names, n) {
				names = append(names, n)
			}
		}
	}
	if names != nil {
		r.Out.Set("Vary", strings.Join(names, ","))
	}
}

func containsFold(list []string, s string) bool {
	for _, x := range list {
		if strings.EqualFold(x, s) {
			return true
		}
	}
	return false
}

// makeContentType adds AddDefaultCharset's charset to a text type that names none.
func (r *Request) makeContentType(t string) string {
	if t == "" || r.suppressCharset {
		return t
	}
	charset, ok := CoreDir.Of(r.Dir).AddDefaultCharset.Get()
	if !ok || charset == "" {
		return t
	}
	lower := strings.ToLower(t)
	if strings.Contains(lower, "charset=") || !strings.Contains(lower, "text/plain") && !strings.Contains(lower, "text/html") {
		return t
	}
	return t + "; charset=" + charset
}

// checkHead refuses fields that would break the head: names that are no token,
// values with control characters (check_headers).
func (r *Request) checkHead() bool {
	for _, f := range r.Out.All() {
		if f.Name == "" || strings.IndexFunc(f.Name, func(c rune) bool { return c <= ' ' || c >= 0x7f || strings.ContainsRune("()<>@,;:\\\"/[]?={}", c) }) >= 0 {
			corelog.Error(r).Msgf("AH02429: Response header name '%s' contains invalid characters, aborting request", f.Name)
			return false
		}
		for i := 0; i < len(f.Value); i++ {
			if c := f.Value[i]; c < ' ' && c != '\t' || c == 0x7f {
				corelog.Error(r).Msgf("AH02430: Response header '%s' value of '%s' contains invalid characters, aborting request", f.Name, f.Value)
				return false
			}
		}
	}
	return true
}

// FilterFailed answers 500 in place of a response that an output filter cannot
// make (an error bucket); one that has begun is cut off.
func (r *Request) FilterFailed() error {
	r.StatusLine = "500 Internal Server Error"
	if r.HeadSent {
		r.Truncate()
	} else {
		r.lengthless = true
		r.dieWith(500, 200)
	}
	return ErrGeneral
}

// badHead answers 500 in place of a response whose head cannot be sent.
func (r *Request) badHead() error {
	r.Out, r.ErrOut = Fields{}, Fields{}
	r.ContentType, r.ContentEncoding, r.ContentLanguages = "", "", nil
	r.Chunked = false
	if r.Notes.Has("check-headers-recursion") {
		r.Status, r.StatusLine, r.Protocol = 500, StatusText(500), "HTTP/1.1"
		r.Conn.Close = true
		r.Out.Set("Connection", "close")
		r.Out.Set("Content-Length", "0")
		r.HeadSent, r.ended = true, true
		return r.Exchange.Body(r, &Brigade{EOS: true})
	}
	r.Notes.Set("check-headers-recursion", "1")
	r.StatusLine = ""
	r.dieWith(500, 200)
	return nil
}

// SetLastModified sets the field from r.Mtime, never in the future.
func (r *Request) SetLastModified() {
	if r.Simple || r.Mtime.IsZero() {
		return
	}
	t := r.Mtime
	if now := time.Now(); t.After(now) {
		r.Unrepeatable()
		t = now
	}
	r.Out.Set("Last-Modified", t.UTC().Format(http.TimeFormat))
}
