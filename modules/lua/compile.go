package lua

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	lua "github.com/yuin/gopher-lua"
	"github.com/yuin/gopher-lua/parse"
)

// maxScript bounds the text of a script, in bytes: the parser's memory is many
// times as much.
const maxScript = 16 << 20

// syntaxError is a script that cannot be compiled, as Lua words it:
// "name:line: what near 'token'".
type syntaxError struct {
	name string
	line int // 0: at the end
	what string
}

func (e *syntaxError) Error() string {
	return fmt.Sprintf("%s:%d: %s", e.name, e.line, e.what)
}

// compileText compiles a script. name is what messages call it.
func compileText(text, name string) (proto *lua.FunctionProto, err error) {
	defer func() {
		if p := recover(); p != nil { // the parser's own depth, seen with thousands of brackets
			proto, err = nil, &syntaxError{name, 0, fmt.Sprint(p)}
		}
	}()
	if len(text) > maxScript {
		return nil, &syntaxError{name, 0, "not enough memory"}
	}
	if tooDeep(text) {
		return nil, &syntaxError{name, 0, "chunk has too many syntax levels"}
	}
	if strings.HasPrefix(text, "\x1b") {
		return nil, &syntaxError{name, 0, "code that was compiled elsewhere cannot be run"}
	}
	chunk, err := parse.Parse(bufio.NewReader(strings.NewReader(text)), name)
	if err != nil {
		return nil, asSyntaxError(err, name, strings.Count(text, "\n")+1)
	}
	proto, err = lua.Compile(chunk, name)
	if err != nil {
		return nil, asSyntaxError(err, name, 0)
	}
	return proto, nil
}

// How deep brackets, blocks and operators may stand in one another: the parser and
// the compiler go down with them on the stack, and a process whose stack is too large ends.
const (
	maxBrackets  = 2000
	maxBlocks    = 20000
	maxOperators = 200000
)

// tooDeep counts generously: what stands in quotes and comments counts too.
func tooDeep(text string) bool {
	brackets, blocks, unary, joins := 0, 0, 0, 0
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' {
			end := i + 1
			for end < len(text) && isWord(text[end]) {
				end++
			}
			switch text[i:end] {
			case "do", "then", "function", "repeat":
				blocks++
			case "end", "until":
				blocks = max(blocks-1, 0)
			case "not":
				unary++
			}
			i = end - 1
		} else {
			switch c {
			case '(', '{', '[':
				brackets++
			case ')', '}', ']':
				brackets = max(brackets-1, 0)
			case '^', '-', '#':
				unary++
			case '.':
				joins++
			case ' ', '\t', '\n', '\r':
			default:
				unary = 0
			}
		}
		if brackets > maxBrackets || blocks > maxBlocks || unary > maxOperators || joins > 2*maxOperators {
			return true
		}
	}
	return false
}

func isWord(c byte) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '_'
}

var compileErrorLine = regexp.MustCompile(`^compile error near line\((-?\d+)\) .*?: (.*)$`)

// asSyntaxError words a parser's error as Lua does. last is the number of the last line.
func asSyntaxError(err error, name string, last int) error {
	var e *parse.Error
	if errors.As(err, &e) {
		if e.Pos.Line == parse.EOF {
			return &syntaxError{name, last, strings.TrimSpace(e.Message) + " near <eof>"}
		}
		return &syntaxError{name, e.Pos.Line, fmt.Sprintf("%s near '%s'", strings.TrimSpace(e.Message), e.Token)}
	}
	if m := compileErrorLine.FindStringSubmatch(err.Error()); m != nil {
		line, _ := strconv.Atoi(m[1])
		return &syntaxError{name, line, m[2]}
	}
	return &syntaxError{name, 0, err.Error()}
}

// chunkName is what messages call a file: long paths without their beginning
// (luaO_chunkid).
func chunkName(file string) string {
	const room = 59
	if len(file) <= room {
		return file
	}
	return "..." + file[len(file)-room+3:]
}

// fileState is what tells a file from a later form of it.
type fileState struct {
	mtime time.Time
	size  int64
}

func stateOf(st os.FileInfo) fileState { return fileState{st.ModTime(), st.Size()} }

// chunk is a script that was compiled.
type chunk struct {
	state fileState
	ino   uint64
	proto *lua.FunctionProto
}

// maxChunks bounds what is remembered; when there are more it begins anew.
const maxChunks = 1024

// chunks are the scripts of this process that were compiled, by file.
var chunks struct {
	sync.Mutex
	m map[string]*chunk
}

// loadFile gives the code of a file, compiled anew when the file is another one than
// the last time. With again it is not asked what was remembered.
func loadFile(file string, again bool) (*lua.FunctionProto, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, fileError("open", file, err)
	}
	defer f.Close()
	st, err := f.Stat()
	if err != nil {
		return nil, fileError("open", file, err)
	}
	if st.IsDir() {
		return nil, fmt.Errorf("cannot read %s: Is a directory", file)
	}
	state, ino := stateOf(st), inode(st)
	chunks.Lock()
	c := chunks.m[file]
	chunks.Unlock()
	if c != nil && c.state == state && c.ino == ino && !again {
		return c.proto, nil
	}
	if st.Size() > maxScript {
		return nil, fmt.Errorf("cannot read %s: File too large", file)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fileError("read", file, err)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	if bytes.HasPrefix(text, []byte("#")) { // "#!/usr/bin/lua"
		if i := bytes.IndexByte(text, '\n'); i >= 0 {
			text = text[i:]
		} else {
			text = nil
		}
	}
	proto, err := compileText(string(text), chunkName(file))
	if err != nil {
		return nil, err
	}
	chunks.Lock()
	defer chunks.Unlock()
	if chunks.m == nil || len(chunks.m) >= maxChunks {
		chunks.m = map[string]*chunk{}
	}
	chunks.m[file] = &chunk{state, ino, proto}
	return proto, nil
}
