package ssl

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

var slot = directives.NewServerSlot(merge)

// config is a server's SSLSrvConfigRec.
type config struct {
	engine    directives.Opt[engine]
	certs     []source
	keys      []source
	chain     source
	caFile    source
	caPath    source
	namesFile source
	namesPath source
	crlFile   source
	crlPath   source
	crlCheck  directives.Opt[revocation]
	ciphers   cipherSpec
	protocols directives.Opt[protocols]
	verify    directives.Opt[verifyMode]
	depth     directives.Opt[int]
	timeout   directives.Opt[int] // SSLSessionCacheTimeout, seconds
	tickets   directives.Opt[bool]
	ticketKey source
	strictSNI directives.Opt[bool]
	curves    string // SSLOpenSSLConfCmd Curves
	stapling  stapling
	ocsp      ocspConfig

	// Of the main server alone.
	dialog    string
	sniPolicy directives.Opt[sniPolicy]

	// Made by prepare.
	ready *sslContext
}

// source is a file or directory with what was in it when the configuration was read.
type source struct {
	path  string
	texts []string // of the file, or of each file of the directory
}

type engine uint8

const (
	engineOff engine = iota
	engineOn
	engineOptional
)

type verifyMode uint8

const (
	verifyNone verifyMode = iota
	verifyOptional
	verifyRequire
	verifyOptionalNoCA
)

type sniPolicy uint8

const (
	sniSecure sniPolicy = iota
	sniStrict
	sniAuthOnly
	sniInsecure
)

// revocation is how certificates are looked for in revocation lists.
type revocation struct {
	mode     uint8 // 0 none, 1 leaf, 2 chain
	noCRLFor bool  // one for which there is no list is taken
}

// merge is ssl_config_server_merge: certificates are added to by position in
// Apache; a host that names its own has only those.
func merge(base, add config) config {
	m := add
	m.engine = add.engine.Or(base.engine)
	m.chain, m.caFile, m.caPath = add.chain.or(base.chain), add.caFile.or(base.caFile), add.caPath.or(base.caPath)
	m.namesFile, m.namesPath = add.namesFile.or(base.namesFile), add.namesPath.or(base.namesPath)
	m.crlFile, m.crlPath, m.crlCheck = add.crlFile.or(base.crlFile), add.crlPath.or(base.crlPath), add.crlCheck.Or(base.crlCheck)
	m.ciphers = add.ciphers.or(base.ciphers)
	m.protocols, m.verify, m.depth = add.protocols.Or(base.protocols), add.verify.Or(base.verify), add.depth.Or(base.depth)
	m.timeout, m.tickets, m.ticketKey = add.timeout.Or(base.timeout), add.tickets.Or(base.tickets), add.ticketKey.or(base.ticketKey)
	m.strictSNI = add.strictSNI.Or(base.strictSNI)
	if m.curves == "" {
		m.curves = base.curves
	}
	if len(m.certs) == 0 {
		m.certs = base.certs
	}
	if len(m.keys) == 0 {
		m.keys = base.keys
	}
	m.stapling, m.ocsp = mergeStapling(base.stapling, add.stapling), mergeOCSP(base.ocsp, add.ocsp)
	m.dialog, m.sniPolicy, m.ready = base.dialog, base.sniPolicy, nil
	return m
}

func (s source) or(base source) source {
	if s.path != "" {
		return s
	}
	return base
}

// openFile reads a file that must be there and not be empty (ssl_cmd_check_file).
func openFile(cmd *directives.Cmd, name string) (source, error) {
	if strings.HasPrefix(name, "pkcs11:") {
		return source{path: name, texts: []string{""}}, nil // of a token; load refuses it
	}
	path := cmd.ServerRootRelative(name)
	text, err := server.OutsideOf(cmd).ReadFile(path)
	if err != nil || text == "" {
		return source{}, fmt.Errorf("%s: file '%s' does not exist or is empty", cmd.Name, path)
	}
	return source{path: path, texts: []string{text}}, nil
}

// openPath reads the files of a directory (ssl_cmd_check_dir).
func openPath(cmd *directives.Cmd, name string) (source, error) {
	path := cmd.ServerRootRelative(name)
	from := server.OutsideOf(cmd)
	if dir, _ := from.Stat(path); !dir {
		return source{}, fmt.Errorf("%s: directory '%s' does not exist", cmd.Name, path)
	}
	s := source{path: path}
	entries, err := from.List(path)
	if err != nil {
		return source{}, fmt.Errorf("%s: directory '%s' does not exist", cmd.Name, path)
	}
	for _, e := range entries {
		if e.Dir {
			continue
		}
		if text, err := from.ReadFile(path + "/" + e.Name); err == nil {
			s.texts = append(s.texts, text)
		}
	}
	return s, nil
}

