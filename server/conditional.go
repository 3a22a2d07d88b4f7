package server

import (
	"net/http"
	"strings"
	"time"
)

// Conditional requests (RFC 9110 section 13, as ap_meets_conditions has them).

type condition uint8

const (
	conditionNone condition = iota
	conditionNoMatch
	conditionWeak
	conditionStrong
)

// MeetsConditions answers OK, or 304 or 412, for a response whose ETag and
// Last-Modified are set.
func (r *Request) MeetsConditions() Status {
	if r.Status/100 != 2 || r.NoLocalCopy {
		return OK
	}
	if r.ifMatch() == conditionNoMatch {
		return 412
	}
	notModified, unset := false, true
	switch c := r.ifUnmodifiedSince(); {
	case c == conditionNoMatch:
		unset = false
	case c >= conditionWeak:
		return 412
	}
	hold := func() {
		if unset || notModified {
			notModified, unset = true, false
		}
	}
	switch c := r.ifNoneMatch(); {
	case c == conditionNoMatch:
		notModified, unset = false, false
	case c >= conditionWeak:
		if !r.isGet() {
			return 412
		}
		hold()
	}
	switch c := r.ifModifiedSince(); {
	case c == conditionNoMatch:
		notModified, unset = false, false
	case c >= conditionWeak && r.isGet():
		hold()
	}
	if r.ifRange() > conditionNone {
		return OK
	}
	if notModified {
		return 304
	}
	return OK
}

func (r *Request) hasRange() bool { _, ok := r.FieldIn("Range"); return ok }

func (r *Request) ifMatch() condition {
	v, ok := r.FieldIn("If-Match")
	if !ok {
		return conditionNone
	}
	tag, has := r.Out.Lookup("ETag")
	if strings.HasPrefix(v, "*") || has && findETag(v, tag, false) {
		return conditionStrong
	}
	return conditionNoMatch
}

func (r *Request) ifNoneMatch() condition {
	v, ok := r.FieldIn("If-None-Match")
	if !ok {
		return conditionNone
	}
	if strings.HasPrefix(v, "*") {
		return conditionStrong
	}
	tag, has := r.Out.Lookup("ETag")
	switch {
	case !has:
	case r.isGet() && !r.hasRange():
		if findETag(v, tag, true) {
			return conditionWeak
		}
	case findETag(v, tag, false):
		return conditionStrong
	}
	return conditionNoMatch
}

// modified is the resource's time in whole seconds, and now the request's.
func (r *Request) modified() (mtime, now time.Time) {
	now = r.Received.Truncate(time.Second)
	if t, ok := parseDate(r.Out.Get("Last-Modified")); ok {
		return t, now
	}
	r.Unrepeatable()
	if !r.Mtime.IsZero() {
		return r.Mtime.Truncate(time.Second), now
	}
	return time.Now().Truncate(time.Second), now
}

// strength: a time stamp younger than a minute may not tell two versions apart.
func (r *Request) strength(mtime, now time.Time) condition {
	if now.Before(mtime.Add(time.Minute)) {
		if r.hasRange() {
			r.Unrepeatable() // a minute later it is another
			return conditionNoMatch
		}
		return conditionWeak
	}
	return conditionStrong
}

func (r *Request) ifUnmodifiedSince() condition {
	v, ok := r.FieldIn("If-Unmodified-Since")
	if !ok {
		return conditionNone
	}
	mtime, now := r.modified()
	t, ok := parseDate(v)
	if ok && mtime.After(t) {
		return r.strength(mtime, now)
	}
	return conditionNoMatch
}

func (r *Request) ifModifiedSince() condition {
	v, ok := r.FieldIn("If-Modified-Since")
	if !ok {
		return conditionNone
	}
	mtime, now := r.modified()
	t, ok := parseDate(v)
	if t.After(now) {
		r.Unrepeatable()
	} else if ok && !t.Before(mtime) {
		return r.strength(mtime, now)
	}
	return conditionNoMatch
}

func (r *Request) ifRange() condition {
	v, ok := r.FieldIn("If-Range")
	if !ok || !r.hasRange() {
		return conditionNone
	}
	if strings.HasPrefix(v, `"`) {
		if tag, has := r.Out.Lookup("ETag"); has && tag == v {
			return conditionStrong
		}
		return conditionNoMatch
	}
	mtime, now := r.modified()
	t, ok := parseDate(v)
	if now.Before(mtime.Add(time.Minute)) {
		r.Unrepeatable()
	} else if ok && t.Equal(mtime) {
		return conditionStrong
	}
	return conditionNoMatch
}

// parseDate reads the three forms of an HTTP date. The first second of 1970 is
// none: apr_date_parse_http gives it for what it cannot read.
func parseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	if s == "" {
		return time.Time{}, false
	}
	t, err := http.ParseTime(s)
	return t, err == nil && t.Unix() != 0
}

// findETag looks for a tag in a list. The strong comparison wants both strong;
// the weak one ignores W/.
func findETag(list, tag string, weak bool) bool {
	if !weak && !strings.HasPrefix(tag, `"`) {
		return false
	}
	tag = strings.TrimPrefix(tag, "W/")
	for list != "" {
		list = strings.TrimLeft(list, ", \t")
		item := list
		if weak {
			item = strings.TrimPrefix(item, "W/")
		}
		if !strings.HasPrefix(item, `"`) {
			return false
		}
		end := strings.IndexByte(item[1:], '"')
		if end < 0 {
			return false
		}
		if item[:end+2] == tag {
			return true
		}
		list = item[end+2:]
		if i := strings.IndexByte(list, ','); i >= 0 {
			list = list[i+1:]
		} else {
			return false
		}
	}
	return false
}
