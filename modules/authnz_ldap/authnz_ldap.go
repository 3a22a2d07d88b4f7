// Package authnz_ldap knows users and what they may from a directory
// (mod_authnz_ldap).
package authnz_ldap

import (
	"errors"
	"fmt"
	"os/exec"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/pattern"
)

// Module is authnz_ldap_module.
var Module = server.Module{
	Name: "authnz_ldap_module",
	Directives: directives.Table{
		{Name: "AuthLDAPURL", In: directives.AuthConfig, Usage: urlUsage, Set: slot.Take12((*config).setURL)},
		{Name: "AuthLDAPBindDN", In: directives.AuthConfig,
			Usage: "DN to use to bind to LDAP server. If not provided, will do an anonymous bind.",
			Set:   slot.Take1(func(c *config, _ *directives.Cmd, dn string) error { c.bindDN = dn; return nil })},
		{Name: "AuthLDAPBindPassword", In: directives.AuthConfig,
			Usage: "Password to use to bind to LDAP server. If not provided, will do an anonymous bind.",
			Set:   slot.Take1((*config).setPassword)},
		{Name: "AuthLDAPBindAuthoritative", In: directives.AuthConfig,
			Usage: "Set to 'on' to return failures when user-specific bind fails - defaults to on.",
			Set:   slot.Flag(func(c *config, on bool) { c.notAuthoritative = !on })},
		{Name: "AuthLDAPRemoteUserIsDN", In: directives.AuthConfig,
			Usage: "Set to 'on' to set the REMOTE_USER environment variable to be the full DN of the remote user. By default, this is set " +
				"to off, meaning that the REMOTE_USER variable will contain whatever value the remote user sent.",
			Set: slot.Flag(func(c *config, on bool) { c.userIsDN = on })},
		{Name: "AuthLDAPRemoteUserAttribute", In: directives.AuthConfig,
			Usage: "Override the user supplied username and place the contents of this attribute in the REMOTE_USER environment variable.",
			Set:   slot.Take1(func(c *config, _ *directives.Cmd, name string) error { c.userAttribute = name; return nil })},
		{Name: "AuthLDAPCompareDNOnServer", In: directives.AuthConfig,
			Usage: "Set to 'on' to force auth_ldap to do DN compares (for the \"require dn\" directive) using the server, and set it 'off' " +
				"to do the compares locally (at the expense of possible false matches). See the documentation for a complete description " +
				"of this option.",
			Set: slot.Flag(func(c *config, on bool) { c.compareOnServer = on })},
		{Name: "AuthLDAPSubGroupAttribute", In: directives.AuthConfig,
			Usage: "Attribute labels used to define sub-group (or nested group) membership in groups - defaults to member and uniqueMember",
			Set:   slot.Iterate((*config).addSubgroupAttribute)},
		{Name: "AuthLDAPSubGroupClass", In: directives.AuthConfig,
			Usage: "LDAP objectClass values used to identify sub-group instances - defaults to groupOfNames and groupOfUniqueNames",
			Set:   slot.Iterate((*config).addSubgroupClass)},
		{Name: "AuthLDAPMaxSubGroupDepth", In: directives.AuthConfig,
			Usage: "Maximum subgroup nesting depth to be evaluated - defaults to 10 (top-level group = 0)",
			Set:   slot.Take1(func(c *config, _ *directives.Cmd, n string) error { c.depth = directives.Given(atoi(n)); return nil })},
		{Name: "AuthLDAPGroupAttribute", In: directives.AuthConfig,
			Usage: "A list of attribute labels used to identify the user members of groups - defaults to member and uniquemember",
			Set:   slot.Iterate((*config).addGroupAttribute)},
		{Name: "AuthLDAPGroupAttributeIsDN", In: directives.AuthConfig,
			Usage: "If set to 'on', auth_ldap uses the DN that is retrieved from the server for subsequent group comparisons. If set to " +
				"'off', auth_ldap uses the string provided by the client directly. Defaults to 'on'.",
			Set: slot.Flag(func(c *config, on bool) { c.memberIsName = !on })},
		{Name: "AuthLDAPDereferenceAliases", In: directives.AuthConfig,
			Usage: "Determines how aliases are handled during a search. Can be one of the values \"never\", \"searching\", \"finding\", or " +
				"\"always\". Defaults to always.",
			Set: slot.Take1((*config).setDeref)},
		{Name: "AuthLDAPCharsetConfig", In: directives.InServer, Reads: directives.BeforeJail,
			Usage: "Character set conversion configuration file. If omitted, character set conversion is disabled.",
			Set:   charsets.Take1((*charsetConfig).setFile)},
		{Name: "AuthLDAPAuthorizePrefix", In: directives.AuthConfig,
			Usage: "The prefix to add to environment variables set during successful authorization, default 'AUTHORIZE_'",
			Set:   slot.Take1(func(c *config, _ *directives.Cmd, p string) error { c.prefix = directives.Given(p); return nil })},
		{Name: "AuthLDAPInitialBindAsUser", In: directives.AuthConfig,
			Usage: "Set to 'on' to perform the initial DN lookup with the basic auth credentials instead of anonymous or hard-coded credentials",
			Set:   slot.Flag(func(c *config, on bool) { c.bindAsUser = on })},
		{Name: "AuthLDAPInitialBindPattern", In: directives.AuthConfig,
			Usage: "The regex and substitution to determine a username that can bind based on an HTTP basic auth username",
			Set:   slot.Take2((*config).setBindPattern)},
		{Name: "AuthLDAPSearchAsUser", In: directives.AuthConfig,
			Usage: "Set to 'on' to perform authorization-based searches with the users credentials, when this module has also performed " +
				"authentication.  Does not affect nested groups lookup.",
			Set: slot.Flag(func(c *config, on bool) { c.searchAsUser = on })},
		{Name: "AuthLDAPCompareAsUser", In: directives.AuthConfig,
			Usage: "Set to 'on' to perform authorization-based compares with the users credentials, when this module has also performed " +
				"authentication.  Does not affect nested groups lookups.",
			Set: slot.Flag(func(c *config, on bool) { c.compareAsUser = on })},
	},
	Hooks: []server.Hook{server.PostConfig.Middle(prepare)},
	Authn: []server.AuthnProvider{{Name: "ldap", CheckPassword: checkPassword}},
	Authz: []server.AuthzProvider{
		{Name: "ldap-user", Parse: parser(requireUser)},
		{Name: "ldap-group", Parse: parser(requireGroup)},
		{Name: "ldap-dn", Parse: parser(requireDN)},
		{Name: "ldap-attribute", Parse: parser(requireAttribute)},
		{Name: "ldap-filter", Parse: parser(requireFilter)},
		{Name: "ldap-search", Parse: parser(requireSearch)},
	},
}

