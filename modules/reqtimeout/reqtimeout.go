// Package reqtimeout bounds how long clients may take to send a request
// (mod_reqtimeout). The wire engine keeps the time; this module says how much
// there is.
package reqtimeout

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// Module is reqtimeout_module.
var Module = server.Module{
	Name: "reqtimeout_module",
	Directives: directives.Table{
		{Name: "RequestReadTimeout", In: directives.InServer,
			Usage: "Set various timeout parameters for TLS handshake and/or reading request headers and body",
			Details: "Each of handshake=, header= and body= takes seconds, 0 for no bound, or FIRST-MOST,MinRate=BYTES: FIRST seconds, " +
				"and one more for each BYTES that came, up to MOST. Without the directive header=20-40,MinRate=500 body=20,MinRate=500 hold. " +
				"A kept connection that waits for its next request is KeepAliveTimeout's.",
			Set: slot.Raw((*config).set)},
	},
	ReadLimits: func(v *directives.Server) *server.ReadLimits { return slot.Of(v).limits() },
}

var (
	slot = directives.NewServerSlot(func(base, add config) config {
		return config{handshake: add.handshake.Or(base.handshake), header: add.header.Or(base.header), body: add.body.Or(base.body)}
	})
	elog = server.NewLog("reqtimeout")
)

type config struct {
	handshake, header, body directives.Opt[server.ReadLimit]
}

// The defaults of header and body; a handshake is not bounded unless asked for.
var (
	defaultHeader = server.ReadLimit{First: 20 * time.Second, Most: 40 * time.Second, PerByte: time.Second / 500}
	defaultBody   = server.ReadLimit{First: 20 * time.Second, PerByte: time.Second / 500}
)

func (c *config) limits() *server.ReadLimits {
	return &server.ReadLimits{
		Handshake: c.handshake.Else(server.ReadLimit{}), Header: c.header.Else(defaultHeader), Body: c.body.Else(defaultBody),
		Expired: func(c *server.Conn, part string) { elog.Info(c).Msgf("AH01382: Request %s read timeout", part) },
	}
}

func (c *config) set(_ *directives.Cmd, args string) error {
	for args != "" {
		var word string
		word, args = httpdconf.Getword(args)
		key, value, ok := strings.Cut(word, "=")
		if !ok {
			return errors.New("Invalid RequestReadTimeout parameter. Parameter must be in the form 'key=value'")
		}
		if err := c.setPart(key, value); err != nil {
			return fmt.Errorf("RequestReadTimeout: %s=%s: %w", key, value, err)
		}
	}
	return nil
}

func (c *config) setPart(key, value string) error {
	var part *directives.Opt[server.ReadLimit]
	switch strings.ToLower(key) {
	case "handshake":
		part = &c.handshake
	case "header":
		part = &c.header
	case "body":
		part = &c.body
	default:
		return errors.New("Unknown RequestReadTimeout parameter")
	}
	l, err := parse(value)
	if err == nil {
		*part = directives.Given(l)
	}
	return err
}

// parse reads "20", "20-40,MinRate=500" or "20,MinRate=500" (set_reqtimeout_param).
func parse(value string) (server.ReadLimit, error) {
	var l server.ReadLimit
	const rateWord = ",minrate="
	at := strings.Index(server.LowerASCII(value), rateWord) // other letters may change their length
	if at < 0 {
		if strings.Contains(value, "-") {
			return l, errors.New("Must set MinRate option if using timeout range")
		}
		first, err := number(value)
		l.First = first * time.Second
		return l, err
	}
	rate, err := number(value[at+len(rateWord):])
	if err != nil {
		return l, err
	}
	if rate == 0 {
		return l, errors.New("Minimum data rate must be larger than 0")
	}
	// Apache counts in microseconds: above a million bytes a second nothing is added.
	l.PerByte = (time.Second / rate).Truncate(time.Microsecond)
	first, most, ranged := strings.Cut(value[:at], "-")
	if ranged {
		n, err := number(most)
		if err != nil {
			return l, err
		}
		l.Most = n * time.Second
	}
	n, err := number(first)
	if err != nil {
		return l, err
	}
	l.First = n * time.Second
	if l.Most > 0 && l.First >= l.Most {
		return l, errors.New("Maximum timeout must be larger than initial timeout")
	}
	return l, nil
}

// number reads a whole number as strtol does, in the range of an int.
func number(s string) (time.Duration, error) {
	text := strings.TrimLeft(s, " \t")
	end := 0
	for end < len(text) && (text[end] >= '0' && text[end] <= '9' || end == 0 && (text[end] == '-' || text[end] == '+')) {
		end++
	}
	n, err := strconv.ParseInt(text[:end], 10, 32)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		return 0, fmt.Errorf("Value '%s' not numerical", s)
	case err != nil:
		return 0, fmt.Errorf("Cannot parse '%s'", s)
	case end < len(text):
		return 0, fmt.Errorf("Cannot parse '%s'", text[end:])
	case n < 0:
		return 0, errors.New("Value must be non-negative")
	}
	return time.Duration(n), nil
}
