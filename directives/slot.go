package directives

import "sync/atomic"

// A slotKind is the table of all slots of one kind (per directory, per server).
// It is filled while package variables are initialised and only read after.
type slotKind struct {
	merge []func(base, add any) any
}

var dirSlots, serverSlots slotKind

func (k *slotKind) add(merge func(base, add any) any) int {
	k.merge = append(k.merge, merge)
	return len(k.merge) - 1
}

// overlay merges two vectors. An entry that only one of them has is shared, as
// in Apache's ap_merge_per_dir_configs.
func (k *slotKind) overlay(base, add []any) []any {
	out := make([]any, len(k.merge))
	copy(out, base)
	for i, a := range add {
		switch {
		case a == nil:
		case i >= len(base) || base[i] == nil:
			out[i] = a
		default:
			out[i] = k.merge[i](base[i], a)
		}
	}
	return out
}

func mergeAny[T any](merge func(base, add T) T) func(base, add any) any {
	return func(base, add any) any {
		t := merge(*base.(*T), *add.(*T))
		return &t
	}
}

// Conf is the per-directory configuration of one section, one .htaccess file,
// or a merge of several: Apache's per_dir_config. It is immutable once compiled.
type Conf struct {
	slots []any

	// Memo holds what the server derived from this Conf (which hooks take
	// part). It is set at most once with a value of one type.
	Memo atomic.Value
}

// Merge is add laid over base. Either may be nil.
func Merge(base, add *Conf) *Conf {
	if base == nil {
		return add
	}
	if add == nil {
		return base
	}
	return &Conf{slots: dirSlots.overlay(base.slots, add.slots)}
}

// DirSlot is a module's place in every [Conf]. T's zero value says nothing.
type DirSlot[T any] struct {
	setters[T]
	index int
	zero  *T
}

// NewDirSlot makes a slot whose values are merged by merge, which must change
// neither argument. Call it in a package variable's initialiser.
func NewDirSlot[T any](merge func(base, add T) T) *DirSlot[T] {
	s := &DirSlot[T]{index: dirSlots.add(mergeAny(merge)), zero: new(T)}
	s.setters.edit = s.Edit
	return s
}

// Of is the slot's value in c; never nil, and not to be changed.
func (s *DirSlot[T]) Of(c *Conf) *T {
	if c != nil && s.index < len(c.slots) {
		if v := c.slots[s.index]; v != nil {
			return v.(*T)
		}
	}
	return s.zero
}

// In tells whether c has a value of its own for the slot.
func (s *DirSlot[T]) In(c *Conf) bool {
	return c != nil && s.index < len(c.slots) && c.slots[s.index] != nil
}

// If makes a hook's condition: asked once per merged configuration.
func (s *DirSlot[T]) If(pred func(*T) bool) func(*Conf) bool {
	return func(c *Conf) bool { return pred(s.Of(c)) }
}

// Edit is the value of the section that cmd stands in, to be filled while it is compiled.
func (s *DirSlot[T]) Edit(cmd *Cmd) *T { return s.EditConf(cmd.Conf) }

// EditConf is the value in a Conf that is being built.
func (s *DirSlot[T]) EditConf(c *Conf) *T { return edit[T](&c.slots, s.index, len(dirSlots.merge)) }

// ServerSlot is a module's place in every [Server].
type ServerSlot[T any] struct {
	setters[T]
	index int
	zero  *T
}

// NewServerSlot makes a slot whose values in a virtual host are merged over
// those of the main server by merge.
func NewServerSlot[T any](merge func(base, add T) T) *ServerSlot[T] {
	s := &ServerSlot[T]{index: serverSlots.add(mergeAny(merge)), zero: new(T)}
	s.setters.edit = s.Edit
	return s
}

// Of is the slot's value in v; never nil, and not to be changed.
func (s *ServerSlot[T]) Of(v *Server) *T {
	if v != nil && s.index < len(v.slots) {
		if x := v.slots[s.index]; x != nil {
			return x.(*T)
		}
	}
	return s.zero
}

// Edit is the value of the server that cmd stands in, to be filled while it is compiled.
func (s *ServerSlot[T]) Edit(cmd *Cmd) *T { return s.EditServer(cmd.Server) }

