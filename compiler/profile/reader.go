package profile

import (
	"fmt"
	"time"
)

// reader is what the decoder knows of a key.
type reader struct {
	// form says what the value must be, for the reference; tableForm for a table.
	form string
	// unstated returns the value where no layer states the key, "" for none; it is nil
	// where there never is one.
	unstated func() string
	// read reads the value; it is nil for a key that is read elsewhere.
	read func(*node)
}

// fields are the keys of a table.
type fields map[string]reader

// tableForm is the form of a table.
const tableForm = "a table"

// tableOf is the reader of a table.
func tableOf(read func(*node)) reader { return reader{form: tableForm, read: read} }

func aNumber(low, high int64) string {
	return fmt.Sprintf("a whole number from %d to %d", low, high)
}

// defaultOf shows, as a profile would state it, what a reader's target holds before the
// key is read; the zero value of anything but a boolean is none.
func defaultOf[T any](to *T) func() string {
	return func() string { return shownDefault(*to) }
}

func shownDefault(value any) string {
	switch v := value.(type) {
	case bool:
		return fmt.Sprint(v)
	case Count:
		if v.N > 0 {
			return fmt.Sprint(v.N)
		}
	case time.Duration:
		if v > 0 {
			return quote(showDuration(v))
		}
	case Rate:
		if v.Count > 0 {
			return quote(showRate(v))
		}
	case Limit:
		if v.Rate.Count > 0 {
			return quote(showRate(v.Rate))
		}
	default:
		if text := fmt.Sprint(value); text != "" {
			return quote(text)
		}
	}
	return ""
}

// showRate writes a rate as a profile does.
func showRate(r Rate) string {
	per := map[time.Duration]string{time.Second: "second", time.Minute: "minute", time.Hour: "hour", 24 * time.Hour: "day"}
	return fmt.Sprintf("%d/%s burst %d", r.Count, per[r.Per], r.Burst)
}
