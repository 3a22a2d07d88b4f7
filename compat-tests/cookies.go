package compattests

import (
	"bufio"
	"net/http"
	"regexp"
	"strings"
)

// cookieClient keeps cookies as a browser does, whatever their path: a request
// that holds {cookies} gets those that were set last.
type cookieClient struct{ names, values []string }

func (k *cookieClient) fill(request string) string {
	var list []string
	for i, n := range k.names {
		list = append(list, n+"="+k.values[i])
	}
	return strings.ReplaceAll(request, "{cookies}", strings.Join(list, "; "))
}

// learn takes the cookies of a response.
func (k *cookieClient) learn(response string) {
	if !strings.Contains(response, "Set-Cookie:") {
		return
	}
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(response)), nil)
	if err != nil {
		return
	}
	for _, line := range r.Header["Set-Cookie"] {
		pair, attributes, _ := strings.Cut(line, ";")
		name, value, _ := strings.Cut(pair, "=")
		for i, n := range k.names {
			if n == name {
				k.names, k.values = append(k.names[:i], k.names[i+1:]...), append(k.values[:i], k.values[i+1:]...)
				break
			}
		}
		if !strings.Contains(attributes, "Max-Age=0") {
			k.names, k.values = append(k.names, name), append(k.values, value)
		}
	}
}

var (
	expiryRx  = regexp.MustCompile(`expiry=\d{16}`)
	uuidRx    = regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)
	cryptedRx = regexp.MustCompile(`crypted=[A-Za-z0-9+/]{64,}=*`)
)

// normalSession takes out what is random or a time in sessions.
func normalSession(s string) string {
	s = expiryRx.ReplaceAllString(s, "expiry=<expiry>")
	s = uuidRx.ReplaceAllString(s, "<uuid>")
	return cryptedRx.ReplaceAllString(s, "crypted=<secret>")
}