// EditServer is the value in a Server that is being built or finished.
func (s *ServerSlot[T]) EditServer(v *Server) *T {
	return edit[T](&v.slots, s.index, len(serverSlots.merge))
}

func edit[T any](slots *[]any, index, total int) *T {
	if len(*slots) <= index {
		grown := make([]any, total)
		copy(grown, *slots)
		*slots = grown
	}
	if (*slots)[index] == nil {
		(*slots)[index] = new(T)
	}
	return (*slots)[index].(*T)
}

// setters makes Setters whose target is found by edit. Both kinds of slot embed it.
type setters[T any] struct {
	edit func(*Cmd) *T
}

// Flag is for On|Off (FLAG).
func (s *setters[T]) Flag(f func(*T, bool)) Setter {
	return s.FlagErr(func(t *T, _ *Cmd, on bool) error { f(t, on); return nil })
}

// FlagErr is Flag for a setter that may refuse.
func (s *setters[T]) FlagErr(f func(*T, *Cmd, bool) error) Setter {
	return Setter{arity: OnOff, run: func(c *Cmd, a []string) error {
		return f(s.edit(c), c, len(a[0]) == len("on"))
	}}
}

// NoArgs is for a directive without arguments (NO_ARGS).
func (s *setters[T]) NoArgs(f func(*T, *Cmd) error) Setter {
	return Setter{arity: NoArgs, run: func(c *Cmd, _ []string) error { return f(s.edit(c), c) }}
}

// Take1 is for exactly one argument (TAKE1).
func (s *setters[T]) Take1(f func(*T, *Cmd, string) error) Setter { return s.one(One, f) }

// Iterate calls f for each argument (ITERATE).
func (s *setters[T]) Iterate(f func(*T, *Cmd, string) error) Setter { return s.one(Each, f) }

// Raw gives f the rest of the line as it stands (RAW_ARGS).
func (s *setters[T]) Raw(f func(*T, *Cmd, string) error) Setter { return s.one(Raw, f) }

// Take2 is for exactly two arguments (TAKE2).
func (s *setters[T]) Take2(f func(*T, *Cmd, string, string) error) Setter { return s.two(Two, f) }

// Take12 is for one or two arguments, the absent one "" (TAKE12).
func (s *setters[T]) Take12(f func(*T, *Cmd, string, string) error) Setter { return s.two(OneTwo, f) }

// Iterate2 calls f with the first argument and each further one (ITERATE2).
func (s *setters[T]) Iterate2(f func(*T, *Cmd, string, string) error) Setter {
	return s.two(EachAfter, f)
}

// Take3 is for exactly three arguments (TAKE3).
func (s *setters[T]) Take3(f func(*T, *Cmd, string, string, string) error) Setter {
	return s.three(Three, f)
}

// Take23 is for two or three arguments (TAKE23).
func (s *setters[T]) Take23(f func(*T, *Cmd, string, string, string) error) Setter {
	return s.three(TwoThree, f)
}

// Take13 is for one or three arguments (TAKE13).
func (s *setters[T]) Take13(f func(*T, *Cmd, string, string, string) error) Setter {
	return s.three(OneThree, f)
}

// Take123 is for one to three arguments (TAKE123).
func (s *setters[T]) Take123(f func(*T, *Cmd, string, string, string) error) Setter {
	return s.three(OneTwoThree, f)
}

// TakeN gives f all words (TAKE_ARGV).
func (s *setters[T]) TakeN(f func(*T, *Cmd, []string) error) Setter {
	return Setter{arity: Argv, run: func(c *Cmd, a []string) error { return f(s.edit(c), c, a) }}
}

func (s *setters[T]) one(how Arity, f func(*T, *Cmd, string) error) Setter {
	return Setter{arity: how, run: func(c *Cmd, a []string) error { return f(s.edit(c), c, a[0]) }}
}

func (s *setters[T]) two(how Arity, f func(*T, *Cmd, string, string) error) Setter {
	return Setter{arity: how, run: func(c *Cmd, a []string) error { return f(s.edit(c), c, a[0], a[1]) }}
}

func (s *setters[T]) three(how Arity, f func(*T, *Cmd, string, string, string) error) Setter {
	return Setter{arity: how, run: func(c *Cmd, a []string) error { return f(s.edit(c), c, a[0], a[1], a[2]) }}
}
