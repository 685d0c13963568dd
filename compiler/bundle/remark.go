package bundle

import (
	"time"

	"github.com/hardenctl/hardenctl/compiler/diag"
)

// Expired is the code of what Expiring finds to be over; what is near has diag.ExpiresSoon.
const Expired = "expired"

// soon is how long before its last day a part is said to expire.
const soon = 30 * 24 * time.Hour

// Expiring returns a warning for each part and entry whose last day is over at a time, or is
// near. Their rules stay as they are.
func (m Manifest) Expiring(now time.Time) diag.List {
	var list diag.List
	for _, r := range m.Remarks {
		last, err := time.Parse(time.DateOnly, r.Expires)
		d := diag.Diagnostic{Severity: diag.Warning, Position: r.Position(), Subject: r.Part}
		what := "it"
		if r.Entry != "" {
			what = r.Entry
		}
		switch {
		case err != nil: // it has no last day
			continue
		case !now.Before(last.AddDate(0, 0, 1)):
			d.Code, d.Message = Expired, what+" has expired: its last day was "+r.Expires
			d.Note, d.Suggestion = "its rules are still compiled", "remove it, or state a later day"
		case now.Add(soon).After(last):
			d.Code, d.Message = diag.ExpiresSoon, what+" expires: its last day is "+r.Expires
		default:
			continue
		}
		if r.Description != "" {
			d.Message += " (" + r.Description + ")"
		}
		list.Add(d)
	}
	return list
}
