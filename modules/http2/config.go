package http2

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/directives"
	"github.com/donjon-httpd/donjon/server"
)

// config is what holds for connections and whole servers.
type config struct {
	maxStreams, window, maxData, maxHeaderBlock, maxErrors directives.Opt[int]
	padding, coolDown, diary                               directives.Opt[int]
	modernTLS, direct, earlyHints, webSockets              directives.Opt[bool]
	proxyRequests                                          directives.Opt[bool]
	push                                                   directives.Opt[bool] // what a section says of it is dirConfig.push
	warmUp                                                 directives.Opt[int64]
	streamTimeout                                          directives.Opt[time.Duration]
}

var host = directives.NewServerSlot(merge)

func merge(base, add config) config {
	return config{
		maxStreams: add.maxStreams.Or(base.maxStreams), window: add.window.Or(base.window),
		maxData: add.maxData.Or(base.maxData), maxHeaderBlock: add.maxHeaderBlock.Or(base.maxHeaderBlock),
		maxErrors: add.maxErrors.Or(base.maxErrors), padding: add.padding.Or(base.padding),
		coolDown: add.coolDown.Or(base.coolDown), diary: add.diary.Or(base.diary),
		modernTLS: add.modernTLS.Or(base.modernTLS), direct: add.direct.Or(base.direct),
		earlyHints: add.earlyHints.Or(base.earlyHints), webSockets: add.webSockets.Or(base.webSockets),
		push: add.push.Or(base.push), proxyRequests: add.proxyRequests.Or(base.proxyRequests), warmUp: add.warmUp.Or(base.warmUp), streamTimeout: add.streamTimeout.Or(base.streamTimeout),
	}
}

// dirConfig is what may differ per directory.
type dirConfig struct {
	upgrade, push directives.Opt[bool]
	pushes        []pushed
	hints         []server.Field
}

// pushed is an H2PushResource.
type pushed struct {
	path     string
	critical bool
}

var dir = directives.NewDirSlot(mergeDir)

func mergeDir(base, add dirConfig) dirConfig {
	return dirConfig{
		upgrade: add.upgrade.Or(base.upgrade), push: add.push.Or(base.push),
		pushes: slices.Concat(base.pushes, add.pushes), hints: slices.Concat(base.hints, add.hints),
	}
}

var errOnOff = errors.New("value must be On or Off")

func onOff(to *directives.Opt[bool], word string) error {
	switch strings.ToLower(word) {
	case "on":
		*to = directives.Given(true)
	case "off":
		*to = directives.Given(false)
	default:
		return errOnOff
	}
	return nil
}

func flag(field func(*config) *directives.Opt[bool]) func(*config, *directives.Cmd, string) error {
	return func(c *config, _ *directives.Cmd, word string) error { return onOff(field(c), word) }
}

func dirFlag(field func(*dirConfig) *directives.Opt[bool]) func(*dirConfig, *directives.Cmd, string) error {
	return func(c *dirConfig, _ *directives.Cmd, word string) error { return onOff(field(c), word) }
}

// setPush is for a session where it stands outside of sections: for requests of
// other hosts than the session's it says nothing then (observed on 2.4.71).
func setPush(c *dirConfig, cmd *directives.Cmd, word string) error {
	if cmd.Conf == cmd.Server.Defaults {
		return onOff(&host.Edit(cmd).push, word)
	}
	return onOff(&c.push, word)
}

// setProxyRequests is for connections, whose requests have no directory yet: in a
// section it says nothing.
func setProxyRequests(_ *dirConfig, cmd *directives.Cmd, word string) error {
	if cmd.Conf != cmd.Server.Defaults {
		return onOff(new(directives.Opt[bool]), word)
	}
	return onOff(&host.Edit(cmd).proxyRequests, word)
}

func unused(*config) *directives.Opt[int] { return new(directives.Opt[int]) }

// number is a setter for a number that must not be less than least.
func number(field func(*config) *directives.Opt[int], least int, problem string) func(*config, *directives.Cmd, string) error {
	return func(c *config, _ *directives.Cmd, word string) error {
		n := server.Atoi(word)
		if n < least {
			return errors.New(problem)
		}
		*field(c) = directives.Given(n)
		return nil
	}
}

