package ssl

import (
	"crypto"
	"crypto/tls"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func suiteNames(list string) (names []string) {
	for _, id := range ciphersOf(list) {
		s, _ := suiteOf(id)
		names = append(names, s.name)
	}
	return names
}

func TestCiphersOf(t *testing.T) {
	for _, tc := range []struct {
		list string
		want []string
	}{
		{"ECDHE-RSA-AES128-GCM-SHA256", []string{"ECDHE-RSA-AES128-GCM-SHA256"}},
		{"ECDHE+AESGCM:!aECDSA", []string{"ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256"}},
		{"kRSA+AESGCM:+AES256", []string{"AES128-GCM-SHA256", "AES256-GCM-SHA384"}},
		{"3DES:-ECDHE", []string{"DES-CBC3-SHA"}},
		{"!AES:AESGCM:CHACHA20+aRSA", []string{"ECDHE-RSA-CHACHA20-POLY1305"}},
		{"AES128-SHA:!AES128-SHA:AES128-SHA", nil},
		{"NOSUCH:@STRENGTH:!aNULL", nil},
		{"AES128-SHA,AES128-SHA DES-CBC3-SHA", []string{"AES128-SHA", "DES-CBC3-SHA"}},
	} {
		if d := cmp.Diff(tc.want, suiteNames(tc.list)); d != "" {
			t.Errorf("%s (-want +got):\n%s", tc.list, d)
		}
	}
	if all, high := suiteNames("ALL"), suiteNames("HIGH:!aNULL"); len(all) != len(suites) || slices.Contains(high, "DES-CBC3-SHA") {
		t.Errorf("ALL are %d of %d; HIGH: %v", len(all), len(suites), high)
	}
}

func FuzzCiphersOf(f *testing.F) {
	f.Add("HIGH:!aNULL:-3DES:+kRSA")
	f.Fuzz(func(t *testing.T, list string) {
		seen := map[uint16]bool{}
		for _, id := range ciphersOf(list) {
			if _, ok := suiteOf(id); !ok || seen[id] {
				t.Errorf("%q gives %#x, known %v, before %v", list, id, ok, seen[id])
			}
			seen[id] = true
		}
	})
}

func TestVersions(t *testing.T) {
	for p, want := range map[protocols][2]uint16{
		allProtocols: {tls.VersionTLS10, tls.VersionTLS13}, tls12: {tls.VersionTLS12, tls.VersionTLS12},
		tls12 | tls13: {tls.VersionTLS12, tls.VersionTLS13}, 0: {0, 0},
	} {
		if a, b := p.versions(); a != want[0] || b != want[1] {
			t.Errorf("%b: %#x to %#x, want %#x", p, a, b, want)
		}
	}
}

func TestConfBound(t *testing.T) {
	for _, tc := range []struct {
		value  string
		lowest bool
		want   protocols
	}{
		{"TLSv1.2", true, tls12 | tls13}, {"TLSv1.2", false, tls10 | tls11 | tls12}, {"TLSv1.3", true, tls13}, {"TLSv1", false, tls10},
		{"nonsense", true, allProtocols},
	} {
		var c config
		if err := confBound(&c, nil, tc.value, tc.lowest); err != nil {
			t.Fatal(err)
		}
		if got := c.protocols.Else(allProtocols); got != tc.want {
			t.Errorf("%s, lowest %v: %04b, want %04b", tc.value, tc.lowest, got, tc.want)
		}
	}
}

func read(t testing.TB, name string) string {
	b, err := os.ReadFile("../../compat-tests/testdata/tls/" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestKeys(t *testing.T) {
	plain, err := keyIn(read(t, "server.key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	locked := read(t, "server-encrypted.key")
	if _, err := keyIn(locked, nil); err != errEncrypted {
		t.Errorf("without a phrase: %v", err)
	}
	if _, err := keyIn(locked, []byte("wrong")); err != errEncrypted {
		t.Errorf("with a wrong phrase: %v", err)
	}
	k, err := keyIn(locked, []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	certs, err := certificatesIn(read(t, "server.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []crypto.Signer{plain, k} {
		if _, err := pair(certs, k, nil); err != nil {
			t.Error(err)
		}
	}
	other, err := keyIn(read(t, "client.pem"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := pair(certs, other, nil); err == nil {
		t.Error("a key of another certificate is taken")
	}
}

func TestNames(t *testing.T) {
	certs, err := certificatesIn(read(t, "client.pem"))
	if err != nil {
		t.Fatal(err)
	}
	c := certs[0]
	for name, want := range map[string]string{
		"S_DN":        "emailAddress=some.one@example.org,CN=Some One,OU=People,O=Example,C=DE",
		"I_DN":        "CN=Example Test CA,O=Example,C=DE",
		"S_DN_CN":     "Some One",
		"S_DN_Email":  "some.one@example.org",
		"S_DN_CN_1":   "",
		"S_DN_CN_x":   "",
		"SAN_Email_0": "some.one@example.org",
		"SAN_DNS_0":   "",
		"M_SERIAL":    "2001",
		"M_VERSION":   "3",
		"A_SIG":       "ecdsa-with-SHA256",
		"NOSUCH":      "",
	} {
		if got := certificateVar(c, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got, want := oneline(c.Subject), "/C=DE/O=Example/OU=People/CN=Some One/emailAddress=some.one@example.org"; got != want {
		t.Errorf("one line: %s, want %s", got, want)
	}
	if got, want := escape2253(`#a,b+c"d\e `), `\#a\,b\+c\"d\\e\ `; got != want {
		t.Errorf("escaped: %s, want %s", got, want)
	}
}

func TestTicketKeys(t *testing.T) {
	secret := [32]byte{1}
	a, b := ticketKey(secret, 1), ticketKey(secret, 2)
	if a == b || a == ticketKey([32]byte{2}, 1) || a != ticketKey(secret, 1) {
		t.Error("keys must follow from the secret and the period, and from nothing else")
	}
}

func FuzzKeyIn(f *testing.F) {
	f.Add("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "x")
	f.Add("\x30\x03\x02\x01\x01", "")
	f.Fuzz(func(t *testing.T, text, phrase string) {
		if k, err := keyIn(text, []byte(phrase)); err == nil && k.Public() == nil {
			t.Error("a key without a public one")
		}
	})
}
