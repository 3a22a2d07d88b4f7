package md

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
)

// text makes the setter of a word.
func text(field func(*settings) *string) directives.Setter {
	return slot.Take1(func(c *config, _ *directives.Cmd, word string) error { *field(c.target()) = word; return nil })
}

func parseOnOff(word string) (bool, error) {
	switch strings.ToLower(word) {
	case "on":
		return true, nil
	case "off":
		return false, nil
	}
	return false, fmt.Errorf("unknown '%s', supported parameter values are 'on' and 'off'", word)
}

func onOff(field func(*settings) *directives.Opt[bool]) directives.Setter {
	return slot.Take1(func(c *config, _ *directives.Cmd, word string) error {
		on, err := parseOnOff(word)
		*field(c.target()) = directives.Given(on)
		return err
	})
}

func mainSwitch(field func(*config) *directives.Opt[bool]) directives.Setter {
	return slot.Take1(func(c *config, cmd *directives.Cmd, word string) error {
		on, err := parseOnOff(word)
		*field(c.main(cmd)) = directives.Given(on)
		return err
	})
}

// main is the main server's configuration.
func (c *config) main(cmd *directives.Cmd) *config {
	if v := cmd.Server.Main; v != nil {
		return slot.EditServer(v)
	}
	return c
}

var errFormat = errors.New("has unrecognized format")

// parsePart reads a length of time, in days where no unit is said, or a percentage.
func parsePart(word, tooLong string) (part, error) {
	if digits, ok := strings.CutSuffix(word, "%"); ok {
		n, err := strconv.Atoi(digits)
		switch {
		case err != nil || n < 0:
			return part{}, errFormat
		case n >= 100:
			return part{}, errors.New(tooLong)
		}
		return part{percent: n}, nil
	}
	const day = 24 * time.Hour
	if digits, ok := strings.CutSuffix(strings.ToLower(word), "d"); ok {
		if n, err := strconv.Atoi(digits); err == nil && n >= 0 {
			return part{length: time.Duration(n) * day}, nil
		}
	}
	d, err := server.ParseTimeout(word, day)
	if err != nil || word == "" || d < 0 {
		return part{}, errFormat
	}
	return part{length: d}, nil
}

func window(field func(*settings) *directives.Opt[part], tooLong string) directives.Setter {
	return slot.Take1(func(c *config, cmd *directives.Cmd, word string) error {
		p, err := parsePart(word, tooLong)
		if err != nil {
			return fmt.Errorf("%s %w", cmd.Name, err)
		}
		*field(c.target()) = directives.Given(p)
		return nil
	})
}

func checkPart(tooLong string) func(*config, *directives.Cmd, string) error {
	return func(_ *config, cmd *directives.Cmd, word string) error {
		if _, err := parsePart(word, tooLong); err != nil {
			return fmt.Errorf("%s %w", cmd.Name, err)
		}
		return nil
	}
}

var errDuration = errors.New("unrecognized duration format")

func length(field func(*config) *directives.Opt[part]) directives.Setter {
	return slot.Take1(func(c *config, cmd *directives.Cmd, word string) error {
		p, err := parsePart(word, "")
		if err != nil || p.percent > 0 {
			return errDuration
		}
		*field(c.main(cmd)) = directives.Given(p)
		return nil
	})
}

func (c *config) setRetryDelay(cmd *directives.Cmd, word string) error {
	d, err := server.ParseTimeout(word, time.Second)
	if err != nil {
		return errDuration
	}
	if d <= 0 {
		return errors.New("minimum delay must be greater than 0")
	}
	c.main(cmd).retryDelay = directives.Given(d)
	return nil
}

func (c *config) setInterval(cmd *directives.Cmd, word string) error {
	d, err := server.ParseTimeout(word, time.Second)
	if err != nil {
		return errDuration
	}
	if d < time.Second {
		return errors.New("check interval cannot be less than one second")
	}
	c.main(cmd).interval = directives.Given(d)
	return nil
}

func (c *config) setFailover(cmd *directives.Cmd, word string) error {
	n, err := strconv.Atoi(word)
	if err != nil || n <= 0 {
		return errors.New("invalid argument, must be a number > 0")
	}
	c.main(cmd).failover = directives.Given(n)
	return nil
}

func (c *config) setMatch(cmd *directives.Cmd, word string) error {
	switch strings.ToLower(word) {
	case "all", "servernames":
		c.main(cmd).serverNames = strings.EqualFold(word, "servernames")
		return nil
	}
	return errors.New("invalid argument, must be a 'all' or 'servernames'")
}

func checkLocks(_ *config, _ *directives.Cmd, word string) error {
	if _, err := parseOnOff(word); err == nil {
		return nil
	}
	if _, err := server.ParseTimeout(word, time.Second); err != nil {
		return errors.New("neither 'on', 'off' or a duration specified")
	}
	return nil
}

func (c *config) openSet(cmd *directives.Cmd, args string) error {
	if !cmd.Node.Closed {
		return errors.New("<MDomainSet> directive missing closing '>'")
	}
	d := &domain{home: cmd.Server}
	if err := d.addNames(words(args)); err != nil {
		return err
	}
	if d.name == "" {
		return errors.New("<MDomainSet > section must specify a unique domain name")
	}
	c.inner = d
	cmd.Nested(func(*directives.Cmd) {})
	c.inner = nil
	m := c.main(cmd)
	m.domains = append(m.domains, d)
	return nil
}

func words(args string) (list []string) {
	for args != "" {
		var w string
		if w, args = httpdconf.Getword(args); w != "" {
			list = append(list, w)
		}
	}
	return list
}