func idleSeconds(_ *config, _ *directives.Cmd, word string) error {
	if _, ok := interval(word); !ok {
		return errors.New("Invalid idle limit value")
	}
	return nil
}

func streamTimeout(c *config, _ *directives.Cmd, word string) error {
	d, ok := interval(word)
	if !ok {
		return errors.New("Invalid timeout value")
	}
	c.streamTimeout = directives.Given(d)
	return nil
}

// forever is what a time is taken for that Apache can count and we cannot.
const forever = 100 * 365 * 24 * time.Hour

// interval reads a time in seconds, or with a unit.
func interval(word string) (time.Duration, bool) {
	if word == "" || word[0] < '0' || word[0] > '9' {
		return 0, false
	}
	d, err := server.ParseTimeout(word, time.Second)
	if err != nil && len(word) <= 12 && strings.Trim(word, "0123456789") == "" {
		return forever, true
	}
	return d, err == nil
}

func serializeHeaders(_ *config, cmd *directives.Cmd, word string) error {
	if strings.EqualFold(word, "on") {
		cmd.LogWarning("AH10307: %s: this feature has been disabled and the directive to enable it is ignored.", cmd.Name)
	}
	return nil
}

func extraFiles(_ *config, cmd *directives.Cmd, _ string) error {
	cmd.LogWarning("H2SessionExtraFiles is obsolete and will be ignored")
	return nil
}

func padding(c *config, _ *directives.Cmd, word string) error {
	n := server.Atoi(word)
	switch {
	case n < 0:
		return errors.New("number of bits must be >= 0")
	case n > 8:
		return errors.New("number of bits must be <= 8")
	}
	c.padding = directives.Given(n)
	return nil
}

func pushDiary(c *config, _ *directives.Cmd, word string) error {
	n := server.Atoi(word)
	switch {
	case n < 0:
		return errors.New("value must be >= 0")
	case n > 0 && n&(n-1) != 0:
		return errors.New("value must a power of 2")
	case n >= 1<<16:
		return errors.New("value must <= 65536")
	}
	c.diary = directives.Given(n)
	return nil
}

func pushPriority(_ *config, _ *directives.Cmd, mime, dependency, weight string) error {
	switch {
	case strings.EqualFold(dependency, "AFTER"):
	case strings.EqualFold(dependency, "BEFORE"):
		if weight != "" {
			return errors.New("dependency 'Before' does not allow a weight")
		}
	case strings.EqualFold(dependency, "INTERLEAVED"):
	default:
		return errors.New("dependency must be one of 'After', 'Before' or 'Interleaved'")
	}
	if weight != "" && server.Atoi(weight) < 1 {
		return errors.New("weight must be a number >= 1")
	}
	if mime != "*" && !strings.Contains(mime, "/") || mime == "" {
		return errors.New("1st argument must be a mime-type, like 'text/css' or '*'")
	}
	return nil
}

func (c *dirConfig) addPush(_ *directives.Cmd, a, b, d string) error {
	p := pushed{}
	last := ""
	if strings.EqualFold(a, "add") {
		if p.path, last = b, d; b == "" {
			p.path = a
		}
	} else {
		if p.path, last = a, b; d != "" {
			return errors.New("too many parameter")
		}
	}
	if last != "" {
		if !strings.EqualFold(last, "critical") {
			return errors.New("unknown last parameter")
		}
		p.critical = true
	}
	c.pushes = slices.DeleteFunc(slices.Clone(c.pushes), func(o pushed) bool { return o.path == p.path })
	c.pushes = append(c.pushes, p)
	return nil
}

func (c *dirConfig) addHint(_ *directives.Cmd, name, value string) error {
	switch {
	case name == "":
		return errors.New("Early Hint header name must not be empty")
	case value == "":
		return errors.New("Early Hint header value must not be empty")
	case strings.Trim(value, " \t") == "":
		return errors.New("Early Hint header value must not be empty/only space")
	}
	for i := 0; i < len(value); i++ {
		if b := value[i]; b < ' ' && b != '\t' || b == 0x7f {
			return errors.New("Early Hint header value contains invalid characters")
		}
	}
	c.hints = append(c.hints, server.Field{Name: name, Value: strings.Trim(value, " \t")})
	return nil
}