var (
	// Sections are not merged: the innermost says it all.
	slot = directives.NewDirSlot(func(_, add config) config { return add })
	elog = server.NewLog("authnz_ldap")
)

type config struct {
	where            *address // nil: no AuthLDAPURL
	bindDN           string
	password         *password
	notAuthoritative bool
	userIsDN         bool
	userAttribute    string
	compareOnServer  bool
	subAttributes    []string
	subClasses       []string
	depth            directives.Opt[int] // of groups in groups
	groupAttributes  []string
	memberIsName     bool // members are named as the client named itself, not by their DN
	deref            directives.Opt[int]
	prefix           directives.Opt[string]
	bindAsUser       bool
	bindPattern      *pattern.Regexp
	bindSubst        string
	searchAsUser     bool
	compareAsUser    bool
}

const (
	mostAttributes = 10 // GROUPATTR_MAX_ELTS
	derefAlways    = 3
	defaultDepth   = 10
)

func (c *config) addSubgroupAttribute(_ *directives.Cmd, name string) error {
	if len(c.subAttributes) == mostAttributes {
		return errors.New("Too many AuthLDAPSubGroupAttribute values")
	}
	c.subAttributes = append(c.subAttributes, name)
	return nil
}

func (c *config) addSubgroupClass(_ *directives.Cmd, name string) error {
	if len(c.subClasses) > mostAttributes {
		return errors.New("Too many AuthLDAPSubGroupClass values")
	}
	c.subClasses = append(c.subClasses, name)
	return nil
}

