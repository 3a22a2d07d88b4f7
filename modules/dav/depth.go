package dav

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// infinity is the Depth of that name.
const infinity = -1

// depthOf reads the Depth field; otherwise holds when there is none.
func depthOf(r *server.Request, otherwise int) (int, server.Status) {
	v, has := r.FieldIn("Depth")
	switch {
	case !has:
		return otherwise, server.OK
	case strings.EqualFold(v, "infinity"):
		return infinity, server.OK
	case v == "0":
		return 0, server.OK
	case v == "1":
		return 1, server.OK
	}
	elog.Error(r).Msg("AH00580: An invalid Depth header was specified.")
	return 0, 400
}

// cause is the system's error behind an operation on a file.
func cause(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}

func randomName() string {
	var b [8]byte
	rand.Read(b[:])
	return hex.EncodeToString(b[:])
}
