package ssl

import (
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
)

// confCmds are OpenSSL's commands for configuration files (SSL_CONF_cmd(3)), by
// lower-case name, with what is done about them here.
var confCmds = map[string]func(c *config, cmd *directives.Cmd, value string) error{
	"curves": setCurves, "groups": setCurves,
	"protocol":     func(c *config, cmd *directives.Cmd, v string) error { return confProtocol(c, cmd, v) },
	"minprotocol":  func(c *config, cmd *directives.Cmd, v string) error { return confBound(c, cmd, v, true) },
	"maxprotocol":  func(c *config, cmd *directives.Cmd, v string) error { return confBound(c, cmd, v, false) },
	"cipherstring": func(c *config, _ *directives.Cmd, v string) error { c.ciphers.old = v; return nil },
	"ciphersuites": func(c *config, _ *directives.Cmd, v string) error { c.ciphers.new = v; return nil },
	"dhparameters": func(_ *config, cmd *directives.Cmd, v string) error {
		if _, err := openFile(cmd, v); err != nil {
			return err
		}
		cmd.Note("crypto/tls has no finite-field Diffie-Hellman: the parameters are not used")
		return nil
	},
	"ecdhparameters": unused, "options": unused, "signaturealgorithms": unused, "clientsignaturealgorithms": unused,
	"verifymode": unused, "certificate": unused, "privatekey": unused, "chaincafile": unused, "chaincapath": unused,
	"verifycafile": unused, "verifycapath": unused, "requestcafile": unused, "clientcafile": unused, "requestcapath": unused,
	"clientcapath": unused, "serverinfofile": unused, "numtickets": unused, "recordpadding": unused, "verifycastore": unused,
	"chaincastore": unused, "requestcastore": unused,
}

func unused(_ *config, cmd *directives.Cmd, _ string) error {
	cmd.Note("crypto/tls does not leave this to the configuration")
	return nil
}

func setConfCmd(c *config, cmd *directives.Cmd, name, value string) error {
	f := confCmds[strings.ToLower(name)]
	if f == nil {
		return fmt.Errorf("'%s': invalid OpenSSL configuration command", name)
	}
	return f(c, cmd, value)
}

func setCurves(c *config, cmd *directives.Cmd, value string) error {
	c.curves = value
	if _, unknown := curvesOf(value); unknown != nil {
		cmd.Note("curves that crypto/tls does not have are left out: %s", strings.Join(unknown, ", "))
	}
	return nil
}

// confProtocol is the command Protocol: "ALL,-TLSv1".
func confProtocol(c *config, cmd *directives.Cmd, value string) error {
	var p protocols
	for w := range strings.SplitSeq(value, ",") {
		w = strings.TrimSpace(w)
		name := strings.TrimLeft(w, "+-")
		bit, ok := protocolNames[strings.ToLower(name)]
		if !ok {
			continue // OpenSSL says so when the context is made; Apache's -t does not
		}
		if strings.HasPrefix(w, "-") {
			p &^= bit
		} else {
			p |= bit
		}
	}
	if p != 0 {
		c.protocols = directives.Given(p)
	}
	return nil
}

// confBound is MinProtocol and MaxProtocol.
func confBound(c *config, cmd *directives.Cmd, value string, lowest bool) error {
	bit, ok := protocolNames[strings.ToLower(value)]
	if !ok || bit&(bit-1) != 0 {
		return nil
	}
	p := c.protocols.Else(allProtocols)
	if lowest {
		p &^= bit - 1
	} else {
		p &= bit | (bit - 1)
	}
	c.protocols = directives.Given(p)
	return nil
}
