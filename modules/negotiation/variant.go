package negotiation

import (
	"os"

	"github.com/donjon-httpd/donjon/server"
)

// variant is one of the forms in which a resource can be had.
type variant struct {
	found       *server.Request // nil: of a type map
	mediaType   string
	file        string // relative URL
	body        int64  // where it begins in the type map; 0: it is a file of its own
	encoding    string
	languages   []string
	charset     string
	description string

	// How good it is in each dimension: source by itself, the others to the client.
	langQuality, encodingQuality, charsetQuality, typeQuality, sourceQuality float32

	level         float32
	levelMatched  float32
	bytes         int64 // -1: not known yet
	languageIndex int   // in LanguagePriority; -1: not there
	html          bool
	stars         int // of the best match: 1 for */*, 2 for type/*, 3 for the type itself
	definite      bool
}

func newVariant() variant {
	return variant{bytes: -1, languageIndex: -1, definite: true,
		charsetQuality: 1, encodingQuality: 1, langQuality: 1, typeQuality: 1}
}

// setType takes over a Content-Type with its parameters (set_mime_fields).
func (v *variant) setType(contentType string) {
	a, _ := parseAccepted(contentType)
	v.mediaType, v.sourceQuality, v.level, v.charset = a.name, a.quality, a.level, a.charset
	v.html = a.name == "text/html" || a.name == includesType || a.name == includesType3
}

// length is the size of the variant, -1 where it cannot be told.
func (v *variant) length(dir string) int64 {
	switch {
	case v.bytes >= 0:
	case v.found != nil:
		v.bytes = v.found.Finfo.Size
	default:
		if st, err := os.Stat(dir + v.file); err == nil {
			v.bytes = st.Size()
		}
	}
	return v.bytes
}

// plain tells whether the variant is not encoded.
func (v *variant) plain() bool {
	switch v.encoding {
	case "", "7bit", "8bit", "binary":
		return true
	}
	return false
}

// negotiation is one choice being made: what the client accepts, and what there is.
type negotiation struct {
	r    *server.Request
	conf *config
	dir  string // of the file, with the last slash

	types, encodings, charsets, languages []accepted
	typeQ                                 bool    // an Accept element has a quality below 1
	noLanguage                            float32 // quality of a variant without language

	variants []variant
	onDisk   int // variants that MultiViews found

	transparent bool // RFC 2295: caches may choose too
	strict      bool // the client's fields are taken as they are
	understands bool // the client knows transparent negotiation
	alternates  bool // the list of variants is sent
	choose      bool // the server may choose
	rvsa        bool // by RFC 2296
}

func newNegotiation(r *server.Request) *negotiation {
	n := &negotiation{r: r, conf: slot.Of(r.Dir), dir: dirOf(r.Filename),
		types: acceptField(r, "Accept"), encodings: acceptField(r, "Accept-Encoding"),
		languages: acceptField(r, "Accept-Language"), charsets: acceptField(r, "Accept-Charset")}
	for _, a := range n.types {
		n.typeQ = n.typeQ || a.quality < 1
	}
	return n
}
