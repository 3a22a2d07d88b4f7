package ldap

import (
	"fmt"
	"html"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

const (
	statusHead = "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 4.01//EN\" \"http://www.w3.org/TR/html4/strict.dtd\">\n" +
		"<html><head><title>LDAP Cache Information</title></head>\n" +
		"<body bgcolor='#ffffff'><h1 align=center>LDAP Cache Information</h1>\n"
	fontOpen = "<font size='-1' face='Arial,Helvetica' color='#ffffff'><b>"
)

// showStatus is the page of the handler ldap-status: what the child that answers
// remembers.
func showStatus(r *server.Request) server.Status {
	r.Allowed |= server.MethodBit("GET")
	if r.Method != "GET" && r.Method != "HEAD" {
		return server.Declined
	}
	r.ContentType = "text/html; charset=ISO-8859-1"
	if r.HeaderOnly {
		return server.OK
	}
	r.WriteString(statusHead)
	l := listOf(mainOf(r.Server))
	l.mu.Lock()
	list := append([]*caches(nil), l.list...)
	l.mu.Unlock()
	if r.Args != "" {
		showOne(r, list)
	} else {
		showAll(r, list)
	}
	return server.OK
}

func heads(span map[int]bool, names ...string) string {
	var b strings.Builder
	b.WriteString("<p>\n<table border='0'>\n<tr bgcolor='#000000'>\n")
	for i, n := range names {
		td := "<td>"
		if span[i] {
			td = "<td colspan='2'>"
		}
		b.WriteString(td + fontOpen + n + "</b></font></td>")
	}
	b.WriteString("</tr>\n")
	return b.String()
}

// stats are the numbers of a cache.
type stats struct {
	entries, most, fetches, hits, inserts, removes, purges int
	purgeTime                                              time.Duration
	lastPurge, marked                                      time.Time
}

func (c *cache[K, V]) stats() stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return stats{len(c.entries), c.most, c.fetches, c.hits, c.inserts, c.removes, c.purges, c.purgeTime, c.lastPurge, c.marked}
}

func percent(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return 100 * float64(part) / float64(whole)
}

// row is a line of the table. Apache tells how long the chains of its hash table
// are; here a look-up is one step, whenever there is something.
func (s stats) row(r *server.Request, name, link string) string {
	if link != "" {
		name = fmt.Sprintf("<a href=\"%s?%s\">%s</a>", html.EscapeString(r.URI), link, html.EscapeString(name))
	} else {
		name = html.EscapeString(name)
	}
	chain := 0.0
	if s.entries > 0 {
		chain = 1
	}
	b := fmt.Sprintf("<tr valign='top'><td nowrap>%s</td><td align='right' nowrap>%d (%.0f%% full)</td><td align='right'>%.1f</td>"+
		"<td align='right'>%d/%d</td><td align='right'>%.0f%%</td><td align='right'>%d/%d</td>",
		name, s.entries, percent(s.entries, s.most), chain, s.hits, s.fetches, percent(s.hits, s.fetches), s.inserts, s.removes)
	if s.purges > 0 {
		b += fmt.Sprintf("<td align='right'>%d</td>\n<td align='right' nowrap>%s</td>\n", s.purges, s.lastPurge.Format(time.ANSIC))
	} else {
		b += "<td colspan='2' align='center'>(none)</td>\n"
	}
	average := 0.0
	if s.purges > 0 {
		average = float64(s.purgeTime.Microseconds()) / 1000 / float64(s.purges)
	}
	return b + fmt.Sprintf("<td align='right'>%sms</td>\n</tr>", strconv.FormatFloat(average, 'g', 2, 64))
}

func showAll(r *server.Request, list []*caches) {
	r.WriteString(heads(map[int]bool{3: true, 5: true}, "Cache Name", "Entries", "Avg. Chain Len.", "Hits", "Ins/Rem", "Purges", "Avg Purge Time"))
	urls := stats{entries: len(list), most: 50, inserts: len(list)}
	r.WriteString(urls.row(r, "LDAP URL Cache", "cache=main"))
	for i, u := range list {
		r.WriteString(u.searches.stats().row(r, u.url+" (Searches)", fmt.Sprintf("cache=s:%d:1", i)))
		r.WriteString(u.compares.stats().row(r, u.url+" (Compares)", fmt.Sprintf("cache=c:%d:1", i)))
		r.WriteString(u.names.stats().row(r, u.url+" (DNCompares)", fmt.Sprintf("cache=d:%d:1", i)))
	}
	r.WriteString("</table>\n</p>\n")
}

func cells(list ...string) string {
	var b strings.Builder
	b.WriteString("<tr valign='top'>")
	for _, c := range list {
		b.WriteString("<td nowrap>" + c + "</td>")
	}
	b.WriteString("</tr>")
	return b.String()
}

// showOne is the page of one cache, which the query names.
func showOne(r *server.Request, list []*caches) {
	if r.Args == "cache=main" {
		r.WriteString(heads(nil, "LDAP URL", "Size", "Max Entries", "# Entries", "TTL (sec)", "Full Mark", "Full Mark Time"))
		for _, u := range list {
			for _, k := range []struct {
				name string
				stats
				ttl time.Duration
			}{{"Searches", u.searches.stats(), u.searchTTL}, {"Compares", u.compares.stats(), u.compareTTL}, {"DNCompares", u.names.stats(), u.compareTTL}} {
				r.WriteString(cells(fmt.Sprintf("%s (%s)", html.EscapeString(u.url), k.name), strconv.Itoa(k.most), strconv.Itoa(k.most),
					strconv.Itoa(k.entries), strconv.Itoa(int(k.ttl.Seconds())), strconv.Itoa(k.most/4*3), when(k.marked)))
			}
		}
		r.WriteString("</table>\n</p>\n")
		return
	}
	kind, rest, _ := strings.Cut(strings.TrimPrefix(r.Args, "cache="), ":")
	number, _, _ := strings.Cut(rest, ":")
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 || i >= len(list) {
		return
	}
	u := list[i]
	switch kind {
	case "s":
		r.WriteString(heads(nil, "LDAP Filter", "User Name", "Last Bind"))
		each(&u.searches, func(k string, e entry[search]) {
			r.WriteString(cells(html.EscapeString(k), html.EscapeString(e.value.dn), when(e.since)))
		})
	case "c":
		r.WriteString(heads(nil, "DN", "Attribute", "Value", "Last Compare", "Result", "Sub-groups?", "S-G Checked?"))
		each(&u.compares, func(k compareKey, e entry[comparison]) {
			yes := map[bool]string{true: "Yes", false: "No"}
			r.WriteString(cells(html.EscapeString(k.dn), html.EscapeString(k.attribute), html.EscapeString(k.value), when(e.since),
				e.value.result.String(), yes[len(e.value.groups) > 0], yes[e.value.looked]))
		})
	case "d":
		r.WriteString(heads(nil, "Require DN", "Actual DN"))
		each(&u.names, func(k string, e entry[string]) {
			r.WriteString(cells(html.EscapeString(k), html.EscapeString(e.value)))
		})
	default:
		return
	}
	r.WriteString("</table>\n</p>\n")
}

func each[K comparable, V any](c *cache[K, V], f func(K, entry[V])) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for k, e := range c.entries {
		f(k, e)
	}
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.Format(time.ANSIC)
}
