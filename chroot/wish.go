package chroot

import "strings"

// Wish is what the configuration wants of a lock that not every kernel has.
type Wish uint8

const (
	Auto Wish = iota // where it is there; what lacks is told
	On               // or the child does not serve
	Off              // not at all
)

// ParseWish reads the argument of a directive: On, Off or Auto in any case.
func ParseWish(word string) (Wish, bool) {
	for w, name := range wishes {
		if strings.EqualFold(word, name) {
			return Wish(w), true
		}
	}
	return Auto, false
}

func (w Wish) String() string { return wishes[w] }

var wishes = [...]string{Auto: "Auto", On: "On", Off: "Off"}
