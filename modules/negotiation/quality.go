package negotiation

import "strings"

// How good a variant is to the client, dimension by dimension. All names are
// in lower case.

// matchType is mime_match.
func (v *variant) matchType(a accepted) bool {
	switch major, star := strings.CutSuffix(a.name, "/*"); {
	case a.name == "*" || a.name == "*/*":
		v.stars = max(v.stars, 1)
		return true
	case star && major != "" && strings.HasPrefix(v.mediaType, major+"/"):
		v.stars = max(v.stars, 2)
		return true
	}
	if a.name == v.mediaType || a.name == "text/html" && (v.mediaType == includesType || v.mediaType == includesType3) {
		if a.level >= v.level {
			v.levelMatched, v.stars = v.level, 3
			return true
		}
	}
	return false
}

// setTypeQuality is set_accept_quality. Wildcards count for little where the
// client gives no qualities at all.
func (n *negotiation) setTypeQuality(v *variant) {
	q, definite := float32(0), true
	for _, a := range n.types {
		before := v.stars
		if !v.matchType(a) || v.stars == before {
			continue
		}
		switch {
		case !n.strict && !n.typeQ && v.stars == 1:
			q = 0.01
		case !n.strict && !n.typeQ && v.stars == 2:
			q = 0.02
		default:
			q = a.quality
		}
		definite = v.stars == 3
	}
	v.typeQuality = q
	v.definite = v.definite && definite
}

// setNoLanguage finds how good a variant without language is: hardly, where
// others have one.
func (n *negotiation) setNoLanguage() {
	n.noLanguage = 1
	if n.strict {
		return
	}
	for i := range n.variants {
		if len(n.variants[i].languages) > 0 {
			n.noLanguage = 0.0001
			return
		}
	}
}

// setLanguageQuality is set_language_quality.
func (n *negotiation) setLanguageQuality(v *variant) {
	if len(v.languages) == 0 {
		if !n.strict {
			v.langQuality = n.noLanguage
		}
		return
	}
	if n.languages == nil {
		v.definite = false
	} else {
		v.langQuality = n.matchLanguages(v)
	}
	force := n.conf.force
	if force == 0 {
		force = forcePrefer
	}
	if !(force&forcePrefer != 0 && v.languageIndex < 0 || force&forceFallback != 0 && v.langQuality == 0) {
		return
	}
	best := -1
	for _, lang := range v.languages {
		if i := n.priority(lang); i >= 0 && (best < 0 || i < best) {
			best = i
		}
	}
	switch {
	case best < 0:
	case v.langQuality != 0:
		if force&forcePrefer != 0 {
			v.languageIndex = best
		}
	case force&forceFallback != 0:
		v.languageIndex, v.langQuality, v.definite = best, 0.0001, false
	}
}

// priority is a language's place in LanguagePriority, -1 for none.
func (n *negotiation) priority(lang string) int {
	for i, p := range n.conf.priority {
		if len(lang) >= len(p) && strings.EqualFold(lang[:len(p)], p) {
			return i
		}
	}
	return -1
}

// matchLanguages is the quality of the best of a variant's languages. For each
// the longest range counts that is the language or the beginning of it.
func (n *negotiation) matchLanguages(v *variant) float32 {
	var best, star *accepted
	related := float32(0) // of a language that shares its first part with a range
	onStar := false
	for _, lang := range v.languages {
		var longest *accepted
		for i := range n.languages {
			a := &n.languages[i]
			if a.name == "*" {
				if star == nil {
					star = a
				}
				continue
			}
			if rest, ok := strings.CutPrefix(lang, a.name); ok && (rest == "" || rest[0] == '-') &&
				(longest == nil && a.name != "" || longest != nil && len(a.name) > len(longest.name)) {
				longest = a
			}
			if longest == nil && !n.strict {
				if first, _, ok := strings.Cut(a.name, "-"); ok && strings.HasPrefix(lang, first) {
					related = 0.001
				}
			}
		}
		if best == nil || longest != nil && longest.quality > best.quality {
			best = longest
		}
		onStar = onStar || longest == nil && star != nil
	}
	if onStar && (best == nil || star.quality > best.quality) {
		best = star
		v.definite = false
	}
	if best == nil {
		return related
	}
	return best.quality
}

// setCharsetQuality is set_charset_quality.
func (n *negotiation) setCharsetQuality(v *variant) {
	const latin1 = "iso-8859-1"
	charset := v.charset
	if n.charsets == nil {
		if charset != "" {
			v.definite = false
		}
		return
	}
	if charset == "" {
		if !strings.HasPrefix(v.mediaType, "text/") || n.strict {
			return
		}
		charset = latin1
	}
	var star *accepted
	for i := range n.charsets {
		a := &n.charsets[i]
		if a.name == charset {
			v.charsetQuality = a.quality
			return
		}
		if a.name == "*" {
			star = a
		}
	}
	switch {
	case star != nil:
		v.charsetQuality, v.definite = star.quality, false
	case charset == latin1:
		v.charsetQuality = 1
	default:
		v.charsetQuality = 0
	}
}

// setEncodingQuality is set_encoding_quality.
func (n *negotiation) setEncodingQuality(v *variant) {
	plain := v.plain()
	if n.encodings == nil {
		v.encodingQuality = 0.5
		if plain {
			v.encodingQuality = 1
		}
		return
	}
	encoding, otherwise := strings.TrimPrefix(v.encoding, "x-"), float32(0)
	if plain {
		encoding, otherwise = "identity", 0.0001
	}
	var star *accepted
	for i := range n.encodings {
		a := &n.encodings[i]
		switch strings.TrimPrefix(a.name, "x-") {
		case encoding:
			v.encodingQuality = a.quality
			return
		case "*":
			star = a
		}
	}
	if v.encodingQuality = otherwise; star != nil {
		v.encodingQuality = star.quality
	}
}
