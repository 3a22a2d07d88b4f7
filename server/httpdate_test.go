package server

import (
	"net/http"
	"testing"
)

func TestParseDate(t *testing.T) {
	const want = "Thu, 02 Jan 2020 03:04:05 GMT"
	for _, s := range []string{want, "  " + want, "Thursday, 02-Jan-20 03:04:05 GMT", "Thu Jan  2 03:04:05 2020", "Thu Jan 02 03:04:05 2020 GMT", "Thu, 2 Jan 2020 03:04:05 +0000",
		"Nonsense 02 Jan 2020 03:04:05 +0100", "Mon, 02 Jan 2020 03:04:05 "} {
		if got, ok := parseDate(s); !ok || got.Format(http.TimeFormat) != want {
			t.Errorf("%q: %v, %v", s, got, ok)
		}
	}
	for _, s := range []string{"", " ", "Thu,", "02 Jan 2020 03:04:05 GMT x", "Thu, 02 Jan 2020 03:04:05", "Thu, 02 Jan 2020 24:04:05 GMT", "Thu, 02 Jan 2020 03:60:05 GMT", "Thu, 00 Jan 2020 03:04:05 GMT",
		"Thu, 31 Jun 2020 03:04:05 GMT", "Thu, 32 Jan 2020 03:04:05 GMT", "Thu, 02 Anj 2020 03:04:05 GMT", "Thu, 02 jan 2020 03:04:05 GMT", "Thu, 02 Jan 20 03:04:05 GMT", "2020-01-02T03:04:05Z", "Thu, 1234"} {
		if got, ok := parseDate(s); ok {
			t.Errorf("%q is read as %v", s, got)
		}
	}
	if got, _ := parseDate("Friday, 02-Jan-70 03:04:05 GMT"); got.Year() != 1970 {
		t.Error(got)
	}
}

// FuzzParseDate: what is read as a date is the same date when it is written as
// RFC 9110 has it.
func FuzzParseDate(f *testing.F) {
	f.Add("Thu, 02 Jan 2020 03:04:05 GMT")
	f.Add("Thu Jan  2 03:04:05 2020")
	f.Add("Thursday, 02-Jan-20 03:04:05 GMT")
	f.Fuzz(func(t *testing.T, s string) {
		if got, ok := parseDate(s); ok {
			if again, ok := parseDate(got.Format(http.TimeFormat)); !ok || !again.Equal(got) {
				t.Errorf("%q is %v, and that %v, %v", s, got, again, ok)
			}
		}
	})
}
