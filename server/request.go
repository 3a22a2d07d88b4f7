package server

import (
	"io/fs"
	"net/http"
	"net/netip"
	"time"

	"github.com/donjon-httpd/donjon/directives"
)

// Request is a request and its response on their way through the phases:
// Apache's request_rec. It embeds what the ecosystem's handlers know.
//
// http.Request fields that matter here: Method, Header (one merged value a
// name, as Apache's headers_in), Body (decoded; never nil), ProtoMajor and
// ProtoMinor as the client sent them, Host (the Host field or the authority of
// an absolute target, as sent).
type Request struct {
	*http.Request

	Gen      *Generation
	Conn     *Conn
	Exchange Exchange
	Server   *directives.Server // the virtual host
	Dir      *directives.Conf   // per-directory configuration merged so far

	Main *Request // the request that this is a subrequest of
	Prev *Request // the request that was redirected to this one
	Next *Request // the request that this one was redirected to

	Received  time.Time // when the first byte came
	Ended     time.Time // when its log lines were begun; zero before
	FirstByte time.Time // when the first byte of the response was written; zero before

	// The request line. TheRequest is the line as sent, for logs and TRACE.
	TheRequest  string
	UnparsedURI string // target as sent
	URI         string // decoded and cleaned path
	Args        string // after '?', as sent
	HasArgs     bool
	Hostname    string   // of Host or the target, lower case, without port; "" when not given
	Port        int      // of the same; 0 when not given
	FieldOrder  []string // names in Header as the client spelled them, in its order
	Proxied     bool     // a proxy's request (proxyreq)
	Forward     bool     // of a forward proxy: the client has named the server (PROXYREQ_PROXY)
	Expecting   bool     // the client waits for 100 Continue before it sends its body
	Simple      bool     // HTTP/0.9: a body without a head (assbackwards)

	// Where it leads.
	Filename string // path that translate_name and the walks made of URI
	PathInfo string // what is left of it behind the file
	Finfo    Finfo
	Handler  string
	User     string
	UserSet  bool // User is known, though it may be ""
	AuthType string
	Client   netip.Addr // who asks; the connection's address unless a module knows better
	ClientIP string     // Client as text

	UsedPathInfo        AcceptPathInfo // whether the handler takes PathInfo; Default: it decides
	ContextPrefix       string         // of the alias that led here, and the directory it stands for
	ContextDir          string
	ContextDocumentRoot string // set by a module that moves the document root
	Allowed             int64  // methods that the resource has, as bits

	// The response.
	Status           int    // 200 until something says otherwise
	StatusLine       string // "" for the standard words
	Out              Fields // headers_out: of a successful response
	ErrOut           Fields // err_headers_out: of any response, errors too
	ContentType      string
	ContentEncoding  string
	ContentLanguages []string
	Mtime            time.Time // newest modification of what was used; zero: unknown
	NoCache          bool
	Chunked          bool   // its body is sent in chunks
	Protocol         string // of the status line, "HTTP/1.1"
	VlistValidator   string // entity tag of a list of variants
	NoLocalCopy      bool   // a condition must not be answered with 304
	HeaderOnly       bool   // HEAD
	SentBody         int64
	HeadSent         bool
	BytesIn          int64 // of this request on the wire, head included (mod_logio %I)
	BytesOut         int64 // of its response on the wire, head included (%O)

	TrailersOut Fields
	LogID       string // %L: names the request in both logs; "" when nothing asked for it

	// KeptBody is the body of the request, once somebody has read it and kept it
	// for subrequests and redirects; nil when nobody did.
	KeptBody []byte

	Notes Fields // r->notes

	flight *ProxyFlight // see ContinueFlight
	Env    Fields       // r->subprocess_env

	depends         dependencies
	customTexts     map[int]ErrorDocument // by status, see CustomResponse
	connectionAt    int                   // among Out
	marks           map[any]int
	siblings        *Siblings // of a subrequest that one of them made
	redirects       int       // internal redirects and subrequests on the way here
	lengthless      bool      // an error page whose length is not told
	suppressCharset bool
	values          []requestValue // of RequestSlots
	output          *Link
	input           []*InputLink // from the handler to the client
	ends            []func()
	explain         *Explanation // nil: nobody wants to know
	pending         []byte
	ended           bool
}

// Finfo is what is known of the file: Apache's apr_finfo_t.
type Finfo struct {
	Type  FileType
	Mode  fs.FileMode
	Size  int64
	Mtime time.Time
	Inode uint64
	UID   uint32
	GID   uint32
}

// FileType is the kind of a file.
type FileType uint8

const (
	NoFile FileType = iota // nothing there, or not looked at
	RegularFile
	Directory
	Symlink
	OtherFile
)

// AtEnd calls f when the request has been answered and logged, or its
// connection was given up: for what must not outlive it.
func (r *Request) AtEnd(f func()) {
	top := r.Top()
	top.ends = append(top.ends, f)
}

// Initial tells whether the request came from the client: neither a subrequest
// nor an internal redirect.
func (r *Request) Initial() bool { return r.Main == nil && r.Prev == nil }

// Mark remembers key for this request and for those that it is redirected to
// inside the server, but not for the one that a subrequest is merged into
// (userdata of Apache's r->pool). key is of a type of the module's own. It
// gives how often this very request was marked with it.
func (r *Request) Mark(key any) (times int) {
	if r.marks == nil {
		r.marks = map[any]int{}
	}
	r.marks[key]++
	return r.marks[key]
}

// Marked tells whether Mark was called with key.
func (r *Request) Marked(key any) bool {
	for ; r != nil; r = r.Prev {
		if r.marks[key] > 0 {
			return true
		}
	}
	return false
}

// Top is the client's own request behind subrequests and redirects.
func (r *Request) Top() *Request {
	for r.Main != nil || r.Prev != nil {
		if r.Main != nil {
			r = r.Main
		} else {
			r = r.Prev
		}
	}
	return r
}
