package dbd

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/donjon-httpd/donjon/server"
)

// text is a value as the database itself would print it; kind is the type of its
// column in the database.
func text(v driver.Value, kind string) server.DBValue {
	s := ""
	switch v := v.(type) {
	case nil:
		return server.DBValue{}
	case string:
		s = v
	case []byte:
		s = string(v)
	case int64:
		s = strconv.FormatInt(v, 10)
	case float64:
		s = float(v)
	case bool:
		s = "f"
		if v {
			s = "t"
		}
	case time.Time:
		switch kind {
		case "DATE":
			s = v.Format("2006-01-02")
		case "TIMESTAMPTZ":
			s = v.Format("2006-01-02 15:04:05.999999-07")
		default:
			s = v.Format("2006-01-02 15:04:05.999999999")
		}
	default:
		s = fmt.Sprint(v)
	}
	s, _, _ = strings.Cut(s, "\x00") // the end of a text in C
	return server.DBValue{Text: s, Valid: true}
}

// float is "%!.15g" of SQLite: 15 digits, and a point that is always there.
func float(f float64) string {
	s := strconv.FormatFloat(f, 'g', 15, 64)
	if strings.Contains(s, ".") && !strings.Contains(s, "e") {
		return s
	}
	if mantissa, exponent, ok := strings.Cut(s, "e"); ok {
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		return mantissa + "e" + exponent
	}
	if strings.ContainsAny(s, "IN") {
		return s
	}
	return s + ".0"
}
