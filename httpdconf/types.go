package httpdconf

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

func Getword(s string) (word, rest string) { return "", "" }

type Tree struct {
	Nodes      []*Node
	ServerRoot string
}
type Reader struct{}
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

func (d Diagnostics) Failed() bool { return false }

type Source interface{}
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

func Load(file string, o Options) (*Tree, Diagnostics) { return nil, nil }
