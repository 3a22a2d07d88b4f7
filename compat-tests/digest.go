package compattests

import (
	"crypto/md5"
	"encoding/hex"
	"regexp"
	"strings"
)

// digestClient answers Digest challenges: a request that holds
// {digest user=ann password=secret …} gets an Authorization value made of the
// last challenge. Further words set parameters (nc=2, uri=/x, nonce=previous), or,
// with an empty value, leave them out.
type digestClient struct{ nonce, previous, opaque string }

var (
	digestRx    = regexp.MustCompile(`\{digest ([^}\r\n]*)\}`)
	challengeRx = regexp.MustCompile(`(?m)^(?:(?:WWW|Proxy)-Authenticate: Digest|(?:Proxy-)?Authentication-Info:) .*$`)
	nonceRx     = regexp.MustCompile(`([ ,](?:next)?nonce)="([^"]*)"`)
	opaqueRx    = regexp.MustCompile(`opaque="([^"]*)"`)
	nonceLogRx  = regexp.MustCompile(`((?:invalid |for |one-time-)nonce |hash is not )[0-9A-Za-z+/=]{12,}`)
)

// fill writes the value into a request. rspauth is what the server must answer.
func (d *digestClient) fill(request string) (filled, rspauth string) {
	line, _, _ := strings.Cut(request, "\r\n")
	words := strings.Fields(line)
	filled = digestRx.ReplaceAllStringFunc(request, func(m string) string {
		p := map[string]string{"realm": "Members", "uri": words[1], "nonce": d.nonce, "opaque": d.opaque, "qop": "auth",
			"nc": "00000001", "cnonce": "abc", "method": words[0]}
		for _, w := range strings.Fields(digestRx.FindStringSubmatch(m)[1]) {
			k, v, _ := strings.Cut(w, "=")
			if w == "nonce=previous" {
				v = d.previous
			}
			p[k] = v
		}
		ha1 := md5Hex(p["user"] + ":" + p["realm"] + ":" + p["password"])
		middle := p["nonce"] + ":"
		if p["qop"] != "" {
			middle += p["nc"] + ":" + p["cnonce"] + ":" + p["qop"] + ":"
		}
		if _, given := p["response"]; !given {
			p["response"] = md5Hex(ha1 + ":" + middle + md5Hex(p["method"]+":"+p["uri"]))
		}
		rspauth = md5Hex(ha1 + ":" + middle + md5Hex(":"+p["uri"]))
		p["username"] = p["user"]
		var list []string
		for _, k := range []string{"username", "realm", "nonce", "uri", "response", "opaque", "algorithm", "cnonce"} {
			if p[k] != "" {
				list = append(list, k+`="`+p[k]+`"`)
			}
		}
		for _, k := range []string{"qop", "nc"} {
			if p[k] != "" {
				list = append(list, k+"="+p[k])
			}
		}
		return "Digest " + strings.Join(list, ", ")
	})
	return filled, rspauth
}

// learn takes the challenge of a response, and gives the response without what is random.
func (d *digestClient) learn(response, rspauth string) string {
	for _, field := range challengeRx.FindAllString(response, -1) {
		if m := nonceRx.FindStringSubmatch(field); m != nil {
			d.nonce, d.previous = m[2], d.nonce
		}
		if m := opaqueRx.FindStringSubmatch(field); m != nil {
			d.opaque = m[1]
		}
	}
	if rspauth != "" {
		response = strings.ReplaceAll(response, `rspauth="`+rspauth+`"`, `rspauth="<right>"`)
	}
	return nonceRx.ReplaceAllString(response, `$1="<nonce>"`)
}

func md5Hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}
