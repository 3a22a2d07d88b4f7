package applications

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// chromium finds the browser; a test that finds none skips.
func chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium-headless-shell", "chromium"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("Chromium is not installed: see .ci/setup")
	return ""
}

// tab is a page of a browser.
type tab struct {
	*stack
	ctx context.Context
}

// step is one thing that is done in a page.
type step = chromedp.Action[chromedp.Void]

// browser starts a Chromium that trusts the stack's certificate, and no other. It
// ends with the test.
func (s *stack) browser() *tab {
	s.t.Helper()
	profile, err := os.MkdirTemp("", "chromium")
	s.must(err)
	s.t.Cleanup(func() { os.RemoveAll(profile) })
	options := append(chromedp.DefaultExecAllocatorOptions[:len(chromedp.DefaultExecAllocatorOptions):len(chromedp.DefaultExecAllocatorOptions)],
		chromedp.ExecPath(chromium(s.t)), chromedp.NoSandbox, chromedp.UserDataDir(profile), chromedp.WindowSize(1100, 900), chromedp.DisableGPU,
		chromedp.Flag("ignore-certificate-errors-spki-list", s.keyHash()), chromedp.Flag("disable-dev-shm-usage", true))
	ctx, end := chromedp.NewExecAllocator(context.Background(), options...)
	s.t.Cleanup(end)
	ctx, _ = chromedp.NewContext(ctx, chromedp.WithErrorf(s.t.Logf))
	s.t.Cleanup(func() {
		ctx, end := context.WithTimeout(ctx, 10*time.Second)
		defer end()
		if err := chromedp.Cancel(ctx); err != nil {
			s.t.Logf("the end of the browser: %v", err)
		}
	})
	if err := chromedp.Do(ctx); err != nil {
		s.t.Fatalf("Chromium does not start: %v", err)
	}
	return &tab{stack: s, ctx: ctx}
}

// patience is how long one step may take: a page waits for PHP, and all may
// wait for one busy processor.
const patience = 40 * time.Second

// do does steps. What fails is told with the page and the server's log.
func (b *tab) do(what string, steps ...step) {
	b.t.Helper()
	for i, st := range steps {
		ctx, end := context.WithTimeout(b.ctx, patience)
		err := chromedp.Do(ctx, st)
		end()
		if err != nil {
			b.t.Fatalf("%s: step %d: %v\npage: %s\nlog: %s", what, i+1, err, b.page(), b.log())
		}
	}
}

// page says where the browser is and what it shows, for messages.
func (b *tab) page() string {
	ctx, end := context.WithTimeout(b.ctx, 5*time.Second)
	defer end()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](`location + "\n" + document.body.innerText.slice(0, 3000)`))
	if err != nil {
		return err.Error()
	}
	return text
}

// get gives what an expression of JavaScript says in the page.
func (b *tab) get(expression string) string {
	b.t.Helper()
	ctx, end := context.WithTimeout(b.ctx, patience)
	defer end()
	text, err := chromedp.Run(ctx, chromedp.Evaluate[string](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v\npage: %s", expression, err, b.page())
	}
	return text
}

// visit goes to a page of the site.
func (s *stack) visit(path string) step { return chromedp.Navigate(s.origin() + path) }

// fill puts a text into a field. It is not typed: pages move the focus to other
// fields while they load.
func fill(field, text string) step {
	return chromedp.Steps(chromedp.WaitVisible(chromedp.CSS(field)), script(fmt.Sprintf(
		`(() => { const f = document.querySelector(%q); f.value = %q; f.dispatchEvent(new Event("input", {bubbles: true})) })()`, field, text)))
}

// press clicks on something that leads to another page, and waits for a part of
// that page.
func press(what, then string) step {
	return chromedp.Steps(chromedp.Click(chromedp.CSS(what)), chromedp.WaitReady(chromedp.CSS(then)))
}

// script runs JavaScript in the page.
func script(text string) step { return chromedp.Evaluate[chromedp.Void](text) }

// keyHash is the SHA-256 of the certificate's key, as Chromium wants it.
func (s *stack) keyHash() string {
	text, err := os.ReadFile(s.file("tls/server.pem"))
	s.must(err)
	block, _ := pem.Decode(text)
	cert, err := x509.ParseCertificate(block.Bytes)
	s.must(err)
	sum := sha256.Sum256(cert.RawSubjectPublicKeyInfo)
	return base64.StdEncoding.EncodeToString(sum[:])
}
