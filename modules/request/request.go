// Package request keeps a request's body for subrequests and redirects that
// want to read it again (mod_request).
package request

import (
	"errors"
	"io"
	"maps"
	"strconv"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is request_module.
var Module = server.Module{
	Name: "request_module",
	Directives: directives.Table{
		{Name: "KeptBodySize", In: directives.InDir, Usage: "Maximum size of request bodies kept aside for use by filters",
			Set: slot.Take1((*config).setSize)},
	},
	Hooks:        []server.Hook{server.InsertFilter.Last(insertFilter).Plain()},
	InputFilters: []*server.InputFilter{keep, kept},
}

var elog = server.NewLog("request")

var slot = directives.NewDirSlot(func(base, add config) config { return config{add.size.Or(base.size)} })

type config struct{ size directives.Opt[int64] }

func (c *config) setSize(_ *directives.Cmd, word string) error {
	n, rest, ok := server.Strtoff(word)
	if !ok || n < 0 || rest != "" {
		return errors.New("KeptBodySize must be a valid size in bytes, or zero.")
	}
	c.size = directives.Given(n)
	return nil
}

var (
	keep = &server.InputFilter{Name: "KEEP_BODY", Level: server.ResourceLevel, Read: keepBody}
	kept = &server.InputFilter{Name: "KEPT_BODY", Level: server.ResourceLevel, Read: readKept}
)

// insertFilter keeps the body that comes, or gives one that was kept, which has
// no chunks any more.
func insertFilter(r *server.Request) {
	switch {
	case r.KeptBody != nil:
		r.Unrepeatable()
		r.Header = maps.Clone(r.Header) // a subrequest shares it
		r.UnsetFieldIn("Transfer-Encoding")
		r.SetFieldIn("Content-Length", strconv.Itoa(len(r.KeptBody)))
		r.ContentLength = int64(len(r.KeptBody))
		r.AddInputFilter(kept)
	case slot.Of(r.Dir).size.Else(0) > 0:
		r.AddInputFilter(keep)
	}
}

// keeping is what keepBody has room for.
type keeping struct{ left int64 }

func keepBody(l *server.InputLink, p []byte) (int, error) {
	r := l.R
	k, ok := l.State.(*keeping)
	if !ok {
		size := slot.Of(r.Dir).size.Else(0)
		if size == 0 || r.KeptBody != nil {
			l.Remove()
			return l.Read(p)
		}
		if v, ok := r.FieldIn("Content-Length"); ok {
			n, err := strconv.ParseUint(v, 10, 63)
			switch {
			case err != nil:
				elog.Error(r).Msgf("AH01411: Invalid Content-Length '%s'", v)
				return 0, tooLarge(l)
			case int64(n) > size:
				elog.Error(r).Msgf("AH01412: Requested content-length of %d is larger than the configured limit of %d", n, size)
				return 0, tooLarge(l)
			}
		}
		k = &keeping{size}
		l.State = k
		r.KeptBody = []byte{}
	}
	n, err := l.Read(p)
	if int64(n) > k.left {
		r.KeptBody = nil
		// Apache prints a limit of 0 here, observed on 2.4.71.
		elog.Error(r).Msgf("AH01413: Requested content-length of %d is larger than the configured limit of %d", n, 0)
		return 0, tooLarge(l)
	}
	k.left -= int64(n)
	if err != nil && err != io.EOF {
		r.KeptBody = nil
		return 0, err
	}
	r.KeptBody = append(r.KeptBody, p[:n]...)
	return n, err
}

func tooLarge(l *server.InputLink) error {
	l.Remove()
	return &server.BodyError{Status: 413, What: "the body is too large to be kept", AsBucket: true}
}

// readKept gives the kept body, then what is behind it.
func readKept(l *server.InputLink, p []byte) (int, error) {
	at, _ := l.State.(int)
	if at >= len(l.R.KeptBody) {
		return l.Read(p)
	}
	n := copy(p, l.R.KeptBody[at:])
	l.State = at + n
	return n, nil
}
