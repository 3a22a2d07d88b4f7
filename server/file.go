package server

import (
	"crypto/md5"
	"encoding/base64"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// FinfoOf takes what os.Stat or os.Lstat found.
func FinfoOf(st fs.FileInfo) Finfo {
	f := Finfo{Mode: st.Mode(), Size: st.Size(), Mtime: st.ModTime()}
	switch {
	case st.Mode().IsRegular():
		f.Type = RegularFile
	case st.IsDir():
		f.Type = Directory
	case st.Mode()&fs.ModeSymlink != 0:
		f.Type = Symlink
	default:
		f.Type = OtherFile
	}
	if sys, ok := st.Sys().(*syscall.Stat_t); ok {
		f.Inode, f.UID, f.GID = sys.Ino, sys.Uid, sys.Gid
	}
	return f
}

// StatAt looks at a file of an open directory; follow tells whether at what a
// link leads to.
func StatAt(dir *os.File, name string, follow bool) (Finfo, error) {
	var st unix.Stat_t
	flags := unix.AT_SYMLINK_NOFOLLOW
	if follow {
		flags = 0
	}
	if err := unix.Fstatat(int(dir.Fd()), name, &st, flags); err != nil {
		return Finfo{}, err
	}
	f := Finfo{Mode: fs.FileMode(st.Mode & 0o777), Size: st.Size, Mtime: time.Unix(st.Mtim.Unix()), Inode: st.Ino, UID: st.Uid, GID: st.Gid}
	for _, bit := range []struct {
		unix uint32
		mode fs.FileMode
	}{{unix.S_ISUID, fs.ModeSetuid}, {unix.S_ISGID, fs.ModeSetgid}, {unix.S_ISVTX, fs.ModeSticky}} {
		if st.Mode&bit.unix != 0 {
			f.Mode |= bit.mode
		}
	}
	switch st.Mode & unix.S_IFMT {
	case unix.S_IFREG:
		f.Type = RegularFile
	case unix.S_IFDIR:
		f.Type, f.Mode = Directory, f.Mode|fs.ModeDir
	case unix.S_IFLNK:
		f.Type, f.Mode = Symlink, f.Mode|fs.ModeSymlink
	default:
		f.Type, f.Mode = OtherFile, f.Mode|fs.ModeIrregular
	}
	return f, nil
}

// DefaultHandler sends the request's file (core's default_handler).
func DefaultHandler(r *Request) Status {
	r.Allow(false, "GET", "OPTIONS", "POST")
	if s := r.DiscardBody(); s != OK {
		return s
	}
	switch r.Method {
	case "GET", "HEAD", "POST":
		return r.sendFile()
	case "OPTIONS":
		return r.SendOptions()
	}
	if !KnownMethod(r.Method) {
		if len(r.TheRequest) > 1 && r.TheRequest[0] == 0x16 && (r.TheRequest[1] == 2 || r.TheRequest[1] == 3) {
			corelog.Error(r).Msgf("AH00134: Invalid method in request %s - possible attempt to establish SSL connection on non-SSL port", r.TheRequest)
		} else {
			corelog.Error(r).Msgf("AH00135: Invalid method in request %s", r.TheRequest)
		}
		return 501
	}
	return 405
}

func (r *Request) sendFile() Status {
	switch {
	case r.Finfo.Type == NoFile:
		corelog.Info(r).Msgf("AH00128: File does not exist: %s", r.Filename+r.PathInfo)
		return 404
	case r.Finfo.Type == Directory:
		corelog.Info(r).Msgf("AH00129: Attempt to serve directory: %s", r.Filename)
		return 404
	case r.UsedPathInfo != PathInfoOn && r.PathInfo != "":
		corelog.Info(r).Msgf("AH00130: File does not exist: %s", r.Filename+r.PathInfo)
		return 404
	}
	digest := CoreDir.Of(r.Dir).ContentDigest.Else(false)
	keep := r.cacheable() && !digest && !r.etagReads()
	var f *os.File
	var kept *cachedFile
	if keep {
		kept = r.Gen.files.get(r.Filename, &r.Finfo)
	}
	if kept == nil {
		var err error
		if f, err = openFile(r.Filename); err != nil {
			corelog.Error(r).Err(err).Msgf("AH00132: file permissions deny server access: %s", r.Filename)
			return 403
		}
		defer f.Close()
		if keep {
			kept, _ = r.Gen.files.read(r.Filename, &r.Finfo, f)
		}
	}
	if r.Finfo.Mtime.After(r.Mtime) {
		r.Mtime = r.Finfo.Mtime
	}
	r.SetLastModified()
	r.SetETag(f)
	r.SetAcceptRanges()
	r.SetContentLength(r.Finfo.Size)
	if digest {
		h := md5.New()
		if _, err := io.Copy(h, io.NewSectionReader(f, 0, r.Finfo.Size)); err == nil {
			r.Out.Set("Content-MD5", base64.StdEncoding.EncodeToString(h.Sum(nil)))
		}
	}
	b := Brigade{EOS: true}
	if s := r.MeetsConditions(); s != OK {
		r.Status, r.StatusLine = int(s), ""
	} else if kept != nil {
		b.Buckets = []Bucket{{Mem: kept.data, whole: &kept.whole}}
	} else if r.Finfo.Size > 0 {
		b.Buckets = []Bucket{{File: f, Len: r.Finfo.Size}}
		if CoreDir.Of(r.Dir).EnableMMAP.Else(true) {
			b.Buckets[0].whole = &wholeFile{name: r.Filename, info: r.Finfo, file: f}
		}
	}
	r.ended = true
	if err := r.PassBrigade(&b); err != nil && r.Status == 200 && !r.Conn.Aborted {
		corelog.Debug(r).Err(err).Msg("AH00133: default_handler: ap_pass_brigade returned 20014")
		return FilterError
	}
	return OK
}

// SetAcceptRanges tells whether parts of the response can be had.
func (r *Request) SetAcceptRanges() {
	ranges := "bytes"
	if CoreDir.Of(r.Dir).MaxRanges.Else(defaultMaxRanges) == 0 {
		ranges = "none"
	}
	r.Out.Set("Accept-Ranges", ranges)
}

// SendOptions answers OPTIONS.
func (r *Request) SendOptions() Status {
	if r.Main == nil && r.UnparsedURI == "*" {
		r.Out.Unset("Content-Type")
	}
	r.Out.Set("Allow", r.allowField())
	r.SetContentLength(0)
	r.End()
	return OK
}

// SendTrace echoes the request (ap_send_http_trace).
func (r *Request) SendTrace() Status {
	trace := CoreServer.Of(r.Top().Server).TraceEnable.Else(TraceOn)
	if trace == TraceOff {
		r.Notes.Set("error-notes", "TRACE denied by server configuration")
		return 405
	}
	var body []byte
	if r.Body != nil && (r.ContentLength > 0 || r.ContentLength < 0) {
		if trace != TraceExtended {
			r.Notes.Set("error-notes", "TRACE with a request body is not allowed")
			return 413
		}
		var err error
		if body, err = io.ReadAll(io.LimitReader(r.Body, 65537)); err != nil {
			return 400
		}
		if len(body) > 65536 {
			r.Notes.Set("error-notes", "Extended TRACE request bodies cannot exceed 64k\n")
			return 413
		}
	}
	r.insertProtocolFilters()
	r.ContentType = "message/http"
	r.WriteString(r.TheRequest + "\r\n")
	for _, name := range r.FieldOrder {
		v, _ := r.FieldIn(name)
		r.WriteString(name + ": " + v + "\r\n")
	}
	r.WriteString("\r\n" + string(body))
	r.passPending(false, false) // its length is not told, as Apache does not
	r.End()
	return Done
}
