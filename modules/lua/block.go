package lua

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
)

// byteCodeHack is the directive that a section's code becomes when it was read, by
// Apache's name.
const byteCodeHack = "Lua_____ByteCodeHack"

// blockHook reads a section whose body is Lua: <LuaHookFixups function [early|late]>.
// It is compiled while it is read, and again from the tree, which is all that a
// child has.
func blockHook(p phase) directives.Setter {
	return directives.OnRead(directives.Raw, func(r *httpdconf.Reader, n *httpdconf.Node) error {
		if !n.Closed {
			return errors.New("<" + n.Name + "> directive missing closing '>'")
		}
		function, rest := httpdconf.Getword(n.Args)
		word, _ := httpdconf.Getword(rest)
		w, ok := parseWhen(word)
		if !ok {
			return errors.New("<" + n.Name + "> 2nd argument must be 'early' or 'late'")
		}
		file, start := n.Pos.File, n.Pos.Line
		text, first := r.RawBody(n)
		text = strings.Repeat("\n", first-1) + text
		if _, err := compileText(text, blockName(file, start)); err != nil {
			line := n.Pos.Line
			if e := new(syntaxError); errors.As(err, &e) {
				line = e.line
			}
			return r.At(line, fmt.Errorf("Lua Error:%w", err))
		}
		made := *n
		made.Name, made.Section, made.Raw = byteCodeHack, false, text
		made.Args = fmt.Sprintf("%s %d %q %d", p, w, function, start)
		r.Keep(&made)
		return nil
	})
}

// blockName is what messages call the code of a section: text that begins with its
// file and line (luaO_chunkid).
func blockName(file string, line int) string {
	const room = 45
	name := fmt.Sprintf("%s:%d", file, line)
	if len(name) >= room {
		name = name[:room] + "..."
	}
	return `[string "` + name + `"]`
}

// addBlock takes the code of a section.
func addBlock(c *config, cmd *directives.Cmd, args string) error {
	if cmd.Node.Raw == "" {
		return errors.New(byteCodeHack + " is what sections of Lua code become when they are read; it cannot be written")
	}
	touch(cmd)
	words := strings.SplitN(args, " ", 3)
	w, _ := strconv.Atoi(words[1])
	at := strings.LastIndexByte(words[2], ' ')
	function, err := strconv.Unquote(words[2][:at])
	if err != nil {
		return err
	}
	line, _ := strconv.Atoi(words[2][at+1:])
	proto, err := compileText(cmd.Node.Raw, blockName(cmd.Node.Pos.File, line))
	if err != nil {
		return fmt.Errorf("Lua Error:%w", err)
	}
	c.addHook(point{phase(words[0]), when(w)}, &hook{
		file: fmt.Sprintf("%s:%d", cmd.Node.Pos.File, line), function: function, block: true, proto: proto})
	return nil
}
