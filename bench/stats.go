package main

import (
	"math"
	"slices"
	"time"
)

// percentile returns the value below or at which p percent of sorted lie
// (nearest rank), and zero of no values.
func percentile[T any](sorted []T, p float64) T {
	var none T
	if len(sorted) == 0 {
		return none
	}
	rank := int(math.Ceil(p / 100 * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// median is the middle value, or the mean of the two middle ones; NaN of no values.
func median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(values))
	mid := len(s) / 2
	if len(s)%2 == 1 {
		return s[mid]
	}
	return (s[mid-1] + s[mid]) / 2
}

// A round is what one server did in one round of one workload.
type round struct {
	Requests int           `json:"requests"`
	Elapsed  time.Duration `json:"elapsed_ns"`
	CPU      time.Duration `json:"cpu_ns"` // user and system, of all processes of the server
	P50      time.Duration `json:"p50_ns"`
	P90      time.Duration `json:"p90_ns"`
	P99      time.Duration `json:"p99_ns"`
}

// A figure is one column of the report: what a row's rounds say of it.
type figure struct {
	Name string  `json:"name"`
	Unit string  `json:"unit"`
	Mid  float64 `json:"median"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func figureOf(name, unit string, values []float64) figure {
	if len(values) == 0 {
		return figure{Name: name, Unit: unit}
	}
	return figure{Name: name, Unit: unit, Mid: median(values), Low: slices.Min(values), High: slices.Max(values)}
}

// loadFigures are the columns of a workload that sends requests. The first is
// the one that servers are compared by: it suffers least from a busy machine.
func loadFigures(rounds []round) []figure {
	each := func(f func(round) float64) []float64 {
		var values []float64
		for _, r := range rounds {
			if r.Requests > 0 && r.Elapsed > 0 {
				values = append(values, f(r))
			}
		}
		return values
	}
	micros := func(d time.Duration) float64 { return float64(d) / 1e3 }
	return []figure{
		figureOf("cpu/request", "us", each(func(r round) float64 { return micros(r.CPU) / float64(r.Requests) })),
		figureOf("requests/s", "", each(func(r round) float64 { return float64(r.Requests) / r.Elapsed.Seconds() })),
		figureOf("p50", "us", each(func(r round) float64 { return micros(r.P50) })),
		figureOf("p90", "us", each(func(r round) float64 { return micros(r.P90) })),
		figureOf("p99", "us", each(func(r round) float64 { return micros(r.P99) })),
	}
}
