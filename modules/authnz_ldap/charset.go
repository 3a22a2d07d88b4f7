package authnz_ldap

import (
	"errors"
	"fmt"
	"strings"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/httpdconf"
	"github.com/donjon-httpd/donjon/server"
	"github.com/donjon-httpd/donjon/server/charset"
)

// charsets is of the main server.
var charsets = directives.NewServerSlot(func(base, _ charsetConfig) charsetConfig { return base })

// charsetConfig says which character set a client uses that prefers a language:
// its names and passwords are turned into that of the directory.
type charsetConfig struct {
	file   string
	broken error
	sets   map[string]string // by language
}

// setFile reads lines of a language and its character set.
func (c *charsetConfig) setFile(cmd *directives.Cmd, name string) error {
	if cmd.Server.Virtual {
		return nil // Apache looks at the main server's alone
	}
	c.file = cmd.ServerRootRelative(name)
	text, err := server.OutsideOf(cmd).ReadFile(c.file)
	if err != nil {
		c.broken = fmt.Errorf("AH01751: could not open charset conversion config file %s.", c.file)
		return nil
	}
	c.sets = map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if strings.HasPrefix(line, "#") {
			continue
		}
		language, rest := httpdconf.Getword(strings.TrimSpace(line))
		if rest == "" {
			continue
		}
		c.sets[strings.ToLower(language)], _ = httpdconf.Getword(rest)
	}
	if c.setOf("utf-8") == "" {
		c.broken = fmt.Errorf("AH01752: could not find the UTF-8 charset in the file %s.", c.file)
	}
	return nil
}

func (c *charsetConfig) check() error {
	if c.broken != nil {
		return errors.Join(c.broken)
	}
	return nil
}

// setOf is the character set of a language, "" for none.
func (c *charsetConfig) setOf(language string) string {
	if set := c.sets[language]; set != "" {
		return set
	}
	if len(language) > 3 && language[2] == '-' {
		return c.sets[language[:2]]
	}
	return ""
}

// translate turns what the client sent into the directory's character set.
func translate(r *server.Request, text string) string {
	c := charsets.Of(r.Gen.Config.Main)
	if c.sets == nil {
		return text
	}
	languages, ok := r.FieldIn("Accept-Language")
	if !ok {
		return text
	}
	if end := strings.IndexAny(languages, ",;"); end >= 0 {
		languages = languages[:end]
	}
	from := c.setOf(languages)
	if from == "" {
		return text
	}
	in, err := charset.ToUTF8(from)
	if err != nil {
		return text
	}
	out, err := charset.FromUTF8(c.setOf("utf-8"))
	if err != nil {
		return text
	}
	made := out.Convert(in.Convert([]byte(text)))
	if in.Left > 0 || out.Left > 0 {
		return text
	}
	return string(made)
}
