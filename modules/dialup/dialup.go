// Package dialup sends files as slowly as a modem would (mod_dialup): a second's
// bytes each second.
package dialup

import (
	"errors"
	"os"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// Module is dialup_module.
var Module = server.Module{
	Name: "dialup_module",
	Directives: directives.Table{
		{Name: "ModemStandard", In: directives.InDir,
			Usage: "Modem Standard to.. simulate. Must be one of: 'V.21', 'V.26bis', 'V.32', 'V.34', or 'V.92'",
			Set:   slot.Take1(setStandard)},
	},
	Hooks: []server.Hook{
		server.Handler.ReallyLast(handle).Before("core_module").When(slot.If((*config).enabled)).Plain().HarmlessUnless(concerns)},
}

var (
	slot = directives.NewDirSlot(func(base, add config) config { return config{add.speed.Or(base.speed)} })
	elog = server.NewLog("dialup")
)

type config struct{ speed directives.Opt[int64] } // bytes a second

func (c *config) enabled() bool { return c.speed.Else(0) > 0 }

// standards are the speeds of modems, in bytes a second.
var standards = []struct {
	name  string
	speed int64
}{{"V.21", 12}, {"V.26bis", 300}, {"V.32", 1200}, {"V.34", 3600}, {"V.92", 7000}, {"i-was-rich-and-got-a-leased-line", 187500}}

func setStandard(c *config, _ *directives.Cmd, name string) error {
	for _, s := range standards {
		if strings.EqualFold(s.name, name) {
			c.speed = directives.Given(s.speed)
			return nil
		}
	}
	return errors.New("mod_dialup: Unknown Modem Standard specified.")
}

// concerns tells whether the request is for a file that is sent slowly. What is
// left of its path behind the file does not matter, as in Apache.
func concerns(r *server.Request) bool {
	return (r.Method == "GET" || r.Method == "HEAD") && r.Finfo.Type != server.NoFile && r.Finfo.Type != server.Directory
}

// handle sends the file (dialup_handler). A condition that makes another answer of
// it leaves that to the default handler.
func handle(r *server.Request) server.Status {
	if !concerns(r) {
		return server.Declined
	}
	f, err := os.Open(r.Filename)
	if err != nil {
		return server.Declined
	}
	defer f.Close() //nolint:errcheck // it was only read
	r.Unrepeatable()
	if r.Finfo.Mtime.After(r.Mtime) {
		r.Mtime = r.Finfo.Mtime
	}
	r.SetLastModified()
	r.SetETag(f)
	r.SetAcceptRanges()
	r.SetContentLength(r.Finfo.Size)
	if r.MeetsConditions() != server.OK {
		elog.Error(r).Msg("AH01869: dialup: declined, meets conditions, good luck core handler")
		return server.Declined
	}
	return send(r, f, slot.Of(r.Dir).speed.Else(0), time.Second)
}

// send sends so many bytes with each pulse. No ranges are cut from them.
func send(r *server.Request, f *os.File, speed int64, pulse time.Duration) server.Status {
	for off := int64(0); ; {
		n := min(speed, r.Finfo.Size-off)
		b := server.Brigade{Streamed: true, Flush: true}
		if n > 0 {
			b.Buckets = []server.Bucket{{File: f, Off: off, Len: n}}
		}
		off += n
		if off == r.Finfo.Size || r.HeaderOnly {
			if err := r.EndWith(&b); err != nil {
				return failed(r, err)
			}
			return server.OK
		}
		if err := r.PassBrigade(&b); err != nil {
			return failed(r, err)
		}
		if r.Conn.Aborted {
			return server.OK
		}
		time.Sleep(pulse)
	}
}

func failed(r *server.Request, err error) server.Status {
	elog.Error(r).Err(err).Msg("AH01867: dialup: pulse: ap_pass_brigade failed:")
	return 500
}
