package include

import (
	"github.com/donjon-httpd/donjon/server"
)

var filter = &server.OutputFilter{Name: "INCLUDES", Level: server.ResourceLevel, Init: setUp}

// init, because the filter runs subrequests that are filtered by it.
func init() { filter.Run = run }

// minPass is how much of a document is read before what is made of it is passed on (AP_MIN_BYTES_TO_WRITE).
const minPass = 8000

// document is a response that is being parsed.
type document struct {
	r          *server.Request
	link       *server.Link
	conf       *config
	parser     parser
	env        *environment
	errorText  string
	timeFormat string
	undefined  string
	sizeBytes  bool
	noExec     bool

	// Conditions: printing is false inside of what does not hold; held says that
	// a branch of the present if was taken; nesting counts ifs inside of what is skipped.
	printing bool
	held     bool
	unread   bool // a condition of the present if could not be read
	nesting  int

	re *capture // nil before the first regular expression

	args    []argument // of the element that is being executed, those that are left
	argc    int
	failed  bool // the element cannot be executed; it was logged
	flush   bool
	read    int64 // of the present brigade
	pending []server.Bucket
	ended   bool
}

// parent is remembered for subrequests that an include element made.
var parents server.RequestSlot[parent]

type parent struct {
	doc    *document
	shared bool // the subrequest was parsed too: its variables are the parent's
}

// setUp tells, before the handler runs, that the response is not the file (includes_setup).
func setUp(r *server.Request) {
	c := slot.Of(r.Dir)
	if !c.keepsDate(r) {
		r.NoLocalCopy = true
	}
	if !c.etag.Else(false) {
		r.Notes.Set("no-etag", "")
	}
}

// keepsDate tells whether XBitHack Full lets the file's date be the response's.
func (c *config) keepsDate(r *server.Request) bool {
	return c.xBitHack.Else(xOff) == xFull && r.Finfo.Mode&0o010 != 0
}

func run(l *server.Link, b *server.Brigade) error {
	r := l.R
	if r.Options()&server.OptIncludes == 0 {
		elog.Warn(r).Msgf("AH01374: mod_include: Options +Includes (or IncludesNoExec) wasn't set, INCLUDES filter removed: %s", r.URI)
		l.Remove()
		return l.Pass(b)
	}
	d, ok := l.State.(*document)
	if !ok {
		d = begin(l)
		l.State = d
	}
	if d.ended {
		return l.Pass(b)
	}
	d.head()
	return d.brigade(b)
}

func begin(l *server.Link) *document {
	r := l.R
	c := slot.Of(r.Dir)
	d := &document{r: r, link: l, conf: c, printing: true, held: true, noExec: r.Options()&server.OptIncludesWithExec == 0,
		errorText: c.errorText.Else(defaultErrorText), timeFormat: c.timeFormat.Else(defaultTimeFormat),
		undefined: c.undefined.Else(defaultUndefined)}
	t := tagSlot.Of(r.Server)
	d.parser = parser{to: d, start: t.start.Else(defaultStart), end: t.end.Else(defaultEnd)}
	if p := parents.Of(r); p != nil {
		p.shared = true
		d.env = p.doc.env
		r.Env = p.doc.r.Env.Clone()
		r.Finfo.Mtime = p.doc.r.Finfo.Mtime
	} else {
		d.env = new(environment)
		r.AddCommonVars()
		r.AddCGIVars()
		d.addVars()
	}
	return d
}

// head makes the fields of the response those of what is put together.
func (d *document) head() {
	r := d.r
	r.Out.Unset("Content-Length")
	switch {
	case d.conf.lastModified.Else(false):
		if r.Finfo.Type != server.NoFile && !r.Out.Has("Last-Modified") {
			d.setDate()
		}
	case d.conf.keepsDate(r):
		d.setDate()
	default:
		r.Out.Unset("Last-Modified")
	}
	if r.HasArgs {
		r.Env.Set("QUERY_STRING", r.Args)
		r.Env.Set("QUERY_STRING_UNESCAPED", server.EscapeShell(unescapeURL(r.Args)))
	}
}

