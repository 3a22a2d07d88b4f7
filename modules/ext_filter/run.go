package ext_filter

import (
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/program"
)

// instance is a filter at work on one response or body.
type instance struct {
	d       *definition
	r       *server.Request
	proc    *program.Process
	timeout time.Duration
	out     []byte // what the program has written and nobody has got yet
	deaf    bool   // the program reads no more
	ended   bool
}

// applies tells whether the filter is for this content at all.
func (d *definition) applies(r *server.Request) bool {
	if d.intype != "" && d.intype != "*/*" {
		t := r.ContentType
		if d.input {
			t, _ = r.FieldIn("Content-Type")
		}
		t, _, _ = strings.Cut(t, ";")
		if !strings.EqualFold(t, d.intype) {
			return false
		}
	}
	return (d.enableEnv == "" || r.Env.Has(d.enableEnv)) && (d.disableEnv == "" || !r.Env.Has(d.disableEnv))
}

// start starts the program (init_ext_filter_process).
func (d *definition) start(r *server.Request) (*instance, error) {
	f := &instance{d: d, r: r, timeout: server.CoreServer.Of(r.Server).Timeout.Else(server.DefaultTimeout)}
	r.AddCGIVars()
	r.AddCommonVars()
	r.Env.Set("DOCUMENT_URI", r.URI)
	r.Env.Set("DOCUMENT_PATH_INFO", r.PathInfo)
	if r.HasArgs {
		plain, _ := server.UnescapeURL(r.Args)
		r.Env.Set("QUERY_STRING_UNESCAPED", program.EscapeShell(plain))
	}
	say := func(string) {}
	if slot.Of(r.Dir).logStderr.Else(false) {
		say = func(line string) { elog.Error(r).Msgf("stderr from %s: %s", d.command, line) }
	}
	err := unix.Access(d.command, unix.X_OK)
	if err == nil {
		f.proc, err = program.StartFor(r, program.Command{Path: d.command, Args: d.args, Stderr: say})
	}
	if err != nil {
		elog.Error(r).Err(err).Msgf("AH01458: couldn't create child process to run `%s'", d.command)
		return nil, err
	}
	if d.outtype != "" && !strings.EqualFold(d.outtype, "unchanged") {
		r.ContentType = d.outtype
	}
	if !d.preservesLength {
		r.Out.Unset("Content-Length")
	}
	return f, nil
}

// feed gives a piece to the program.
func (f *instance) feed(p []byte) error {
	if f.deaf || len(p) == 0 {
		return nil
	}
	err := f.proc.Feed(p, func(out []byte) { f.out = append(f.out, out...) }, f.timeout)
	if errors.Is(err, unix.EPIPE) {
		f.deaf = true // what it has made of the beginning is all
	}
	if err != nil {
		elog.Error(f.r).Err(timeUp(err)).Msgf("AH01461: apr_file_write(child input), len %d", len(p))
	}
	return err
}

// drain takes what the program has written, or after its input ended all that it
// still writes.
func (f *instance) drain(all bool) error {
	for {
		if len(f.out) == cap(f.out) {
			f.out = append(make([]byte, 0, 2*cap(f.out)+4096), f.out...)
		}
		room := f.out[len(f.out):cap(f.out)]
		var n int
		var err error
		if all {
			f.proc.Stdout.SetReadDeadline(time.Now().Add(f.timeout)) //nolint:errcheck // a pipe has deadlines
			n, err = f.proc.Stdout.Read(room)
		} else {
			n, err = program.ReadNow(f.proc.Stdout, room)
		}
		f.out = f.out[:len(f.out)+n]
		switch {
		case err == io.EOF:
			f.ended = true
			return nil
		case err != nil:
			elog.Error(f.r).Err(timeUp(err)).Msg("AH01466: apr_file_read(child output), len -1")
			return err
		case n == 0, len(f.out) >= maxHeld:
			return nil
		}
	}
}

// maxHeld is how much output is gathered before it is sent on: what is shorter
// leaves as a whole, with its length.
const maxHeld = 1 << 20

// timeUp spells a time that is over as Apache does.
func timeUp(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errors.New("(70007)The timeout specified has expired")
	}
	return err
}

// filterOutput is ef_output_filter.
func (d *definition) filterOutput(l *server.Link, b *server.Brigade) error {
	r := l.R
	f, ok := l.State.(*instance)
	if !ok {
		if !d.applies(r) {
			l.Remove()
			return l.Pass(b)
		}
		var err error
		if f, err = d.start(r); err != nil {
			l.Remove()
			if slot.Of(r.Dir).remove.Else(false) {
				elog.Error(r).Err(err).Msgf("AH01467: can't initialise output filter %s: removing", d.name)
				return l.Pass(b)
			}
			elog.Error(r).Err(err).Msgf("AH01467: can't initialise output filter %s: aborting", d.name)
			return r.FilterFailed()
		}
		l.State = f
	}
	for _, k := range b.Buckets {
		if err := k.Pieces(f.feed); err != nil {
			elog.Error(r).Err(timeUp(err)).Msg("AH01468: ef_unified_filter() failed")
			if !f.deaf {
				return err
			}
		}
	}
	if b.EOS {
		f.proc.Stdin.Close() //nolint:errcheck // nothing is buffered
	}
	for {
		if err := f.drain(b.EOS); err != nil {
			elog.Error(r).Err(timeUp(err)).Msg("AH01468: ef_unified_filter() failed")
			return err
		}
		last := b.EOS && f.ended
		if len(f.out) == 0 && !last && !b.Flush {
			return nil
		}
		next := &server.Brigade{Flush: b.Flush, EOS: last}
		if len(f.out) > 0 {
			next.Buckets = []server.Bucket{{Mem: f.out}}
		}
		if last {
			f.proc.Stdout.Close() //nolint:errcheck // all was read
		}
		err := l.Pass(next)
		f.out = f.out[:0]
		if err != nil || last || !b.EOS {
			return err
		}
	}
}

// filterInput is ef_input_filter.
func (d *definition) filterInput(l *server.InputLink, p []byte) (int, error) {
	r := l.R
	f, ok := l.State.(*instance)
	if !ok {
		if !d.applies(r) {
			l.Remove()
			return l.Read(p)
		}
		var err error
		if f, err = d.start(r); err != nil {
			l.Remove()
			if slot.Of(r.Dir).remove.Else(false) {
				elog.Error(r).Err(err).Msgf("AH01470: can't initialise input filter %s: removing", d.name)
				return l.Read(p)
			}
			elog.Error(r).Err(err).Msgf("AH01470: can't initialise input filter %s: aborting", d.name)
			return 0, &server.BodyError{Status: 500, What: "(500)Unknown error 500"}
		}
		l.State = f
	}
	buf := make([]byte, 8192)
	for len(f.out) == 0 && !f.ended {
		n, err := l.Read(buf)
		if ferr := f.feed(buf[:n]); ferr != nil && !f.deaf {
			return 0, ferr
		}
		if err != nil && err != io.EOF {
			return 0, err
		}
		if err == io.EOF {
			f.proc.Stdin.Close() //nolint:errcheck // nothing is buffered
		}
		if derr := f.drain(err == io.EOF); derr != nil {
			return 0, derr
		}
	}
	if len(f.out) == 0 {
		return 0, io.EOF
	}
	n := copy(p, f.out)
	f.out = f.out[:copy(f.out, f.out[n:])]
	return n, nil
}
