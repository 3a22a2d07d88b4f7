package lua

import (
	"crypto/md5"
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	lua "github.com/yuin/gopher-lua"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/passwd"
)

// codeFuncs code and decode texts.
var codeFuncs = map[string]func(*call) int{
	"escape": func(c *call) int {
		c.request(1)
		return c.pushText(server.EscapeForm(c.cStr(2)))
	},
	"unescape": func(c *call) int {
		c.request(1)
		if s, ok := server.UnescapeForm(c.cStr(2)); ok {
			return c.pushText(s)
		}
		return 0
	},
	"escape_html": func(c *call) int {
		c.request(1)
		return c.pushText(server.EscapeHTML(c.cText(2)))
	},
	"os_escape_path": func(c *call) int {
		c.object(1)
		c.request(1)
		if s := c.cStr(2); c.flag(3) {
			return c.pushText(server.EscapePath(s))
		}
		return c.pushText(server.EscapeURIPath(c.cStr(2)))
	},
	"escape_logitem": func(c *call) int {
		c.object(1)
		c.request(1)
		return c.pushText(string(server.AppendLogItem(nil, c.cStr(2))))
	},
	"base64_encode": func(c *call) int {
		c.request(1)
		return c.pushText(base64.StdEncoding.EncodeToString([]byte(c.str(2))))
	},
	// One NUL at the end is taken for the end of a text.
	"base64_decode": func(c *call) int {
		c.request(1)
		return c.pushText(strings.TrimSuffix(string(server.DecodeBase64(c.cStr(2))), "\x00"))
	},
	"md5": func(c *call) int {
		c.request(1)
		sum := md5.Sum([]byte(c.str(2)))
		return c.pushText(hex.EncodeToString(sum[:]))
	},
	"sha1": func(c *call) int {
		c.request(1)
		sum := sha1.Sum([]byte(c.str(2)))
		return c.pushText(hex.EncodeToString(sum[:]))
	},
	"htpassword": htpassword,
	"construct_url": func(c *call) int {
		r := c.request(1)
		return c.pushText(r.ConstructURL(c.cText(2)))
	},
	"date_parse_rfc": func(c *call) int {
		t, ok := parseDate(c.str(1))
		if !ok {
			return 0
		}
		return c.push(lua.LNumber(t.Unix()))
	},
}

// Algorithms of htpassword, and the cost of bcrypt where none is given.
const (
	algAPR1 = iota
	algSHA
	algBcrypt
	algCrypt

	defaultCost = 5
)

func htpassword(c *call) int {
	c.request(1)
	password := c.cStr(2)
	alg, cost := c.optInteger(3, algAPR1), c.optInteger(4, 0)
	failed := func(text string) int { return c.push(lua.LFalse, lua.LString(text)) }
	switch alg {
	case algAPR1:
		return c.pushText(passwd.MakeAPR1(password))
	case algSHA:
		return c.pushText(passwd.MakeSHA(password))
	case algCrypt:
		return c.pushText(passwd.MakeCrypt(password))
	case algBcrypt:
		if cost == 0 {
			cost = defaultCost
		}
		if cost < 4 || cost > 17 {
			return failed("Unable to encode with bcrypt: Invalid argument")
		}
		hash, err := passwd.MakeBcrypt(password, int(cost))
		if err != nil {
			return failed("Unable to encode with bcrypt: " + err.Error())
		}
		return c.pushText(hash)
	}
	return failed(fmt.Sprintf("mk_password_hash(): unsupported algorithm %d", alg))
}

// dateForms are those of apr_date_parse_rfc beside HTTP's three.
var dateForms = []string{
	"Mon, 2 Jan 2006 15:04:05 GMT", "Mon, 02 Jan 2006 15:04:05 -0700", "Mon, 2 Jan 2006 15:04:05 -0700",
	"Mon, 02 Jan 06 15:04:05 -0700", "Mon, 02 Jan 06 15:04:05 GMT", "Mon, 2 Jan 06 15:04:05 GMT", "Mon, 02 Jan 06 15:04 -0700",
	"02 Jan 2006 15:04:05 -0700", "2 Jan 2006 15:04:05 -0700", "02 Jan 06 15:04:05 GMT", "02 Jan 2006 15:04:05 GMT", "2 Jan 2006 15:04:05 GMT",
	"Mon Jan _2 15:04:05 2006 -0700", "Mon, 02 Jan 2006 15:04 -0700",
}

func parseDate(s string) (time.Time, bool) {
	s = strings.Trim(s, " \t")
	t, err := http.ParseTime(s)
	for i := 0; err != nil && i < len(dateForms); i++ {
		t, err = time.Parse(dateForms[i], s)
	}
	return t, err == nil && t.Unix() != 0
}
