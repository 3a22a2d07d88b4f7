package lua

import (
	"unicode/utf8"

	lua "github.com/yuin/gopher-lua"
)

// Lua 5.3's library utf8.

func utf8Char(L *lua.LState) int {
	var b []byte
	for i := 1; i <= L.GetTop(); i++ {
		b = utf8.AppendRune(b, rune(L.CheckInt(i)))
	}
	L.Push(lua.LString(b))
	return 1
}

// position makes an index from the end one from the beginning.
func position(i, n int) int {
	if i >= 0 {
		return i
	}
	return max(n+i+1, 0)
}

func utf8Len(L *lua.LState) int {
	s := L.CheckString(1)
	i, j := position(L.OptInt(2, 1), len(s))-1, position(L.OptInt(3, -1), len(s))
	if i < 0 || i > len(s) {
		L.ArgError(2, "initial position out of string")
	}
	n := 0
	for i < min(j, len(s)) {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size <= 1 {
			L.Push(lua.LNil)
			L.Push(lua.LNumber(i + 1))
			return 2
		}
		i += size
		n++
	}
	L.Push(lua.LNumber(n))
	return 1
}

func utf8Codepoint(L *lua.LState) int {
	s := L.CheckString(1)
	i := position(L.OptInt(2, 1), len(s))
	j := position(L.OptInt(3, i), len(s))
	if i < 1 || j > len(s) {
		L.ArgError(2, "out of range")
	}
	n := 0
	for at := i - 1; at < j; n++ {
		r, size := utf8.DecodeRuneInString(s[at:])
		if r == utf8.RuneError && size <= 1 {
			L.RaiseError("invalid UTF-8 code")
		}
		L.Push(lua.LNumber(r))
		at += size
	}
	return n
}

func utf8Offset(L *lua.LState) int {
	s, n := L.CheckString(1), L.CheckInt(2)
	def := 1
	if n <= 0 {
		def = len(s) + 1
	}
	at := position(L.OptInt(3, def), len(s)) - 1
	if at < 0 || at > len(s) {
		L.ArgError(3, "position out of range")
	}
	begins := func(i int) bool { return i >= len(s) || utf8.RuneStart(s[i]) }
	if n == 0 {
		for at > 0 && !begins(at) {
			at--
		}
		L.Push(lua.LNumber(at + 1))
		return 1
	}
	if !begins(at) {
		L.RaiseError("initial position is a continuation byte")
	}
	for ; n < 0 && at > 0; n++ {
		for at--; at > 0 && !begins(at); at-- {
		}
	}
	for n--; n > 0 && at < len(s); n-- {
		for at++; !begins(at); at++ {
		}
	}
	if n > 0 || n < -1 {
		L.Push(lua.LNil)
	} else {
		L.Push(lua.LNumber(at + 1))
	}
	return 1
}

func utf8Codes(L *lua.LState) int {
	s := L.CheckString(1)
	L.Push(L.NewFunction(func(L *lua.LState) int {
		at := L.CheckInt(2)
		if at > 0 {
			_, size := utf8.DecodeRuneInString(s[at-1:])
			at += size - 1
		}
		if at >= len(s) {
			return 0
		}
		r, size := utf8.DecodeRuneInString(s[at:])
		if r == utf8.RuneError && size <= 1 {
			L.RaiseError("invalid UTF-8 code")
		}
		L.Push(lua.LNumber(at + 1))
		L.Push(lua.LNumber(r))
		return 2
	}))
	L.Push(lua.LString(s))
	L.Push(lua.LNumber(0))
	return 3
}
