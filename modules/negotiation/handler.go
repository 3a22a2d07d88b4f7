package negotiation

import (
	"os"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// multiViews stands ahead of the modules that find a file's type: where there
// is no such file the best variant takes its place (handle_multi).
func multiViews(r *server.Request) server.Status {
	if r.Finfo.Type != server.NoFile {
		return server.Declined
	}
	n := newNegotiation(r)
	if s := n.readDirectory(); s != server.OK {
		return s
	}
	if len(n.variants) == 0 {
		return server.Declined
	}
	best, s := n.run(r.Method != "GET" && r.Method != "HEAD" || r.HasArgs || r.PathInfo != "")
	if s != server.OK {
		return s
	}
	sub := best.found
	if sub == nil { // of a type map
		if sub = r.SubRequestFile(best.file); sub.Status != 200 {
			return server.Status(sub.Status)
		}
	}
	if !sub.HasArgs {
		sub.Args, sub.HasArgs = r.Args, r.HasArgs
	}
	r.InternalFastRedirect(sub)
	r.Mtime = time.Time{} // the newest of all variants is not known
	return server.OK
}

// typeMap answers with what a type map leads to (handle_map_file).
func typeMap(r *server.Request) server.Status {
	n := newNegotiation(r)
	if s := n.readMap(r); s != server.OK {
		return s
	}
	best, s := n.run(false)
	if s != server.OK {
		return s
	}
	if best.body != 0 {
		return sendBody(r, best)
	}
	r.URI = strings.TrimSuffix(r.URI, r.PathInfo)
	target := server.EscapePath(dirOf(r.URI)) + best.file + r.PathInfo
	if r.HasArgs {
		target += "?" + r.Args
	}
	r.InternalRedirect(target)
	return server.OK
}

// sendBody answers with a variant whose body stands in the type map.
func sendBody(r *server.Request, v *variant) server.Status {
	r.Allow(true, "GET", "OPTIONS", "POST")
	if r.Method != "GET" && r.Method != "HEAD" && r.Method != "POST" {
		return 405
	}
	r.SetAcceptRanges()
	r.SetContentLength(v.bytes)
	if v.mediaType != "" {
		r.ContentType = v.mediaType
		if v.charset != "" {
			r.ContentType += "; charset=" + v.charset
		}
	}
	if len(v.languages) > 0 {
		r.ContentLanguages = v.languages
	}
	if v.encoding != "" {
		r.ContentEncoding = v.encoding
	}
	if s := r.MeetsConditions(); s != server.OK {
		return s
	}
	if s := r.DiscardBody(); s != server.OK {
		return s
	}
	f, err := os.Open(r.Filename)
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH00683: cannot access type map file: %s", r.Filename)
		return 403
	}
	defer f.Close()
	r.EndWithFile(f, v.body, v.bytes)
	return server.OK
}

// run is do_negotiation. The best variant is nil unless the status is OK.
func (n *negotiation) run(preferScripts bool) (*variant, server.Status) {
	r := n.r
	n.choose = true
	if r.Method == "GET" || r.Method == "HEAD" {
		n.transparent = r.PathInfo == ""
		for i := range n.variants {
			if v := &n.variants[i]; strings.Contains(v.file, "/") || v.body != 0 {
				n.transparent = false
			}
		}
	}
	if n.transparent {
		n.readNegotiate()
	}
	n.addDefaults(preferScripts)
	best, chosen := n.best()
	if !chosen {
		n.alternates = true
		n.setFields(false)
		n.storeList()
		if n.transparent && n.understands {
			return nil, 300
		}
		if best == nil {
			elog.Error(r).Msgf("AH00690: no acceptable variant: %s", r.Filename)
			return nil, 406
		}
	}
	if n.transparent {
		if s := n.setChoice(best); s != server.OK {
			return nil, s
		}
	} else {
		n.setFields(chosen)
	}
	if !*serverSlot.Of(r.Server) && !r.ProtoAtLeast(1, 1) && n.onDisk != 1 {
		r.NoCache = true
	}
	return best, server.OK
}

// readNegotiate reads the Negotiate field (parse_negotiate_header). Lynx says
// "trans" without meaning it.
func (n *negotiation) readNegotiate() {
	field, ok := n.r.FieldIn("Negotiate")
	agent, _ := n.r.FieldIn("User-Agent")
	if !ok || field == "trans" && strings.HasPrefix(agent, "Lynx") {
		return
	}
	n.choose = false
	for _, item := range listItems(field) {
		switch {
		case item == "trans", item == "vlist", item == "guess-small", item == "*", item[0] >= '0' && item[0] <= '9':
		default:
			continue
		}
		n.understands, n.alternates = true, true
		switch item {
		case "1.0":
			n.choose, n.rvsa, n.strict = true, true, true
		case "*":
			n.choose, n.strict = true, true
		}
	}
}

// addDefaults lets scripts in, as the best where the request has a query, a
// body or a path behind the file, else as the last.
func (n *negotiation) addDefaults(preferScripts bool) {
	if n.types == nil {
		n.types = []accepted{{name: "*/*", quality: 1}}
	}
	script := accepted{name: scriptType, quality: 0.001}
	switch {
	case n.rvsa:
		script.quality = 0
	case preferScripts:
		script.quality = 2
	}
	n.types = append(n.types, script)
}

// setChoice adds the fields of a response that caches may choose themselves
// (setup_choice_response). The variant must not be negotiated in its turn.
func (n *negotiation) setChoice(v *variant) server.Status {
	r := n.r
	sub := v.found
	if sub == nil {
		sub = r.SubRequestFile(v.file)
		if sub.Status != 200 && !sub.ErrOut.Has("TCN") {
			return server.Status(sub.Status)
		}
		v.found = sub
	}
	if sub.ErrOut.Has("TCN") || sub.Handler == mapHandler {
		return 506
	}
	if vary, ok := sub.ErrOut.Lookup("Vary"); ok {
		r.ErrOut.Set("Variant-Vary", vary)
		r.ErrOut.Set("Vary", vary)
		sub.ErrOut.Unset("Vary")
	}
	r.ErrOut.Set("Content-Location", server.EscapeSegment(v.file))
	n.setFields(true)
	return server.OK
}

// fixEncoding spells the response's encoding as the client does: "gzip" or
// "x-gzip" (fix_encoding).
func fixEncoding(r *server.Request) server.Status {
	if r.ContentEncoding == "" {
		return server.Declined
	}
	encoding := strings.TrimPrefix(r.ContentEncoding, "x-")
	spelt := ""
	for _, a := range acceptField(r, "Accept-Encoding") {
		if a.name == encoding {
			r.ContentEncoding = a.name
			return server.OK
		}
		if a.name == "x-"+encoding {
			spelt = a.name
		}
	}
	if spelt == "" {
		return server.Declined
	}
	r.ContentEncoding = spelt
	return server.OK
}
