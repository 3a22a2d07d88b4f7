package httpdconf

import (
	"bytes"
	"encoding/gob"
	"os"
	"path/filepath"
	"strings"
)

type Via struct{}
type Pos struct {
	File         string
	Line, Column int
	Via          *Via
}
type Node struct {
	Name     string
	Args     string
	Section  bool
	Closed   bool
	Pos      Pos
	Parent   *Node
	Children []*Node
}

func Getword(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t")
	if s != "" && s[0] == '"' {
		w, r, _ := strings.Cut(s[1:], `"`)
		return w, strings.TrimLeft(r, " \t")
	}
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t")
}

type Tree struct {
	Nodes      []*Node
	ServerRoot string
}
type Reader struct {
	ServerRoot string
	Host       Host
}

func (r *Reader) Abs(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(r.ServerRoot, p)
}

type ReadFunc func(r *Reader, n *Node) error
type Severity int

const (
	Error Severity = iota
	Warning
)

type Diagnostic struct {
	Severity              Severity
	Pos                   Pos
	Code                  string
	Summary, Detail, Hint string
}
type Diagnostics []Diagnostic

func (d Diagnostics) Failed() bool {
	for _, x := range d {
		if x.Severity == Error {
			return true
		}
	}
	return false
}

type Source interface{ ReadFile(string) ([]byte, error) }
type osSource struct{}

func (osSource) ReadFile(f string) ([]byte, error) { return os.ReadFile(f) }

var OS Source = osSource{}

type Recorder struct {
	s     Source
	files map[string][]byte
}

func NewRecorder(s Source) *Recorder { return &Recorder{s, map[string][]byte{}} }
func (r *Recorder) ReadFile(f string) ([]byte, error) {
	b, err := r.s.ReadFile(f)
	if err == nil {
		r.files[f] = b
	}
	return b, err
}
func (r *Recorder) MarshalBinary() ([]byte, error) {
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(r.files)
	return b.Bytes(), err
}

type Replay struct{ files map[string][]byte }

func (r *Replay) ReadFile(f string) ([]byte, error) {
	if b, ok := r.files[f]; ok {
		return b, nil
	}
	return nil, os.ErrNotExist
}
func (r *Replay) UnmarshalBinary(b []byte) error {
	return gob.NewDecoder(bytes.NewReader(b)).Decode(&r.files)
}

type Host interface {
	OnRead(string, bool) (ReadFunc, bool)
	ModuleActive(string) bool
}
type Options struct {
	Source                 Source
	Host                   Host
	Defines, Before, After []string
	ServerRoot             string
}

func Load(file string, o Options) (*Tree, Diagnostics) {
	var diags Diagnostics
	r := &Reader{o.ServerRoot, o.Host}
	b, err := o.Source.ReadFile(file)
	if err != nil {
		return nil, Diagnostics{{Summary: err.Error()}}
	}
	t := &Tree{}
	var parent *Node
	for i, l := range strings.Split(string(b), "\n") {
		l = strings.TrimSpace(l)
		if l == "" || l[0] == '#' {
			continue
		}
		if strings.HasPrefix(l, "</") {
			parent = parent.Parent
			continue
		}
		n := &Node{Pos: Pos{File: file, Line: i + 1, Column: 1}, Parent: parent}
		if l[0] == '<' {
			n.Section, n.Closed, l = true, true, strings.TrimSuffix(l[1:], ">")
		}
		n.Name, n.Args, _ = strings.Cut(l, " ")
		n.Args = strings.TrimSpace(n.Args)
		if parent != nil {
			parent.Children = append(parent.Children, n)
		} else {
			t.Nodes = append(t.Nodes, n)
		}
		if n.Name == "ServerRoot" {
			r.ServerRoot, _ = Getword(n.Args)
			continue
		}
		if n.Section {
			parent = n
			continue
		}
		if f, _ := o.Host.OnRead(n.Name, n.Section); f != nil {
			if err := f(r, n); err != nil {
				diags = append(diags, Diagnostic{Pos: n.Pos, Summary: err.Error()})
			}
		}
	}
	t.ServerRoot = r.ServerRoot
	return t, diags
}
