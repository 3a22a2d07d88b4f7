package ssl

import (
	"bufio"
	"crypto"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"

	"golang.org/x/term"
)

// asker gets pass phrases for keys, in the parent, which tries those that it
// has been told before.
type asker struct {
	mu     sync.Mutex
	known  []string // phrases that fitted once; restarts ask for nothing again
	pipe   *exec.Cmd
	in     io.Writer
	out    *bufio.Reader
	greets bool
}

var phrases asker

// maxTries is how often a person may mistype (ssl_pphrase.c).
const maxTries = 5

// decrypt finds the phrase of a key. name is "host:port" and number the key's
// place, as programs are told.
func (a *asker) decrypt(dialog, root, name, path string, number int, text string) (crypto.Signer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range a.known {
		if k, err := keyIn(text, []byte(p)); err == nil {
			return k, nil
		}
	}
	for range maxTries {
		phrase, err := a.ask(dialog, name, path, number)
		if err != nil {
			return nil, err
		}
		k, err := keyIn(text, []byte(phrase))
		if err == nil {
			a.known = append(a.known, phrase)
			return k, nil
		}
		if !errors.Is(err, errEncrypted) {
			return nil, err
		}
		if dialog != "" && !strings.EqualFold(dialog, "builtin") {
			break // a program says the same again
		}
		fmt.Fprintln(os.Stderr, "Apache:mod_ssl:Error: Pass phrase incorrect.")
	}
	return nil, errors.New("Pass phrase incorrect")
}

func (a *asker) ask(dialog, name, path string, number int) (string, error) {
	switch {
	case dialog == "" || strings.EqualFold(dialog, "builtin"):
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		if err != nil {
			return "", fmt.Errorf("no terminal to ask for the pass phrase: %w", err)
		}
		defer tty.Close()
		if !a.greets {
			fmt.Fprint(tty, "Apache/2.4.71 mod_ssl (Pass Phrase Dialog)\nSome of your private key files are encrypted for security reasons.\n"+
				"In order to read them you have to provide the pass phrases.\n")
			a.greets = true
		}
		fmt.Fprintf(tty, "\nPrivate key %s (%s)\nEnter pass phrase:", name, path)
		b, err := term.ReadPassword(int(tty.Fd()))
		fmt.Fprintln(tty)
		return string(b), err
	case strings.HasPrefix(dialog, "|"):
		if a.pipe == nil {
			words := strings.Fields(dialog[1:])
			if len(words) == 0 {
				return "", errors.New("no program behind the |")
			}
			c := exec.Command(words[0], words[1:]...)
			in, err := c.StdinPipe()
			if err != nil {
				return "", err
			}
			out, err := c.StdoutPipe()
			if err != nil {
				return "", err
			}
			if err := c.Start(); err != nil {
				return "", err
			}
			a.pipe, a.in, a.out = c, in, bufio.NewReader(out)
		}
		fmt.Fprintf(a.in, "%s\n", name)
		line, err := a.out.ReadString('\n')
		return strings.TrimRight(line, "\r\n"), err
	}
	words := strings.Fields(dialog[len("exec:"):])
	c := exec.Command(words[0], append(words[1:], name, fmt.Sprint(number))...)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("%s: %w", words[0], err)
	}
	line, _, _ := strings.Cut(string(out), "\n")
	return strings.TrimRight(line, "\r"), nil
}
