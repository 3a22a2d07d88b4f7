package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// bench is one run: what is served, on which processors, for how long.
type bench struct {
	site     site
	cpus     *cpus // nil: not pinned
	rounds   int
	duration time.Duration // of a round
	out      io.Writer
}

// result is what all servers did in one workload.
type result struct {
	Workload string `json:"workload"`
	Title    string `json:"title"`
	Rows     []row  `json:"rows"`
}

// row is one server's part of it: figures, or why there are none.
type row struct {
	Server  string   `json:"server"`
	Figures []figure `json:"figures,omitempty"`
	Ratio   float64  `json:"ratio,omitempty"` // of the first figure to Donjon's
	Without string   `json:"without,omitempty"`
}

// measure lets the servers do a workload, taking turns in each round. One that
// fails is left out from then on, and the failure is its result.
func (b *bench) measure(ctx context.Context, w *workload, ps []product) result {
	r := result{Workload: w.Name, Title: w.Title, Rows: make([]row, len(ps))}
	rounds := make([][]round, len(ps))
	figures := make([][][]figure, len(ps))
	for n := range b.rounds {
		for i := range ps {
			row := &r.Rows[i]
			row.Server = ps[i].Name
			if n == 0 {
				row.Without = w.refuses(ps[i].Name)
			}
			if row.Without != "" || ctx.Err() != nil {
				continue
			}
			if w.Runs != nil {
				f, err := w.Runs(ctx, b, &ps[i])
				if err != nil {
					row.Without = err.Error()
					continue
				}
				figures[i] = append(figures[i], f)
				continue
			}
			one, err := b.load(ctx, w, &ps[i])
			if err != nil {
				row.Without = err.Error()
				continue
			}
			rounds[i] = append(rounds[i], one)
		}
	}
	for i := range r.Rows {
		row := &r.Rows[i]
		switch {
		case row.Without != "":
		case w.Runs != nil:
			row.Figures = combine(figures[i])
		default:
			row.Figures = loadFigures(rounds[i])
		}
	}
	r.compare()
	return r
}

// compare puts every row in relation to the first, which is Donjon's.
func (r *result) compare() {
	if len(r.Rows) == 0 || len(r.Rows[0].Figures) == 0 || r.Rows[0].Figures[0].Mid == 0 {
		return
	}
	for i := range r.Rows {
		if len(r.Rows[i].Figures) > 0 {
			r.Rows[i].Ratio = r.Rows[i].Figures[0].Mid / r.Rows[0].Figures[0].Mid
		}
	}
}

// combine makes one list of figures of those of each round.
func combine(rounds [][]figure) []figure {
	var all []figure
	for i := range rounds[0] {
		var values []float64
		for _, r := range rounds {
			values = append(values, r[i].Mid)
		}
		all = append(all, figureOf(rounds[0][i].Name, rounds[0][i].Unit, values))
	}
	return all
}

// warmUp is how long a load runs before it is measured.
const warmUp = 200 * time.Millisecond

// load is one round of the plain client on a server of its own.
func (b *bench) load(ctx context.Context, w *workload, p *product) (round, error) {
	s, err := p.start(b.site, w.Needs, b.cpus)
	if err != nil {
		return round{}, err
	}
	defer s.stop()
	l := *w.Load
	l.Port = s.port
	if _, err := l.run(ctx, warmUp); err != nil {
		return round{}, err
	}
	before := cpuTime(s.cmd.Process.Pid)
	t, err := l.run(ctx, b.duration)
	if err != nil {
		return round{}, err
	}
	if t.failed > 0 {
		return round{}, fmt.Errorf("%d requests failed: %w", t.failed, t.first)
	}
	one := t.round()
	one.CPU = cpuTime(s.cmd.Process.Pid) - before
	return one, nil
}

// text is the result as a table for people.
func (r *result) text() string {
	var b, without strings.Builder
	fmt.Fprintf(&b, "%s: %s\n", r.Workload, r.Title)
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	titled := false
	for _, row := range r.Rows {
		if row.Without != "" {
			fmt.Fprintf(&without, "  %s: %s\n", row.Server, row.Without)
			continue
		}
		if !titled {
			titled = true
			fmt.Fprint(t, "\t")
			for _, f := range row.Figures {
				fmt.Fprintf(t, "%s %s\t", f.Name, f.Unit)
			}
			fmt.Fprintln(t, "ratio\tlow..high\t")
		}
		fmt.Fprintf(t, "%s\t", row.Server)
		for _, f := range row.Figures {
			fmt.Fprintf(t, "%s\t", number(f.Mid))
		}
		fmt.Fprintf(t, "%s\t%s..%s\t\n", row.ratio(), number(row.Figures[0].Low), number(row.Figures[0].High))
	}
	t.Flush()
	return b.String() + without.String()
}

// ratio is to Donjon's figure, where there is one.
func (w *row) ratio() string {
	if w.Ratio == 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", w.Ratio)
}

// number writes three significant digits.
func number(v float64) string {
	switch {
	case v >= 100 || v == 0:
		return fmt.Sprintf("%.0f", v)
	case v >= 10:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}
