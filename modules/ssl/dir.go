package ssl

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

var dirs = directives.NewDirSlot(mergeDir)

// dirConfig is a section's SSLDirConfigRec.
type dirConfig struct {
	requireSSL bool
	requires   []requirement
	set        optSet
	given      bool // SSLOptions without + and -: what is inherited goes
	add, del   optSet
	verify     directives.Opt[verifyMode]
	depth      directives.Opt[int]
	ciphers    string
	caFile     source
	caPath     source
	userName   string
}

// requirement is an SSLRequire.
type requirement struct {
	text string
	expr *server.Expr
}

// optSet are options of SSLOptions.
type optSet uint8

const (
	optStdEnvVars optSet = 1 << iota
	optExportCertData
	optFakeBasicAuth
	optStrictRequire
	optRenegotiate
	optLegacyDN
)

var optNames = map[string]optSet{"stdenvvars": optStdEnvVars, "exportcertdata": optExportCertData, "fakebasicauth": optFakeBasicAuth,
	"strictrequire": optStrictRequire, "optrenegotiate": optRenegotiate, "legacydnstringformat": optLegacyDN}

func (o optSet) has(x optSet) bool { return o&x != 0 }

func (c *dirConfig) options() optSet { return c.set }

func (c *dirConfig) restricts() bool {
	return c.requireSSL || len(c.requires) > 0 || c.verify.Else(verifyNone) != verifyNone || c.depth.IsSet() || c.ciphers != "" ||
		c.caFile.path != "" || c.caPath.path != "" || c.userName != ""
}

// mergeDir is ssl_config_perdir_merge: options with + and - change what is
// inherited, others replace it.
func mergeDir(base, add dirConfig) dirConfig {
	m := add
	m.requireSSL = base.requireSSL || add.requireSSL
	m.requires = append(append([]requirement{}, base.requires...), add.requires...)
	if add.add|add.del != 0 && !add.given {
		m.add, m.del = base.add&^add.del|add.add, base.del&^add.add|add.del
		m.set = base.set&^add.del | add.add
		m.given = base.given
	} else if !add.given {
		m.set, m.add, m.del, m.given = base.set, base.add, base.del, base.given
	}
	m.verify, m.depth = add.verify.Or(base.verify), add.depth.Or(base.depth)
	if m.ciphers == "" {
		m.ciphers = base.ciphers
	}
	m.caFile, m.caPath = add.caFile.or(base.caFile), add.caPath.or(base.caPath)
	if m.userName == "" {
		m.userName = base.userName
	}
	return m
}

func setOptions(c *dirConfig, _ *directives.Cmd, args string) error {
	first := true
	for _, w := range httpdconf.Words(args) {
		name, action := w, byte(0)
		if w != "" && (w[0] == '+' || w[0] == '-') {
			action, name = w[0], w[1:]
		} else if first {
			c.set, c.given, first = 0, true, false
			c.add, c.del = 0, 0
		}
		bit, ok := optNames[strings.ToLower(name)]
		if !ok && !strings.EqualFold(name, "CompatEnvVars") {
			return fmt.Errorf("SSLOptions: Illegal option '%s'", name)
		}
		switch action {
		case '-':
			c.del |= bit
			c.add &^= bit
			c.set &^= bit
		case '+':
			c.add |= bit
			c.del &^= bit
			c.set |= bit
		default:
			c.set |= bit
			c.add, c.del = c.set, 0
		}
	}
	return nil
}

func addRequire(c *dirConfig, cmd *directives.Cmd, text string) error {
	e, err := server.CompileExprFor(cmd, text, server.ExprSSL)
	if err != nil {
		return fmt.Errorf("SSLRequire: %w", err)
	}
	c.requires = append(c.requires, requirement{text, e})
	return nil
}

func setBufferSize(_ *dirConfig, _ *directives.Cmd, text string) error {
	if n := atoi(text); n < 0 {
		return fmt.Errorf("Invalid size for SSLRenegBufferSize: %s", text)
	}
	return nil
}
