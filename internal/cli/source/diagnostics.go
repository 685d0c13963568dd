package source

import (
	"github.com/hardenctl/hardenctl/compiler/diag"
)

// diagnostics is the JSON form of what is wrong with a profile.
type diagnostics struct {
	Diagnostics diag.List `json:"diagnostics"`
	Errors      int       `json:"errors"`
	Warnings    int       `json:"warnings"`
}

func diagnosticsView(list diag.List) diagnostics {
	view := diagnostics{Diagnostics: list}
	if list == nil {
		view.Diagnostics = diag.List{}
	}
	for _, d := range list {
		if d.Severity == diag.Error {
			view.Errors++
		} else {
			view.Warnings++
		}
	}
	return view
}
