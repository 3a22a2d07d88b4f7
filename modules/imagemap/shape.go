package imagemap

import (
	"regexp"
	"strconv"
	"strings"
)

// point is a place in an image.
type point struct{ x, y float64 }

// place is where the client clicked, if it said so.
type place struct {
	point
	known bool
}

// click reads the query string "x,y". Clients that cannot click send 0,0.
func click(args string) place {
	x, y := -1.0, -1.0
	first, second, comma := strings.Cut(args, ",")
	if n, ok := number(fromDigit(first)); ok {
		x = n
	}
	if comma {
		if n, ok := number(fromDigit(second)); ok {
			y = n
		}
	}
	return place{point{x, y}, x != -1 && y != -1 && (x != 0 || y != 0)}
}

func fromDigit(s string) string {
	if i := strings.IndexAny(s, "0123456789"); i >= 0 {
		return s[i:]
	}
	return ""
}

var numberRx = regexp.MustCompile(`^[ \t\n\v\f\r]*[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?`)

// number reads what C's strtod would.
func number(s string) (float64, bool) {
	text := numberRx.FindString(s)
	n, err := strconv.ParseFloat(strings.TrimLeft(text, " \t\n\v\f\r"), 64)
	return n, text != "" && (err == nil || n != 0)
}

const maxVertices = 100

// vertices reads points as scanf's "%lf%*[, ]%lf" does, one after the other.
// Between them only digits and one more character are skipped: behind a fraction
// the rest of it is read as another number (as in Apache).
func vertices(s string) (list []point, rest string) {
	for len(list) < maxVertices {
		text := numberRx.FindString(s)
		x, ok := number(text)
		if !ok {
			break
		}
		behind := s[len(text):]
		gap := strings.TrimLeft(behind, ", ")
		y, ok := number(gap)
		if !ok || len(gap) == len(behind) {
			break
		}
		list = append(list, point{x, y})
		s = skipDigits(s)
		s = skipDigits(s[min(1, len(s)):])
	}
	return list, s
}

func skipDigits(s string) string {
	return strings.TrimLeft(strings.TrimLeft(s, " \t\n\v\f\r"), "0123456789")
}

func (p point) inRect(v []point) bool {
	a, b := v[0], corner(v)
	return p.x >= min(a.x, b.x) && p.x <= max(a.x, b.x) && p.y >= min(a.y, b.y) && p.y <= max(a.y, b.y)
}

func (p point) inCircle(v []point) bool { return p.squared(v[0]) <= v[0].squared(corner(v)) }

// corner is the second point; where the map gives one alone, that is -1,0.
func corner(v []point) point {
	if len(v) > 1 {
		return v[1]
	}
	return point{-1, 0}
}

func (p point) squared(q point) float64 { return (p.y-q.y)*(p.y-q.y) + (p.x-q.x)*(p.x-q.x) }

// inPolygon counts how often a ray crosses the sides; the sides belong to it.
func (p point) inPolygon(v []point) bool {
	inside := false
	for i, a := range v {
		b := v[(i+1)%len(v)]
		d := (p.y-a.y)*(b.x-a.x) - (p.x-a.x)*(b.y-a.y)
		if (a.y >= p.y) != (b.y >= p.y) && (b.y >= a.y && d >= 0 || b.y < a.y && d <= 0) {
			inside = !inside
		}
		if d == 0 && min(a.x, b.x) <= p.x && p.x <= max(a.x, b.x) && min(a.y, b.y) <= p.y && p.y <= max(a.y, b.y) {
			return true
		}
	}
	return inside
}
