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
	c := settings.Of(mainOf(r.Server))
	if urls := l.urls(c.searches.Else(defaultEntries)); r.Args != "" {
		showOne(r, urls, c.searchTTL.Else(defaultTTL), list)
	} else {
		showAll(r, urls, list)
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

func percent(part, whole int, none float64) float64 {
	if whole == 0 {
		return none
	}
	return 100 * float64(part) / float64(whole)
}

// row is a line of the table. Apache tells how long the chains of its hash table
// are; here a look-up is one step, whenever there is something.
func (s stats) row(r *server.Request, name, link string) string {
	name = fmt.Sprintf("<a href=\"%s?%s\">%s</a>", html.EscapeString(r.URI), link, html.EscapeString(name))
	chain := 0.0
	if s.entries > 0 {
		chain = 1
	}
	b := fmt.Sprintf("<tr valign='top'><td nowrap>%s</td><td align='right' nowrap>%d (%.0f%% full)</td><td align='right'>%.1f</td>"+
		"<td align='right'>%d/%d</td><td align='right'>%.0f%%</td><td align='right'>%d/%d</td>",
		name, s.entries, percent(s.entries, s.most, 0), chain, s.hits, s.fetches, percent(s.hits, s.fetches, 100), s.inserts, s.removes)
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

// urls are the numbers of the cache of URLs.
func (l *byURL) urls(most int) stats {
	l.mu.Lock()
	defer l.mu.Unlock()
	return stats{entries: len(l.list), most: most, inserts: len(l.list), fetches: l.fetches, hits: l.hits}
}

func showAll(r *server.Request, urls stats, list []*caches) {
	r.WriteString(heads(map[int]bool{3: true, 5: true}, "Cache Name", "Entries", "Avg. Chain Len.", "Hits", "Ins/Rem", "Purges", "Avg Purge Time"))
	rows := []string{urls.row(r, "LDAP URL Cache", "cache=main&id=0&off=0")}
	for i, u := range list {
		link := func(kind string) string { return fmt.Sprintf("cache=%s&id=%d&off=0", kind, i) }
		rows = append(rows, u.searches.stats().row(r, u.url+" (Searches)", link("srch")), u.compares.stats().row(r, u.url+" (Compares)", link("cmpr")),
			u.names.stats().row(r, u.url+" (DNCompares)", link("dncp")))
	}
	if len(rows) > 1 {
		rows = append(rows, "")
	}
	r.WriteString(strings.Join(rows, "\n\n"))
	r.WriteString("</table>\n</p>\n")
}

// labelled is a table of two columns.
func labelled(rows ...[2]string) string {
	var b strings.Builder
	b.WriteString("<p>\n<table border='0'>\n")
	for _, row := range rows {
		b.WriteString("<tr>\n<td bgcolor='#000000'>" + fontOpen + row[0] + "</b></font></td><td bgcolor='#ffffff'>" +
			"<font size='-1' face='Arial,Helvetica' color='#000000'><b>" + html.EscapeString(row[1]) + "</b></font></td></tr>\n")
	}
	b.WriteString("</table>\n</p>\n")
	return b.String()
}

// primes are the sizes that Apache's hash tables have.
var primes = []int{11, 19, 37, 73, 109, 163, 251, 367, 557, 823, 1237, 1861, 2777, 4177, 6247, 9371, 14057, 21089, 31627}

func tableSize(most int) int {
	for _, p := range primes {
		if p >= most/3 {
			return p
		}
	}
	return primes[len(primes)-1]
}

func (s stats) about(name, kind string, ttl time.Duration) string {
	return labelled([2]string{"Cache Name:", name + " (" + kind + ")"}) +
		labelled([2]string{"Size:", strconv.Itoa(tableSize(s.most))}, [2]string{"Max Entries:", strconv.Itoa(s.most)},
			[2]string{"# Entries:", strconv.Itoa(s.entries)}, [2]string{"TTL (sec):", strconv.Itoa(int(ttl.Seconds()))},
			[2]string{"Full Mark:", strconv.Itoa(s.most / 4 * 3)}, [2]string{"Full Mark Time:", when(s.marked)})
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
func showOne(r *server.Request, urls stats, ttl time.Duration, list []*caches) {
	var kind string
	var id, off int
	if n, err := fmt.Sscanf(strings.ReplaceAll(r.Args, "&", " "), "cache=%s id=%d off=%d", &kind, &id, &off); n != 3 || err != nil || fmt.Sprintf("cache=%s&id=%d&off=%d", kind, id, off) != r.Args {
		return
	}
	if kind == "main" {
		r.WriteString(urls.about("", "Main", ttl))
		r.WriteString(heads(nil, "LDAP URL", "Size", "Max Entries", "# Entries", "TTL (sec)", "Full Mark", "Full Mark Time"))
		for _, u := range list {
			for _, k := range []struct {
				name string
				stats
				ttl time.Duration
			}{{"Searches", u.searches.stats(), u.searchTTL}, {"Compares", u.compares.stats(), u.compareTTL}, {"DN Compares", u.names.stats(), u.compareTTL}} {
				r.WriteString(cells(fmt.Sprintf("%s (%s)", html.EscapeString(u.url), k.name), strconv.Itoa(tableSize(k.most)), strconv.Itoa(k.most),
					strconv.Itoa(k.entries), strconv.Itoa(int(k.ttl.Seconds())), strconv.Itoa(k.most/4*3), when(k.marked)))
			}
		}
		r.WriteString("</table>\n</p>\n")
		return
	}
	u := &caches{} // what is asked of a URL that is not there
	if id >= 0 && id < len(list) && off == 0 {
		u = list[id]
	}
	titled := func(kind string) { r.WriteString(labelled([2]string{"Cache Name:", u.url + " (" + kind + ")"})) }
	switch kind {
	case "srch":
		titled("Search")
		r.WriteString(heads(nil, "LDAP Filter", "User Name", "Last Bind"))
		each(&u.searches, func(k string, e entry[search]) {
			r.WriteString(cells(html.EscapeString(k), html.EscapeString(e.value.dn), when(e.since)))
		})
	case "cmpr":
		titled("Compares")
		r.WriteString(heads(nil, "DN", "Attribute", "Value", "Last Compare", "Result", "Sub-groups?", "S-G Checked?"))
		each(&u.compares, func(k compareKey, e entry[comparison]) {
			yes := map[bool]string{true: "Yes", false: "No"}
			r.WriteString(cells(html.EscapeString(k.dn), html.EscapeString(k.attribute), html.EscapeString(k.value), when(e.since),
				e.value.result.String(), yes[len(e.value.groups) > 0], yes[e.value.looked]))
		})
	case "dncp":
		titled("DNCompares")
		r.WriteString(heads(nil, "Require DN", "Actual DN"))
		each(&u.names, func(k string, e entry[string]) {
			r.WriteString(cells(html.EscapeString(k), html.EscapeString(e.value)))
		})
	default:
		if len(kind) <= 4 {
			titled("DNCompares")
		}
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
		return ""
	}
	return t.Format(time.ANSIC)
}
