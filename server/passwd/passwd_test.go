package passwd

import (
	"strings"
	"testing"
	"time"
)

// stored are hashes that htpasswd 2.4.71 and crypt(3) of libxcrypt made.
var stored = []struct{ password, hash string }{
	{"secret", "$apr1$KNtcCAXO$Q3I7xKnR6LWbNGyQTswm61"},
	{"", "$apr1$7Cbz64h3$2Bc86w3vzMBLtYSijO8ry1"},
	{"secret", "$2y$05$kfuOSJ7gTXsffpAwi9MLweqCU65FTVjwX.S4IWa3OrrsO8yRH.VQi"},
	{"p", "$2b$05$abcdefghijklmnopqrstuuqwWMzKt5N8p.u2GX5MuH1t19BMWuLOW"},
	{"secret", "{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ="},
	{"secret", "$6$jzYH4rCgpMnpMjbQ$xPD3MftQuqLXsAYH6xqo6iHIZGSbcgwsN6BnPwPFC3uBPrApe3XXo9hst4AGEUuW59XvgWYPuR54XWHdNOdJq0"},
	{"secret", "$5$rounds=1000$VZEPcB4SvpMvfbzP$1yLxxdFpKttUWdckv/PlteqUswIPBeK39I8pXBAH17/"},
	{"p", "$5$saltstring$bHDezQ11.kGpMEJnAYcLH3GbJx50MyBJhhBEEKwts0/"},
	{"p", "$6$rounds=1500$saltstring$FBBe9BCkHDjiX8tAZlx97kuZ.qbK3ZQwrsc5Nh8gSSvKu7ecTtJjsKaSvLc1KyEmVXd9xlBHvbIicllUiMdTu."},
	{"p", "$1$saltsalt$oVkV3EDq8KTkLj17vu4OM0"},
	{"p", "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$EQSBe1/TrV/6fXbra.tF2onsY26Cl4/9CZ9RsMxBGm4"},
	{"secret", "1S5QI/1K8vU/A"},
	{"secret", "abNANd1rDfiNc"},
	{"secretlong", "ZzKBIL5x2fnkI"},
	{"", "./Una9Fi.seRo"},
	{"pä", "ab1H2qEQKiLj."},
	{"p", "_J9..rasm/3tjAMOFwsA"},
}

func TestCheck(t *testing.T) {
	for _, tc := range stored {
		if !Check(tc.password, tc.hash) {
			t.Errorf("%q does not agree with %s", tc.password, tc.hash)
		}
		if Check(tc.password+"x", tc.hash) && len(tc.password) < 8 {
			t.Errorf("%q agrees with %s", tc.password+"x", tc.hash)
		}
		if Check(tc.password, tc.hash+"x") && !strings.HasPrefix(tc.hash, "$2") {
			t.Errorf("%q agrees with %sx", tc.password, tc.hash)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	for _, hash := range []string{"", "x", "secret", "*0", "$", "$2y$", "$2y$05$short", "$apr1$", "$1$", "$5$", "$6$", "$y$", "$y$j9T$",
		"$5$rounds=99$a$b", "$5$rounds=$a", "$5$rounds=1000", "{SHA}", "{SHA}x", "!b", "_", "_........", "$9$x$y", "{SSHA}x"} {
		if Check("secret", hash) {
			t.Errorf("a password agrees with %q", hash)
		}
	}
}

func TestMemory(t *testing.T) {
	m, calls := newMemory(), 0
	compute := func(password, stored string) bool { calls++; return password == stored }
	for range 3 {
		if !m.check("a", "a", compute) || m.check("b", "a", compute) {
			t.Fatal("wrong answer")
		}
	}
	if calls != 4 {
		t.Errorf("%d calls, want one for the pair that agrees and three for the other", calls)
	}
	for k := range m.until {
		m.until[k] = time.Now()
	}
	if m.check("a", "a", compute); calls != 5 {
		t.Error("an old answer was used")
	}
	for i := range 3 * remembered {
		s := strings.Repeat("x", i)
		m.check(s, s, compute)
	}
	if len(m.until) > remembered {
		t.Errorf("%d pairs are remembered", len(m.until))
	}
}

func FuzzCheck(f *testing.F) {
	for _, tc := range stored {
		f.Add(tc.password, tc.hash)
	}
	f.Fuzz(func(t *testing.T, password, hash string) {
		if strings.HasPrefix(hash, "$2") || strings.HasPrefix(hash, "$y$") || strings.HasPrefix(hash, "_") || strings.Contains(hash, "rounds=") {
			t.Skip("as slow as the hash asks for")
		}
		if compute(password, hash) && len(hash) < 13 {
			t.Errorf("%q agrees with %q", password, hash)
		}
	})
}
