package server

import (
	"strings"
	"sync"
)

// Methods are numbered so that sets of them are bits (<Limit>, Allow). The
// order of the known ones is Apache's, and the order of the Allow field.
var knownMethods = [...]string{"GET", "PUT", "POST", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "PROPFIND",
	"PROPPATCH", "MKCOL", "COPY", "MOVE", "LOCK", "UNLOCK", "VERSION-CONTROL", "CHECKOUT", "UNCHECKOUT", "CHECKIN",
	"UPDATE", "LABEL", "REPORT", "MKWORKSPACE", "MKACTIVITY", "BASELINE-CONTROL", "MERGE"}

// methodInvalid is the number of a method that nobody registered (M_INVALID).
const methodInvalid = 26

// extensions are the methods of RegisterHttpMethod. They are registered while
// a configuration is compiled.
var extensions struct {
	sync.RWMutex
	names []string
}

// RegisterMethod makes an extension method known. It gives false when there is
// no bit left for it.
func RegisterMethod(name string) bool {
	if methodNumber(name) != methodInvalid {
		return true
	}
	extensions.Lock()
	defer extensions.Unlock()
	if methodInvalid+1+len(extensions.names) > 62 {
		return false
	}
	extensions.names = append(extensions.names, name)
	return true
}

func methodNumber(name string) int {
	switch name {
	case "GET", "HEAD":
		return 0
	case "POST":
		return 2
	}
	for i, m := range knownMethods {
		if m == name {
			return i
		}
	}
	extensions.RLock()
	defer extensions.RUnlock()
	for i, m := range extensions.names {
		if m == name {
			return methodInvalid + 1 + i
		}
	}
	return methodInvalid
}

// MethodBit is the bit of a method, 0 for one that is not known. HEAD is GET's.
func MethodBit(name string) int64 {
	n := methodNumber(name)
	if n == methodInvalid {
		return 0
	}
	return 1 << n
}

// KnownMethod tells whether a method is known to the server.
func KnownMethod(name string) bool { return methodNumber(name) != methodInvalid }

// MethodBit is the bit of the request's method; that of all unknown ones for an unknown one.
func (r *Request) MethodBit() int64 { return 1 << methodNumber(r.Method) }

func (r *Request) isGet() bool { return r.Method == "GET" || r.Method == "HEAD" }

// Allow adds methods to those that the resource has (ap_allow_methods); reset
// forgets those that were added before.
func (r *Request) Allow(reset bool, methods ...string) {
	if reset {
		r.Allowed = 0
	}
	for _, m := range methods {
		r.Allowed |= MethodBit(m)
	}
}

// allowField is the value of the Allow field (make_allow): the registered
// methods by number, then HEAD, then TRACE where the server has it.
func (r *Request) allowField() string {
	var list []string
	for i, m := range knownMethods {
		if r.Allowed&(1<<i) != 0 && m != "TRACE" {
			list = append(list, m)
		}
	}
	extensions.RLock()
	for i, m := range extensions.names {
		if r.Allowed&(1<<(methodInvalid+1+i)) != 0 {
			list = append(list, m)
		}
	}
	extensions.RUnlock()
	if r.Allowed&1 != 0 {
		list = append(list, "HEAD")
	}
	if CoreServer.Of(r.Server).TraceEnable.Else(TraceOn) != TraceOff {
		list = append(list, "TRACE")
	}
	return strings.Join(list, ",")
}
