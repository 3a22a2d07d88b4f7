package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// The tables stand between these lines of performance.md; what is around them
// is written by hand.
const (
	docsBegin = "<!-- bench: begin -->\n"
	docsEnd   = "<!-- bench: end -->\n"
)

// writeDocs puts the results into folder's performance.md, and a chart of each
// workload beside it.
func writeDocs(folder string, results []result, about string) error {
	page := filepath.Join(folder, "performance.md")
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	before, rest, ok := strings.Cut(string(text), docsBegin)
	_, after, ok2 := strings.Cut(rest, docsEnd)
	if !ok || !ok2 {
		return errors.New(page + " has no place for the tables")
	}
	charts := filepath.Join(folder, "performance")
	if err := os.MkdirAll(charts, 0o755); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(before + docsBegin + "\n" + about + "\n")
	for _, r := range results {
		fmt.Fprintf(&b, "\n### %s\n\n", r.Title)
		if chart := chart(&r); chart != "" {
			if err := os.WriteFile(filepath.Join(charts, r.Workload+".svg"), []byte(chart), 0o644); err != nil {
				return err
			}
			fmt.Fprintf(&b, "![%s](performance/%s.svg)\n\n", r.Title, r.Workload)
		}
		b.WriteString(r.markdown())
	}
	b.WriteString("\n" + docsEnd + after)
	return os.WriteFile(page, []byte(b.String()), 0o644)
}

// markdown is the result as a table of a page.
func (r *result) markdown() string {
	var b strings.Builder
	var header []figure
	for _, row := range r.Rows {
		if len(row.Figures) > 0 {
			header = row.Figures
			break
		}
	}
	b.WriteString("| server |")
	for _, f := range header {
		fmt.Fprintf(&b, " %s |", strings.TrimSpace(f.Name+" "+f.Unit))
	}
	b.WriteString(" ratio to Donjon |\n|---|" + strings.Repeat("---|", len(header)+1) + "\n")
	for _, row := range r.Rows {
		if row.Without != "" {
			fmt.Fprintf(&b, "| %s |%s %s |\n", row.Server, strings.Repeat(" |", len(header)), strings.ReplaceAll(row.Without, "|", "/"))
			continue
		}
		fmt.Fprintf(&b, "| %s |", row.Server)
		for i, f := range row.Figures {
			if i == 0 {
				fmt.Fprintf(&b, " **%s** (%s–%s) |", number(f.Mid), number(f.Low), number(f.High))
				continue
			}
			fmt.Fprintf(&b, " %s |", number(f.Mid))
		}
		fmt.Fprintf(&b, " %s |\n", row.ratio())
	}
	return b.String()
}

// machine says what the figures were made on.
func machine(b *bench) string {
	cpu := "unknown processor"
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			cpu = strings.TrimSpace(value)
			break
		}
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	pinned := "servers on one processor, the client on another"
	if b.cpus == nil {
		pinned = "not pinned"
	}
	return fmt.Sprintf("%s: %d × %s, Linux %s, %s; %d rounds of %s, medians (lowest–highest).\nVersions: %s.\n",
		time.Now().UTC().Format(time.DateOnly), runtime.NumCPU(), cpu, strings.TrimSpace(string(kernel)), pinned, b.rounds, b.duration, versions())
}

func versions() string {
	var list []string
	for _, v := range []struct{ program, arg, prefix string }{
		{"/usr/sbin/apache2", "-v", "Server version: "}, {"/usr/sbin/nginx", "-v", "nginx version: "},
		{"/usr/sbin/lighttpd", "-v", ""}, {"/usr/bin/caddy", "version", "Caddy "},
	} {
		out, err := exec.Command(v.program, v.arg).CombinedOutput()
		if err != nil {
			continue
		}
		line := strings.TrimPrefix(firstLine(string(out)), v.prefix)
		if v.prefix == "Caddy " {
			line = v.prefix + line
		}
		line, _, _ = strings.Cut(line, " (")
		list = append(list, line)
	}
	return strings.Join(append(list, runtime.Version()), ", ")
}
