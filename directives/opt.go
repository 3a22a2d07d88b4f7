package directives

import "maps"

// Opt is a setting that may not have been given: it keeps Off apart from unset.
type Opt[T any] struct {
	v   T
	set bool
}

// Given is a setting that was given.
func Given[T any](v T) Opt[T] { return Opt[T]{v, true} }

// Or is o if it was given, else base.
func (o Opt[T]) Or(base Opt[T]) Opt[T] {
	if o.set {
		return o
	}
	return base
}

// Else is the value that was given, else def.
func (o Opt[T]) Else(def T) T {
	if o.set {
		return o.v
	}
	return def
}

// Get is the value and whether it was given.
func (o Opt[T]) Get() (T, bool) { return o.v, o.set }

// IsSet tells whether it was given.
func (o Opt[T]) IsSet() bool { return o.set }

// Overlay is base with add laid over it; neither is changed. It is nil when
// both are empty.
func Overlay[K comparable, V any](base, add map[K]V) map[K]V {
	if len(add) == 0 {
		return base
	}
	if len(base) == 0 {
		return add
	}
	m := make(map[K]V, len(base)+len(add))
	maps.Copy(m, base)
	maps.Copy(m, add)
	return m
}

// Append is add behind base in a slice of its own; neither is changed, and
// later appends to the result reach neither.
func Append[T any](base, add []T) []T {
	if len(add) == 0 {
		return base[:len(base):len(base)]
	}
	if len(base) == 0 {
		return add[:len(add):len(add)]
	}
	s := make([]T, 0, len(base)+len(add))
	return append(append(s, base...), add...)
}
