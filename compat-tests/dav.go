package compattests

import (
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// lockClient remembers the tokens of locks: a request that holds {lock} gets the
// last one that was answered, {lock 1} the first.
type lockClient []string

var (
	lockRx      = regexp.MustCompile(`\{lock(?: (\d+))?\}`)
	lockTokenRx = regexp.MustCompile(`(?m)^Lock-Token: <([^>]*)>`)
)

func (l *lockClient) fill(request string) string {
	return lockRx.ReplaceAllStringFunc(request, func(m string) string {
		n := len(*l)
		if i, err := strconv.Atoi(lockRx.FindStringSubmatch(m)[1]); err == nil {
			n = i
		}
		if n < 1 || n > len(*l) {
			return m
		}
		return (*l)[n-1]
	})
}

func (l *lockClient) learn(response string) {
	if m := lockTokenRx.FindStringSubmatch(response); m != nil {
		*l = append(*l, m[1])
	}
}

var (
	createdRx    = regexp.MustCompile(`<lp1:creationdate>[^<]+<`)
	secondRx     = regexp.MustCompile(`<D:timeout>Second-(\d+)<`)
	responseRx   = regexp.MustCompile(`<D:response( xmlns:[^>]*)>`)
	davNamespace = regexp.MustCompile(` xmlns:\w+="[^"]*"`)
)

// normalDAV takes out what differs by nature in WebDAV's bodies: times, and the
// order of namespaces, which is a hash table's in Apache.
func normalDAV(s string) string {
	s = createdRx.ReplaceAllLiteralString(s, "<lp1:creationdate><time><")
	s = secondRx.ReplaceAllStringFunc(s, func(m string) string { // a second may have passed
		n, _ := strconv.Atoi(secondRx.FindStringSubmatch(m)[1])
		return "<D:timeout>Second-" + strconv.Itoa((n+9)/10*10) + "<"
	})
	return responseRx.ReplaceAllStringFunc(s, func(m string) string {
		list := davNamespace.FindAllString(m, -1)
		slices.Sort(list)
		return "<D:response" + strings.Join(list, "") + ">"
	})
}
