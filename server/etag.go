package server

import (
	"crypto/sha1"
	"encoding/base64"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// EffectiveETag is what FileETag asks for under a merged configuration; set is
// false when nothing was said.
func (c *DirConfig) EffectiveETag() (bits ETagBits, set bool) {
	bits, ok := c.ETag.Get()
	bits = bits&^c.ETagRemove | c.ETagAdd
	return bits, ok || c.ETagAdd|c.ETagRemove != 0
}

// SetETag sets the entity tag of the request's file, or notes that there is
// none (ap_set_etag_fd). f is read for FileETag Digest only.
func (r *Request) SetETag(f *os.File) {
	if tag := r.makeETag(f); tag != "" {
		r.Out.Set("ETag", tag)
		return
	}
	r.Notes.Set("no-etag", "omit")
}

// etagReads tells whether the tag is made of the file's bytes (FileETag Digest).
func (r *Request) etagReads() bool {
	bits, _ := CoreDir.Of(r.Dir).EffectiveETag()
	return bits&ETagDigest != 0
}

// SetVlistValidator makes the state of the file that a list of variants was
// taken from, a type map or a directory, a part of the response's entity tag.
func (r *Request) SetVlistValidator(source *Request) {
	if source.Finfo.Mtime.After(source.Mtime) {
		source.Mtime = source.Finfo.Mtime
	}
	r.VlistValidator = source.makeETag(nil)
}

func (r *Request) makeETag(f *os.File) string {
	bits, set := CoreDir.Of(r.Dir).EffectiveETag()
	if !set {
		bits = ETagDefault
	}
	weak := ""
	vlist := strings.TrimPrefix(r.VlistValidator, `"`)
	if rest, ok := strings.CutPrefix(r.VlistValidator, `W/"`); ok {
		weak, vlist = "W/", rest
	}
	end := `"`
	if vlist != "" {
		end = ";" + vlist[:len(vlist)-1] // 2.4.71 leaves its quotation mark out
	}
	if bits&ETagDigest != 0 && f != nil && r.Finfo.Type == RegularFile {
		h := sha1.New()
		if _, err := io.Copy(h, io.NewSectionReader(f, 0, r.Finfo.Size)); err == nil {
			return weak + `"` + base64.StdEncoding.EncodeToString(h.Sum(nil)) + end
		}
	}
	if bits&ETagNone != 0 || bits == 0 {
		return ""
	}
	mtime := r.Finfo.Mtime
	if r.Finfo.Type == NoFile {
		mtime, bits = r.Mtime, ETagMTime
	}
	if r.Received.Sub(mtime) < time.Second {
		weak = "W/" // it may change again within the second
	}
	var parts []string
	hex := func(n uint64) { parts = append(parts, strconv.FormatUint(n, 16)) }
	if bits&ETagINode != 0 {
		hex(r.Finfo.Inode)
	}
	if bits&ETagSize != 0 {
		hex(uint64(r.Finfo.Size))
	}
	if bits&ETagMTime != 0 {
		hex(uint64(mtime.UnixMicro()))
	}
	return weak + `"` + strings.Join(parts, "-") + end
}