func fileSetter(field func(*config) *source) directives.Setter {
	return slot.Take1(func(c *config, cmd *directives.Cmd, name string) (err error) {
		*field(c), err = openFile(cmd, name)
		return err
	})
}

func pathSetter(field func(*config) *source) directives.Setter {
	return slot.Take1(func(c *config, cmd *directives.Cmd, name string) (err error) {
		*field(c), err = openPath(cmd, name)
		return err
	})
}

// least is the smallest number that a directive takes.
type least int

// anyNumber lets negative numbers pass, as Apache does for some.
const anyNumber least = -1 << 31

// seconds is a setter for a time in seconds. A word that is no number is 0, as
// atoi has it.
func seconds(field func(*config) *directives.Opt[int], from ...least) directives.Setter {
	return slot.Take1(func(c *config, cmd *directives.Cmd, text string) error {
		n := atoi(text)
		if n < 0 && len(from) == 0 {
			return fmt.Errorf("%s: invalid argument", cmd.Name)
		}
		*field(c) = directives.Given(n)
		return nil
	})
}

// atoi is C's: the number at the start, else 0.
func atoi(s string) int {
	s = strings.TrimLeft(s, " \t")
	end := 0
	for end < len(s) && (s[end] >= '0' && s[end] <= '9' || end == 0 && (s[0] == '-' || s[0] == '+')) {
		end++
	}
	n, _ := strconv.Atoi(s[:end])
	return n
}

func setEngine(c *config, cmd *directives.Cmd, word string) error {
	switch strings.ToLower(word) {
	case "on":
		c.engine = directives.Given(engineOn)
	case "off":
		c.engine = directives.Given(engineOff)
	case "optional":
		c.engine = directives.Given(engineOptional)
		cmd.Note("RFC 2817's upgrade to TLS is not offered: the host is served in clear")
	default:
		return errors.New("Argument must be On or Off")
	}
	return nil
}

func addCertificate(c *config, cmd *directives.Cmd, name string) error {
	s, err := openFile(cmd, name)
	c.certs = append(c.certs, s)
	return err
}

func addKey(c *config, cmd *directives.Cmd, name string) error {
	s, err := openFile(cmd, name)
	c.keys = append(c.keys, s)
	return err
}

func setCAFile(c *config, cmd *directives.Cmd, name string) error {
	s, err := openFile(cmd, name)
	if cmd.InSection() {
		dirs.Edit(cmd).caFile = s
	} else {
		c.caFile = s
	}
	return err
}

func setCAPath(c *config, cmd *directives.Cmd, name string) error {
	s, err := openPath(cmd, name)
	if cmd.InSection() {
		dirs.Edit(cmd).caPath = s
	} else {
		c.caPath = s
	}
	return err
}

func setRevocationCheck(c *config, cmd *directives.Cmd, args string) error {
	return setCheck(&c.crlCheck, cmd, args)
}

func setCheck(to *directives.Opt[revocation], cmd *directives.Cmd, args string) error {
	words := httpdconf.Words(args)
	bad := func(w string) error { return fmt.Errorf("%s: Invalid argument '%s'", cmd.Name, w) }
	if len(words) == 0 {
		return bad("")
	}
	var v revocation
	switch strings.ToLower(words[0]) {
	case "none":
	case "leaf":
		v.mode = 1
	case "chain":
		v.mode = 2
	default:
		return bad(words[0])
	}
	for _, w := range words[1:] {
		if !strings.EqualFold(w, "no_crl_for_cert_ok") {
			return bad(w)
		}
		v.noCRLFor = true
	}
	*to = directives.Given(v)
	return nil
}

func parseVerify(cmd *directives.Cmd, word string) (verifyMode, error) {
	switch strings.ToLower(word) {
	case "none", "off":
		return verifyNone, nil
	case "optional":
		return verifyOptional, nil
	case "require", "on":
		return verifyRequire, nil
	case "optional_no_ca":
		return verifyOptionalNoCA, nil
	}
	return 0, fmt.Errorf("%s: Invalid argument '%s'", cmd.Name, word)
}

func setVerify(c *config, cmd *directives.Cmd, word string) error {
	v, err := parseVerify(cmd, word)
	if err != nil {
		return err
	}
	if cmd.InSection() {
		dirs.Edit(cmd).verify = directives.Given(v)
	} else {
		c.verify = directives.Given(v)
	}
	return nil
}

func parseDepth(cmd *directives.Cmd, text string) (directives.Opt[int], error) {
	n := atoi(text)
	if n < 0 {
		return directives.Opt[int]{}, fmt.Errorf("%s: Invalid argument '%s'", cmd.Name, text)
	}
	return directives.Given(n), nil
}

