package dav_fs

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/donjon-httpd/donjon/server"
)

// What Apache keeps in a directory for itself; clients never see it.
const (
	stateDir   = ".DAV"
	stateOfDir = ".state_for_dir"
	tempPrefix = ".davfs.tmp"
)

func hidden(name string) bool { return name == stateDir || strings.HasPrefix(name, tempPrefix) }

// inStateDir tells whether a path leads into a .DAV.
func inStateDir(p string) bool {
	return strings.Contains(p, "/"+stateDir) && strings.Contains(p+"/", "/"+stateDir+"/")
}

// createTemp makes a new file in a directory, which has yet to take its place.
func createTemp(dir string, mode os.FileMode) (*os.File, error) {
	for try := 0; ; try++ {
		var b [8]byte
		rand.Read(b[:]) //nolint:errcheck // it never fails
		f, err := os.OpenFile(path.Join(dir, tempPrefix+hex.EncodeToString(b[:])), os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
		if !errors.Is(err, fs.ErrExist) || try == 100 {
			return f, err
		}
	}
}

// statusOf is the answer to a failed operation (MAP_IO2HTTP).
func statusOf(err error) int {
	switch {
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return 507
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return 409
	}
	return 500
}

func failed(status int, text string, err error) *server.DavError {
	return &server.DavError{Status: status, Text: text, Cause: cause(err)}
}
