package include

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/donjon-httpd/donjon/server"
)

// errAboveRoot is how the log spells APR_EABOVEROOT.
var errAboveRoot = errors.New("(20023)The given path was above the root path")

// belowHere cleans a file's name, which must lead nowhere but to the document's
// directory or below it.
func belowHere(name string) (string, error) {
	if strings.HasPrefix(name, "/") {
		return "", errAboveRoot
	}
	clean := path.Clean(name)
	if clean == ".." || strings.HasPrefix(clean, "../") {
		return "", errAboveRoot
	}
	if name == "" || clean == "." {
		return "", nil
	}
	if strings.HasSuffix(name, "/") {
		clean += "/"
	}
	return clean, nil
}

// files writes what is said of each file that an element names.
func (d *document) files(tag string, say func(server.Finfo) string) {
	for {
		name, value, ok := d.Argument()
		if !ok {
			return
		}
		f, ok := d.find(tag, name, d.expand(value, false, 0))
		if !ok {
			d.Fail()
			return
		}
		d.Write([]byte(say(f)))
	}
}

// find looks at a file (find_file).
func (d *document) find(tag, parameter, name string) (server.Finfo, bool) {
	switch parameter {
	case "file":
		file, err := belowHere(name)
		if err != nil {
			elog.Error(d.r).Err(err).Msgf("AH02668: unable to access file \"%s\" in parsed file %s", name, d.r.Filename)
			return server.Finfo{}, false
		}
		sub := d.r.SubRequestFile(file)
		if sub.Status != 200 || sub.Finfo.Type == server.NoFile {
			elog.Error(d.r).Msgf("AH02670: unable to lookup information about \"%s\" in parsed file %s", name, d.r.Filename)
			return server.Finfo{}, false
		}
		st, err := os.Stat(sub.Filename)
		if err != nil {
			var cause *fs.PathError
			if errors.As(err, &cause) {
				err = cause.Err
			}
			elog.Error(d.r).Err(err).Msgf("AH02669: unable to get information about \"%s\" in parsed file %s", sub.Filename, d.r.Filename)
			return server.Finfo{}, false
		}
		return server.FinfoOf(st), true
	case "virtual":
		sub := d.r.SubRequestURI(name)
		if sub.Status != 200 || sub.Finfo.Type == server.NoFile {
			elog.Error(d.r).Msgf("AH01339: unable to get information about \"%s\" in parsed file %s", name, d.r.Filename)
			return server.Finfo{}, false
		}
		return sub.Finfo, true
	}
	elog.Error(d.r).Msgf("AH01340: unknown parameter \"%s\" to tag %s in %s", parameter, tag, d.r.Filename)
	return server.Finfo{}, false
}

// doInclude puts one file or URL after the other in its place. After one that
// fails, other URLs are passed over until an onerror, which stands for it.
func doInclude(d *document) {
	if !d.needs(1, "AH01341", "include") {
		return
	}
	failed := false
	for {
		name, value, ok := d.Argument()
		if !ok {
			break
		}
		if name != "file" && name != "virtual" && name != "onerror" {
			d.errorHere("AH01342: unknown parameter \"%s\" to tag include in %s", name, d.r.Filename)
			break
		}
		if name == "virtual" && failed || name == "onerror" && !failed {
			continue
		}
		if d.include(name, value) {
			failed = false
			continue
		}
		if failed {
			break // the second failure
		}
		failed = true
	}
	if failed {
		d.Fail()
	}
}

// include puts a file or URL here. What went wrong was logged when it answers false.
func (d *document) include(parameter, value string) bool {
	r := d.r
	target := d.expand(value, false, 0)
	var sub *server.Request
	switch {
	case parameter == "file":
		file, err := belowHere(target)
		if err != nil {
			elog.Error(r).Err(err).Msgf("unable to include file \"%s\" in parsed file %s", value, r.Filename)
			return false
		}
		sub = r.SubRequestFile(file)
	case r.KeptBody != nil:
		sub = r.SubRequestMethodURI(r.Method, target)
	default:
		sub = r.SubRequestURI(target)
	}
	if sub.Status != 200 {
		elog.Error(r).Msgf("unable to include \"%s\" in parsed file %s, subrequest setup returned %d", value, r.Filename, sub.Status)
		return false
	}
	if d.noExec && sub.ContentType != "" && !strings.HasPrefix(sub.ContentType, "text/") {
		elog.Error(r).Msgf("unable to include potential exec \"%s\" in parsed file %s, content type not text/*", value, r.Filename)
		return false
	}
	p := &parent{doc: d}
	parents.Set(sub, p)
	d.link.Take(sub)
	status := sub.RunSub()
	if p.shared {
		r.Env = sub.Env
	}
	if status != server.OK {
		elog.Error(r).Msgf("unable to include \"%s\" in parsed file %s, subrequest returned %d", value, r.Filename, int(status))
		return false
	}
	return true
}
