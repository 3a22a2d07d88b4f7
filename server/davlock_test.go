package server

import "testing"

func TestParseDavToken(t *testing.T) {
	made := NewDavToken()
	if got, err := ParseDavToken(made.String()); err != nil || got != made {
		t.Errorf("%s: %v %v", made, got, err)
	}
	for s, id := range map[string]int{
		"opaquelocktoken:01234567-89AB-cdef-0123-456789abcdef": 0,
		"urn:uuid:01234567-89ab-cdef-0123-456789abcdef":        DavErrLockUnknownToken,
		"":                 DavErrLockUnknownToken,
		"opaquelocktoken:": DavErrLockParseToken,
		"opaquelocktoken:0123456789ab-cdef-0123-456789abcdef":   DavErrLockParseToken,
		"opaquelocktoken:0123456g-89ab-cdef-0123-456789abcdef":  DavErrLockParseToken,
		"opaquelocktoken:01234567-89ab-cdef-0123-456789abcdef0": DavErrLockParseToken,
	} {
		_, err := ParseDavToken(s)
		if got := 0; err != nil {
			if got = err.ID; got != id {
				t.Errorf("%q: error %d; want %d", s, got, id)
			}
		} else if id != 0 {
			t.Errorf("%q was taken", s)
		}
	}
}