// addNames adds names, and follows the words that say whether more are found in
// the configuration.
func (d *domain) addNames(list []string) error {
	for _, n := range list {
		switch n = strings.ToLower(n); n {
		case "auto":
			d.members = directives.Given(true)
		case "manual":
			d.members = directives.Given(false)
		default:
			if d.name == "" {
				d.name = n
			}
			if !d.covers(n) {
				d.names = append(d.names, n)
			}
		}
	}
	return nil
}

func (c *config) addDomain(cmd *directives.Cmd, list []string) error {
	d := &domain{home: cmd.Server}
	if err := d.addNames(list); err != nil {
		return err
	}
	if d.name == "" {
		return errors.New("needs at least one domain name")
	}
	m := c.main(cmd)
	for _, known := range m.domains {
		if known.name == d.name {
			return known.addNames(list)
		}
	}
	m.domains = append(m.domains, d)
	return nil
}

func (c *config) addMembers(cmd *directives.Cmd, list []string) error {
	if c.inner != nil {
		return c.inner.addNames(list)
	}
	if len(list) != 1 || !strings.EqualFold(list[0], "auto") && !strings.EqualFold(list[0], "manual") {
		return errors.New(`unknown value, use "auto|manual"`)
	}
	c.members = directives.Given(strings.EqualFold(list[0], "auto"))
	return nil
}

func (c *config) setAuthority(_ *directives.Cmd, list []string) error {
	var urls []string
	for _, n := range list {
		address := ""
		for _, k := range knownAuthorities {
			if strings.EqualFold(k.name, n) {
				address = k.url
			}
		}
		if address == "" {
			u, err := url.Parse(n)
			if err != nil || u.Scheme == "" {
				return fmt.Errorf("The CA name '%s' is not known and it is not a URL either (missing uri scheme). "+
					"Known CA names are: LetsEncrypt LetsEncrypt-Test Buypass Buypass-Test.", n)
			}
			address = n
		}
		urls = append(urls, address)
	}
	c.target().authorities = urls
	return nil
}

func (c *config) setChallenges(_ *directives.Cmd, list []string) error {
	c.target().challenges = list
	return nil
}

func (c *config) setRenewMode(_ *directives.Cmd, word string) error {
	m, ok := map[string]renewMode{"auto": renewAuto, "automatic": renewAuto, "always": renewAlways, "manual": renewManual, "stick": renewManual}[strings.ToLower(word)]
	if !ok {
		return errors.New("unknown MDDriveMode " + word)
	}
	c.target().mode = directives.Given(m)
	return nil
}

func (c *config) setRequire(_ *directives.Cmd, word string) error {
	m, ok := map[string]require{"off": requireOff, "temporary": requireTemporary, "permanent": requirePermanent}[strings.ToLower(word)]
	if !ok {
		return fmt.Errorf("unknown '%s', supported parameter values are 'temporary' and 'permanent'", word)
	}
	c.target().require = directives.Given(m)
	return nil
}

var errInside = " is only valid inside a '<MDomainSet' context, not here"

func (c *config) addCertFile(cmd *directives.Cmd, name string) error {
	if c.inner == nil {
		return errors.New(cmd.Name + errInside)
	}
	c.inner.certFiles = append(c.inner.certFiles, readStatic(cmd, name))
	return nil
}

func (c *config) addKeyFile(cmd *directives.Cmd, name string) error {
	if c.inner == nil {
		return errors.New(cmd.Name + errInside)
	}
	c.inner.keyFiles = append(c.inner.keyFiles, readStatic(cmd, name))
	return nil
}

// readStatic reads a file; one that is not there is an error when the server starts.
func readStatic(cmd *directives.Cmd, name string) staticFile {
	f := staticFile{path: cmd.ServerRootRelative(name)}
	f.text, _ = server.OutsideOf(cmd).ReadFile(f.path)
	return f
}

func readCA(cmd *directives.Cmd, name string) *string {
	t := readStatic(cmd, name).text
	return &t
}

func (c *config) setBinding(cmd *directives.Cmd, id, hmac string) error {
	switch {
	case hmac != "":
	case strings.EqualFold(id, "none"):
		id = ""
	default:
		path := cmd.ServerRootRelative(id)
		text, err := server.OutsideOf(cmd).ReadFile(path)
		if err != nil {
			return fmt.Errorf("MDExternalAccountBinding: file not found: %s", path)
		}
		var v struct{ KID, HMAC string }
		if err := json.Unmarshal([]byte(text), &v); err != nil {
			return fmt.Errorf("MDExternalAccountBinding: error reading JSON file %s", path)
		}
		for _, k := range []struct{ name, value string }{{"kid", v.KID}, {"hmac", v.HMAC}} {
			if k.value == "" {
				return fmt.Errorf("MDExternalAccountBinding: JSON does not contain '%s' element in file %s", k.name, path)
			}
		}
		id, hmac = v.KID, v.HMAC
	}
	c.target().binding = directives.Given(binding{id, hmac})
	return nil
}

func (c *config) setDNSVersion(_ *directives.Cmd, word string) error {
	if word != "1" && word != "2" {
		return errors.New("Only versions `1` and `2` are supported")
	}
	c.target().dnsVersion = int(word[0] - '0')
	return nil
}

func (c *config) setProxy(cmd *directives.Cmd, address string) error {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Scheme == "":
		return errors.New("missing uri scheme")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("uri scheme must be http or https")
	case u.Hostname() == "":
		return errors.New("missing hostname")
	}
	c.main(cmd).proxy = address
	return nil
}

func (c *config) setStore(cmd *directives.Cmd, name string) error {
	if c.inner != nil {
		return errors.New("MDStoreDir is not allowed inside an '<MDomainSet' context")
	}
	c.main(cmd).store = cmd.ServerRootRelative(name)
	return nil
}
