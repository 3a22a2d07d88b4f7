package server

import "errors"

// ParseErrorLogFormat checks an ErrorLogFormat.
func ParseErrorLogFormat(format string) (*errorFormat, error) {
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			continue
		}
		if i++; i == len(format) {
			return nil, errors.New("ErrorLogFormat ends in the middle of an item")
		}
	}
	return &errorFormat{format}, nil
}

type errorFormat struct{ text string }