func (d *document) setDate() {
	r := d.r
	if r.Finfo.Mtime.After(r.Mtime) {
		r.Mtime = r.Finfo.Mtime
	}
	r.SetLastModified()
}

func (d *document) brigade(b *server.Brigade) error {
	d.read, d.failed, d.flush = 0, false, false
	for _, k := range b.Buckets {
		if err := d.bucket(k); err != nil {
			return err
		}
	}
	if !b.EOS {
		if !b.Flush {
			return d.passPending(&server.Brigade{})
		}
		return d.passAlways(&server.Brigade{Flush: true})
	}
	d.ended = true
	open, err := d.parser.close()
	if err != nil {
		return err
	}
	if open {
		elog.Error(d.r).Msgf("AH01372: SSI directive was not properly finished at the end of parsed document %s", d.r.Filename)
		if d.printing {
			d.Fail()
		}
	}
	if !d.printing {
		elog.Warn(d.r).Msgf("AH01373: missing closing endif directive in parsed document %s", d.r.Filename)
	}
	return d.passAlways(&server.Brigade{Flush: b.Flush, EOS: true})
}

// bucket reads a bucket. What is text stays where it is: in memory, or in the file.
func (d *document) bucket(k server.Bucket) error {
	d.read += k.Size()
	if k.File == nil {
		return d.parser.feed(k.Mem)
	}
	return k.Pieces(d.parser.feed)
}

// enough passes on what is ready when much was read, or somebody wants it out.
func (d *document) enough() error {
	if !d.flush && d.read <= minPass {
		return nil
	}
	d.flush = false
	return d.passPending(&server.Brigade{})
}

func (d *document) passPending(b *server.Brigade) error {
	if len(d.pending) == 0 {
		return nil
	}
	return d.passAlways(b)
}

func (d *document) passAlways(b *server.Brigade) error {
	b.Buckets, d.pending = d.pending, nil
	return d.link.Pass(b)
}

var _ receiver = (*document)(nil)

func (d *document) text(p []byte) error {
	if err := d.enough(); err != nil || !d.printing {
		return err
	}
	d.Write(p)
	return nil
}

// begin passes on what stands before an element: it may take time. Where that is
// nothing an empty brigade goes, so that the length of a document with an element
// is never known before its head (observed on 2.4.71).
func (d *document) begin() error {
	d.flush = false
	if !d.printing {
		return d.passPending(&server.Brigade{})
	}
	return d.passAlways(&server.Brigade{})
}

// Write puts text into the response.
func (d *document) Write(p []byte) {
	if len(p) > 0 {
		d.pending = append(d.pending, server.Bucket{Mem: append([]byte(nil), p...)})
	}
}

// Fail puts the error message into the response (SSI_CREATE_ERROR_BUCKET).
func (d *document) Fail() { d.Write([]byte(d.errorText)) }

func (d *document) mistake(m mistake, e *element) {
	d.failed = true
	switch m {
	case noElementName:
		elog.Error(d.r).Msgf("AH01368: missing directive name in parsed document %s", d.r.Filename)
	case valueWithout:
		elog.Error(d.r).Msgf("AH01369: missing argument name for value to tag %s in %s", e.name, d.r.Filename)
	case noNameForEquals:
		elog.Error(d.r).Msgf("AH01370: missing argument name for value to tag %s in %s", e.name, d.r.Filename)
	}
}

// element executes one.
func (d *document) element(e *element) error {
	if err := d.enough(); err != nil {
		return err
	}
	if d.failed { // stays so inside of what is skipped, until the brigade ends
		if d.printing {
			d.Fail()
			d.failed = false
		}
		return nil
	}
	d.args, d.argc = e.args, len(e.args)
	if f := elements[e.name]; f != nil {
		f(d)
		return nil
	}
	for _, m := range d.r.Gen.Modules {
		for _, x := range m.SSIElements {
			if x.Name == e.name {
				return x.Run(d)
			}
		}
	}
	elog.Error(d.r).Msgf("AH01371: unknown directive \"%s\" in parsed doc %s", e.name, d.r.Filename)
	if d.printing {
		d.Fail()
	}
	return nil
}
