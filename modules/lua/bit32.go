package lua

import (
	"math"
	"math/bits"

	lua "github.com/yuin/gopher-lua"
)

// bit32Funcs is Lua 5.2's library bit32, which stands in for the operators that Lua 5.1
// does not have.
var bit32Funcs = map[string]lua.LGFunction{
	"band": func(L *lua.LState) int {
		return bitPush(L, fold(L, ^uint32(0), func(a, b uint32) uint32 { return a & b }))
	},
	"bor":    func(L *lua.LState) int { return bitPush(L, fold(L, 0, func(a, b uint32) uint32 { return a | b })) },
	"bxor":   func(L *lua.LState) int { return bitPush(L, fold(L, 0, func(a, b uint32) uint32 { return a ^ b })) },
	"bnot":   func(L *lua.LState) int { return bitPush(L, ^bitArg(L, 1)) },
	"lshift": func(L *lua.LState) int { return bitPush(L, shift(bitArg(L, 1), L.CheckInt(2))) },
	"rshift": func(L *lua.LState) int { return bitPush(L, shift(bitArg(L, 1), -L.CheckInt(2))) },
	"arshift": func(L *lua.LState) int {
		x, n := bitArg(L, 1), L.CheckInt(2)
		if n < 0 {
			return bitPush(L, shift(x, -n))
		}
		return bitPush(L, uint32(int32(x)>>min(n, 31)))
	},
	"lrotate": func(L *lua.LState) int { return bitPush(L, bits.RotateLeft32(bitArg(L, 1), L.CheckInt(2)%32)) },
	"rrotate": func(L *lua.LState) int { return bitPush(L, bits.RotateLeft32(bitArg(L, 1), -(L.CheckInt(2)%32))) },
	"btest": func(L *lua.LState) int {
		L.Push(lua.LBool(fold(L, ^uint32(0), func(a, b uint32) uint32 { return a & b }) != 0))
		return 1
	},
	"extract": func(L *lua.LState) int {
		x := bitArg(L, 1)
		at, mask := bitField(L, 2)
		return bitPush(L, x>>at&mask)
	},
	"replace": func(L *lua.LState) int {
		x, v := bitArg(L, 1), bitArg(L, 2)
		at, mask := bitField(L, 3)
		return bitPush(L, x&^(mask<<at)|v&mask<<at)
	},
}

// bitArg is a number modulo 2^32.
func bitArg(L *lua.LState, n int) uint32 {
	f := math.Mod(math.Floor(float64(L.CheckNumber(n))), 1<<32)
	if f < 0 {
		f += 1 << 32
	}
	return uint32(f)
}

func bitPush(L *lua.LState, v uint32) int {
	L.Push(lua.LNumber(v))
	return 1
}

func fold(L *lua.LState, v uint32, f func(a, b uint32) uint32) uint32 {
	for i := 1; i <= L.GetTop(); i++ {
		v = f(v, bitArg(L, i))
	}
	return v
}

// shift is to the left; to the right when n is below 0.
func shift(x uint32, n int) uint32 {
	switch {
	case n >= 32 || n <= -32:
		return 0
	case n < 0:
		return x >> -n
	}
	return x << n
}

// bitField is where a field begins and the mask of its width, arguments n and n+1.
func bitField(L *lua.LState, n int) (at int, mask uint32) {
	at, width := L.CheckInt(n), L.OptInt(n+1, 1)
	if at < 0 {
		L.ArgError(n, "field cannot be negative")
	}
	if width < 1 || at+width > 32 {
		L.ArgError(n+1, "trying to access non-existent bits")
	}
	return at, uint32(1<<width - 1)
}
