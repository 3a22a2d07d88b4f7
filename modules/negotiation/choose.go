package negotiation

import (
	"cmp"
	"slices"
	"strings"
)

// best gives each variant its qualities and chooses the best one, if it may;
// chosen is false where the list of them is the answer (best_match).
func (n *negotiation) best() (best *variant, chosen bool) {
	env := &n.r.Env
	preferred, hasPreferred := env.Lookup("prefer-language")
	discard := func(*variant) bool { return false }
	switch {
	case env.Has("no-gzip"):
		discard = (*variant).encoded
	case env.Get("gzip-only-text/html") == "1":
		discard = func(v *variant) bool { return v.encoded() && !strings.HasPrefix(v.mediaType, "text/html") }
	}
	n.setNoLanguage()
	q := float32(0) // of best; a second round goes on from the first, as in Apache
	for {
		best = nil
		for i := range n.variants {
			v := &n.variants[i]
			if discard(v) || hasPreferred && !slices.Contains(v.languages, preferred) {
				continue
			}
			n.setTypeQuality(v)
			if hasPreferred {
				v.langQuality, v.definite = 1, true
			} else {
				n.setLanguageQuality(v)
			}
			n.setEncodingQuality(v)
			n.setCharsetQuality(v)
			if !n.choose {
				continue
			}
			better := n.better
			if n.rvsa {
				better = n.betterRVSA
			}
			if better(v, best, &q) {
				best = v
			}
		}
		chosen = q > 0
		if n.rvsa {
			chosen = best != nil && best.definite && q > 0
		}
		if hasPreferred && (best == nil || !chosen) {
			hasPreferred = false
			continue
		}
		return best, chosen
	}
}

// encoded tells whether a client that takes no encodings must be spared v.
func (v *variant) encoded() bool { return !v.plain() && v.encoding != "identity" }

// betterRVSA is the algorithm of RFC 2296; encodings only break a tie.
func (n *negotiation) betterRVSA(v, best *variant, bestQ *float32) bool {
	if v.encodingQuality == 0 {
		return false
	}
	q := v.typeQuality * v.sourceQuality * v.charsetQuality * v.langQuality
	if q <= 0 || q < *bestQ || q == *bestQ && (best == nil || v.encodingQuality <= best.encodingQuality) {
		return false
	}
	*bestQ = q
	return true
}

// better is Apache's own algorithm: the type with the source's quality, then
// language, LanguagePriority, the level of HTML, charset, encoding and length.
func (n *negotiation) better(v, best *variant, bestQ *float32) bool {
	if v.encodingQuality == 0 || v.langQuality == 0 || v.sourceQuality == 0 || v.charsetQuality == 0 || v.typeQuality == 0 {
		return false
	}
	q := v.typeQuality * v.sourceQuality
	if q == 0 || q < *bestQ {
		return false
	}
	if q > *bestQ || best == nil || n.compare(v, best) > 0 {
		*bestQ = q
		return true
	}
	return false
}

// compare breaks a tie of types.
func (n *negotiation) compare(v, best *variant) int {
	if c := cmp.Or(cmp.Compare(v.langQuality, best.langQuality), compareIndex(v.languageIndex, best.languageIndex), compareLevel(v, best),
		cmp.Compare(v.charsetQuality, best.charsetQuality)); c != 0 {
		return c
	}
	if !latin1(v.charset) && latin1(best.charset) {
		return 1
	}
	if c := cmp.Compare(v.encodingQuality, best.encodingQuality); c != 0 {
		return c
	}
	if v.length(n.dir) < best.length(n.dir) {
		return 1
	}
	return -1
}

func latin1(charset string) bool { return charset == "" || charset == "iso-8859-1" }

// compareIndex prefers the language that stands first in LanguagePriority.
func compareIndex(a, b int) int {
	switch {
	case a == b:
		return 0
	case a < 0:
		return -1
	case b < 0:
		return 1
	}
	return cmp.Compare(b, a)
}

// compareLevel prefers the highest level of HTML that the client asked for, or
// the lowest where it asked for none.
func compareLevel(a, b *variant) int {
	if a.html && !b.html || !a.html && a.mediaType != b.mediaType {
		return 0
	}
	return cmp.Or(cmp.Compare(a.levelMatched, b.levelMatched), cmp.Compare(b.level, a.level))
}