func setDepth(c *config, cmd *directives.Cmd, text string) (err error) {
	if cmd.InSection() {
		dirs.Edit(cmd).depth, err = parseDepth(cmd, text)
	} else {
		c.depth, err = parseDepth(cmd, text)
	}
	return err
}

func setSessionTimeout(c *config, _ *directives.Cmd, text string) error {
	n := atoi(text)
	if n < 0 {
		return errors.New("SSLSessionCacheTimeout: Invalid argument")
	}
	c.timeout = directives.Given(n)
	return nil
}

// setSessionCache checks what Apache checks: the kind of cache and its arguments.
func setSessionCache(_ *config, cmd *directives.Cmd, arg string) error {
	if strings.EqualFold(arg, "none") || strings.EqualFold(arg, "nonenotnull") {
		return nil
	}
	return checkCache(cmd, arg, "session cache not supported (known names: %s). Maybe you need to load the appropriate socache module (mod_socache_%s?).")
}

func setStaplingCache(_ *config, cmd *directives.Cmd, arg string) error {
	return checkCache(cmd, arg, "stapling cache not supported (known names: %s) Maybe you need to load the appropriate socache module (mod_socache_%s?)")
}

func checkCache(cmd *directives.Cmd, arg, unknown string) error {
	name, args, _ := strings.Cut(arg, ":")
	known, err := server.CheckSocache(cmd, name, args)
	if known != nil {
		return fmt.Errorf("%s: '%s' "+unknown, cmd.Name, name, strings.Join(known, ","), name)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", cmd.Name, err)
	}
	return nil
}

func setSNIPolicy(c *config, _ *directives.Cmd, word string) error {
	for i, name := range []string{"secure", "strict", "authonly", "insecure"} {
		if strings.EqualFold(word, name) {
			c.sniPolicy = directives.Given(sniPolicy(i))
			return nil
		}
	}
	return fmt.Errorf("Invalid SSLVhostSNIPolicy argument '%s'", word)
}

func setCompression(_ *config, _ *directives.Cmd, on bool) error {
	if on {
		return errors.New("This version of OpenSSL does not have any compression methods available, cannot enable SSLCompression.")
	}
	return nil
}

func setFIPS(_ *config, cmd *directives.Cmd, on bool) error {
	if on {
		cmd.Note("SSLFIPS has no effect here: GODEBUG=fips140=on has the program use Go's validated module")
	}
	return nil
}

func setDevice(_ *config, cmd *directives.Cmd, name string) error {
	if name != "builtin" && name != "dynamic" {
		return errors.New("SSLCryptoDevice: Invalid argument; must be one of: 'builtin' (none), 'dynamic' (Dynamic engine loading support)")
	}
	return nil
}

func setRandomSeed(_ *config, cmd *directives.Cmd, context, from, bytes string) error {
	if !strings.EqualFold(context, "startup") && !strings.EqualFold(context, "connect") {
		return fmt.Errorf("SSLRandomSeed: invalid context: `%s'", context)
	}
	kind, path, given := strings.Cut(from, ":")
	switch {
	case strings.EqualFold(kind, "egd") && given:
		return fmt.Errorf("Invalid SSLRandomSeed entropy source `%s': This version of OpenSSL does not support the Entropy Gathering Daemon (EGD).", from)
	case strings.EqualFold(from, "builtin"):
		if bytes != "" {
			return errors.New("SSLRandomSeed: byte specification not allowed for builtin seed source")
		}
		return nil
	case !given || !strings.EqualFold(kind, "file") && !strings.EqualFold(kind, "exec"):
		path = from
	}
	path = cmd.ServerRootRelative(path)
	if _, ok := server.OutsideOf(cmd).Stat(path); !ok {
		return fmt.Errorf("SSLRandomSeed: source path '%s' does not exist", path)
	}
	if bytes != "" && atoi(bytes) < 0 {
		return errors.New("SSLRandomSeed: invalid number of bytes specified")
	}
	return nil
}

func setDialog(c *config, cmd *directives.Cmd, arg string) error {
	switch {
	case strings.EqualFold(arg, "builtin"), strings.HasPrefix(arg, "|"):
	case len(arg) > 5 && strings.EqualFold(arg[:5], "exec:"):
		file, _, _ := strings.Cut(arg[5:], " ")
		if st, err := os.Stat(cmd.ServerRootRelative(file)); !server.IsReplayed(cmd) && (err != nil || st.IsDir()) {
			return fmt.Errorf("SSLPassPhraseDialog: file '%s' does not exist", cmd.ServerRootRelative(file))
		}
	default:
		return errors.New("SSLPassPhraseDialog: Invalid argument")
	}
	c.dialog = arg
	return nil
}

func gone(_ *config, cmd *directives.Cmd, _ string) error { return errors.New(cmd.Usage) }
