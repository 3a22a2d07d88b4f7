package main

import (
	"fmt"
	"html"
	"strings"
)

// Measures of a chart, in pixels.
const (
	chartWidth = 640
	barHeight  = 22
	barGap     = 8
	nameWidth  = 90
	valueWidth = 110
	titleSpace = 34
)

// chart draws a result's first figure as bars, Donjon's in a colour of its own.
// It is readable on light and dark pages. It is "" for a result without figures.
func chart(r *result) string {
	var most float64
	var name, unit string
	bars := 0
	for _, row := range r.Rows {
		if len(row.Figures) > 0 {
			f := row.Figures[0]
			most, name, unit = max(most, f.Mid), f.Name, f.Unit
			bars++
		}
	}
	if bars == 0 || most <= 0 {
		return ""
	}
	height := titleSpace + bars*(barHeight+barGap) + barGap
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%[1]d" height="%[2]d" role="img" aria-label="%s">
<style>
text { font: 13px system-ui, sans-serif; fill: #222 }
.title { font-weight: 600 }
.own { fill: #2a6f97 } .other { fill: #9aa5b1 }
@media (prefers-color-scheme: dark) { text { fill: #ddd } .own { fill: #61a5c2 } .other { fill: #5c6773 } }
</style>
<text class="title" x="0" y="18">%s</text>
`, chartWidth, height, html.EscapeString(r.Title), html.EscapeString(fmt.Sprintf("%s: %s, %s (less is better)", r.Title, name, unit)))
	y := titleSpace
	for i, row := range r.Rows {
		if len(row.Figures) == 0 {
			continue
		}
		class := "other"
		if i == 0 {
			class = "own"
		}
		width := row.Figures[0].Mid / most * (chartWidth - nameWidth - valueWidth)
		fmt.Fprintf(&b, `<text x="0" y="%d">%s</text><rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/><text x="%.1f" y="%d">%s</text>
`, y+barHeight-6, html.EscapeString(row.Server), class, nameWidth, y, max(width, 1), barHeight, nameWidth+width+6, y+barHeight-6, number(row.Figures[0].Mid))
		y += barHeight + barGap
	}
	b.WriteString("</svg>\n")
	return b.String()
}