func (c *config) addGroupAttribute(_ *directives.Cmd, name string) error {
	if len(c.groupAttributes) > mostAttributes {
		return errors.New("Too many AuthLDAPGroupAttribute directives")
	}
	c.groupAttributes = append(c.groupAttributes, name)
	return nil
}

func (c *config) setDeref(_ *directives.Cmd, word string) error {
	switch {
	case word == "never" || strings.EqualFold(word, "off"):
		c.deref = directives.Given(0)
	case word == "searching":
		c.deref = directives.Given(1)
	case word == "finding":
		c.deref = directives.Given(2)
	case word == "always" || strings.EqualFold(word, "on"):
		c.deref = directives.Given(derefAlways)
	default:
		return errors.New("Unrecognized value for AuthLDAPDereferenceAliases directive")
	}
	return nil
}

func (c *config) setBindPattern(_ *directives.Cmd, re, subst string) error {
	var err error
	if c.bindPattern, err = pattern.Compile(re, pattern.DefaultFlags()); err != nil {
		return fmt.Errorf("AuthLDAPInitialBindPattern: cannot compile regular expression '%s'", re)
	}
	c.bindSubst = subst
	return nil
}

// password is what the connection is bound with.
type password struct {
	text string
	exec string // the program that tells it; "" for none
}

// secrets are the passwords that programs told, of the main server.
var secrets = directives.NewServerSlot(func(base, _ []*password) []*password { return base })

func (c *config) setPassword(cmd *directives.Cmd, arg string) error {
	c.password = &password{text: arg}
	if program, ok := strings.CutPrefix(arg, "exec:"); ok && program != "" {
		c.password.exec = program
		if !cmd.Htaccess {
			main := cmd.Server
			if main.Main != nil {
				main = main.Main
			}
			list := secrets.EditServer(main)
			*list = append(*list, c.password)
		}
		if server.IsReplayed(cmd) {
			return nil // the parent has asked, and tells; see prepare
		}
		argv := strings.Fields(program)
		if len(argv) == 0 {
			return errors.New("Unable to parse exec arguments from " + program)
		}
		// Of a program that fails counts what it said, as with Apache.
		out, _ := exec.Command(cmd.ServerRootRelative(argv[0]), argv[1:]...).Output()
		line, _, _ := strings.Cut(string(out), "\n")
		c.password.text = strings.TrimSuffix(line, "\r")
	}
	if c.password.text == "" {
		return errors.New("Empty passwords are invalid for AuthLDAPBindPassword")
	}
	return nil
}

// bindPassword is the connection's, "" for none.
func (c *config) bindPassword() string {
	if c.password == nil {
		return ""
	}
	return c.password.text
}

// prepare sees that there is a module that asks directories, and hands the
// passwords that programs told on to the children.
func prepare(g *server.Generation) error {
	if g.LDAP() == nil {
		return errors.New("AH01749: Module mod_ldap missing. Mod_ldap (aka. util_ldap) must be loaded in order for mod_authnz_ldap to function properly")
	}
	for i, p := range *secrets.Of(g.Config.Main) {
		name := fmt.Sprintf("authnz_ldap %d %s", i, p.exec)
		if g.Board == nil {
			g.Keep(name, p.text)
		} else if text, ok := g.Kept(name); ok {
			p.text = text
		}
	}
	return charsets.Of(g.Config.Main).check()
}
